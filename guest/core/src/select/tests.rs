use super::*;

fn texts(rules: &[&str]) -> Vec<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

/// What is selected of each stream under a catalog and rules, as dotted paths; fields that are automatic stand by their catalog.
fn selected(catalog: Option<Value>, select: &[&str], exclude: &[&str]) -> Result<Vec<String>> {
    let (select, exclude) = (texts(select), texts(exclude));
    let select = (!select.is_empty()).then_some(select.as_slice());
    let text = apply(catalog.map(|catalog| catalog.to_string()), select, &exclude)?.expect("there are rules");
    let catalog = Catalog::parse(&text)?;
    let mut found = Vec::new();
    for entry in catalog.entries.iter().filter(|entry| entry.is_selected()) {
        let stream = Stream::find(&entry.name).unwrap();
        let paths = schema::paths(stream.schema());
        let chosen = entry.selection(&paths, &|_| true);
        let kept = schema::prune(stream.schema(), &|path| chosen.contains(path));
        found.push(entry.name.clone());
        found.extend(schema::paths(&kept).into_iter().map(|path| format!("{}.{}", entry.name, path.join("."))));
    }
    Ok(found)
}

fn streams(found: &[String]) -> Vec<&str> {
    found.iter().map(String::as_str).filter(|name| !name.contains('.')).collect()
}

fn of<'f>(found: &'f [String], start: &str) -> Vec<&'f str> {
    found.iter().filter_map(|name| name.strip_prefix(start)).filter(|rest| !rest.contains('.')).collect()
}

#[test]
fn no_rules_leave_a_catalog_as_it_is() {
    assert_eq!(apply(None, None, &[]).unwrap(), None);
    assert_eq!(apply(Some("not read".into()), None, &[]).unwrap().as_deref(), Some("not read"));
}

#[test]
fn a_stream_comes_with_its_default_fields_and_no_other_stream_comes() {
    let found = selected(None, &["orders, customers"], &[]).unwrap();
    assert_eq!(streams(&found), ["orders", "customers"]);
    assert!(of(&found, "orders.").contains(&"status") && !of(&found, "orders.").contains(&"consignments"));
    assert_eq!(streams(&selected(None, &["orders", "coupons"], &[]).unwrap()), ["orders", "coupons"]);
    assert_eq!(streams(&selected(None, &["order*s"], &["order_*"]).unwrap()), ["orders"]);
}

#[test]
fn a_field_comes_with_its_stream_its_parents_and_all_below_it_and_several_add_up() {
    let found = selected(None, &["orders.products.sku,products.variants", "orders.status"], &[]).unwrap();
    assert_eq!(streams(&found), ["orders", "products"]);
    let mut fields = of(&found, "orders.");
    fields.sort_unstable();
    assert_eq!(fields, ["date_modified", "id", "products", "status"]);
    assert_eq!(of(&found, "orders.products."), ["sku"]);
    assert!(of(&found, "products.variants.").len() > 5 && !of(&found, "products.").contains(&"name"));
    let both = selected(None, &["orders,orders.consignments"], &[]).unwrap();
    assert!(of(&both, "orders.").contains(&"consignments") && of(&both, "orders.").contains(&"status"));
}

#[test]
fn a_star_stands_for_any_part_of_a_name() {
    let found = selected(None, &["*.notes"], &[]).unwrap();
    assert_eq!(streams(&found), ["customers"], "only a stream that has such a field");
    assert!(of(&selected(None, &["orders.*"], &[]).unwrap(), "orders.").contains(&"consignments"));
    let dates = selected(None, &["orders.date_*"], &[]).unwrap();
    assert!(of(&dates, "orders.").iter().all(|name| name.starts_with("date_") || *name == "id"));
    for (pattern, name, fit) in
        [("*", "x", true), ("a*c", "abc", true), ("a*c", "acb", false), ("*b*b", "ab", false), ("", "", true)]
    {
        assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
    }
}

#[test]
fn what_is_excluded_goes_and_the_rest_stays() {
    let whole = selected(None, &["orders,order_products,customers,products,coupons"], &[]).unwrap();
    let found = selected(None, &[], &["customers.notes,orders.products.sku", "coupons"]).unwrap();
    let gone: Vec<&String> = whole.iter().filter(|name| !found.contains(name) && !name.starts_with("coupons")).collect();
    assert_eq!(gone, ["orders.products.sku", "customers.notes"]);
    assert!(found.iter().all(|name| whole.contains(name)) && !found.contains(&"coupons".to_owned()));
    let rest = selected(None, &["!coupons", "!customers.notes,!orders.products.sku"], &[]).unwrap();
    assert!(found.iter().all(|name| rest.contains(name)) && !rest.contains(&"coupons".to_owned()));
    let narrowed = selected(None, &["orders,!orders.products"], &["*.status"]).unwrap();
    assert_eq!(streams(&narrowed), ["orders"]);
    assert!(!of(&narrowed, "orders.").iter().any(|name| ["products", "status"].contains(name)));
}

#[test]
fn rules_work_on_top_of_a_catalog_in_either_form() {
    let item = |path: &[&str], selected: bool| json!({"breadcrumb": path, "metadata": {"selected": selected}});
    let today = json!({"streams": [
        {"tap_stream_id": "orders", "metadata": [item(&[], true), item(&["properties", "status"], false),
            item(&["properties", "products", "items", "properties", "sku"], false)]},
        {"tap_stream_id": "coupons", "metadata": [item(&[], false)]}]});
    let found = selected(Some(today.clone()), &[], &["orders.products.name"]).unwrap();
    assert_eq!(streams(&found), ["orders"]);
    let lines = of(&found, "orders.products.");
    assert!(!lines.contains(&"name") && !lines.contains(&"sku") && lines.contains(&"id"));
    assert!(!of(&found, "orders.").contains(&"status"));
    let found = selected(Some(today), &["coupons", "customers", "orders.products", "orders.products.sku"], &[]).unwrap();
    assert_eq!(streams(&found), ["orders", "coupons", "customers"], "a stream needs no entry");
    assert!(of(&found, "orders.products.").contains(&"sku"));

    let old = json!({"streams": [{"stream": "coupons", "schema": {"selected": true, "properties": {
        "id": {"selected": true}, "code": {"selected": true}, "name": {"selected": false}}}}]});
    assert_eq!(of(&selected(Some(old.clone()), &[], &["coupons.code"]).unwrap(), "coupons."), ["id"]);
    let found = selected(Some(old), &["coupons.name", "coupons.applies_to"], &[]).unwrap();
    assert!(of(&found, "coupons.").contains(&"name") && of(&found, "coupons.applies_to.").contains(&"ids"), "{found:?}");
}

#[test]
fn a_rule_that_names_nothing_names_the_nearest() {
    for (rule, meant) in [
        ("order", "\"orders\""),
        ("orders.prodcts", "\"orders.products\""),
        ("order.products.skus", "\"orders.products.sku\""),
        ("customers.note", "\"customers.notes\""),
        ("variants", "\"products.variants\""),
        ("coupons.sku", "--discover"),
        ("gift_registries", "orders, order_products, order_coupons, "),
        ("orders..id", "matches nothing"),
        ("x*", "matches nothing"),
    ] {
        for (select, exclude) in [(&[rule][..], &[][..]), (&[], &[rule])] {
            let failure = selected(None, select, exclude).unwrap_err();
            assert_eq!(failure.kind, Kind::Catalog);
            assert!(failure.message.contains(&format!("{rule:?}")) && failure.message.contains(meant), "{failure}");
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    for empty in ["", "orders,", " , ", "!"] {
        assert!(selected(None, &[empty], &[]).unwrap_err().message.contains("empty"), "{empty:?}");
    }
    let endless = "orders,".repeat(MAX_BYTES);
    assert!(selected(None, &[&endless], &[]).unwrap_err().message.contains("use a catalog"));
    for key in ["orders.id", "customers.date_modified", "*.id"] {
        let refused = selected(None, &[], &[key]).unwrap_err();
        assert!(refused.message.contains("cannot be excluded"), "{key}: {refused}");
    }
    assert!(apply(Some("[]".into()), Some(&texts(&["orders"])), &[]).unwrap_err().message.contains("--discover"));
}
