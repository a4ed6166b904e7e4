//! Counts, totals, filters and sorts that do not mean what they say.

use std::time::Duration;

use serde_json::{Value, json};
use tap_bigcommerce_sandbox::{Kind, OddAnswer, Options, Request, Store};

use crate::support::{ask, at, get, ids, request, rows, store};

fn count(store: &mut Store, target: &str) -> u64 {
    get(store, target)["count"].as_u64().unwrap()
}

#[test]
fn a_count_can_ignore_one_filter_or_all() {
    let store = &mut store();
    let targets = ["/v2/orders/count?min_id=600&status_id=11", "/v2/coupons/count?min_id=40"];
    let heeded = targets.map(|target| count(store, target));
    store.quirks.count_ignores.insert("min_id".to_owned());
    let without_id = targets.map(|target| count(store, target));
    assert!(heeded[0] < without_id[0] && without_id[0] < 500, "{without_id:?}");
    assert_eq!(without_id[1], 40);
    store.quirks.count_ignores.insert("*".to_owned());
    assert_eq!(targets.map(|target| count(store, target)), [500, 40]);
    let statuses = get(store, targets[0])["statuses"].as_array().unwrap().clone();
    assert_eq!(statuses.iter().map(|status| status["count"].as_u64().unwrap()).sum::<u64>(), 500);
    assert_eq!(ids(&rows(store, "/v2/orders?min_id=605&max_id=606")), [605, 606], "the list heeds them");
}

#[test]
fn a_count_can_hold_archived_orders_that_the_list_hides() {
    let store = &mut Store::new(Options::default());
    let last = store.ids(Kind::ORDERS).max().unwrap();
    store.archive_order(last, at(0));
    let target = format!("/v2/orders/count?min_id={last}");
    assert_eq!(count(store, &target), 1);
    store.quirks.count_leaves_out_archived = true;
    assert_eq!(count(store, &target), 0);
    assert!(rows(store, &format!("/v2/orders?min_id={last}")).is_empty());
}

#[test]
fn totals_can_count_the_page_alone_in_one_endpoint() {
    let store = &mut store();
    for path in ["/v3/customers/addresses", "/v3/customers/attribute-values", "/v3/catalog/products", "/v3/customers"] {
        let pagination = |store: &mut Store| get(store, &format!("{path}?limit=20"))["meta"]["pagination"].clone();
        let right = pagination(store);
        store.quirks.odd_answers.entry(path.to_owned()).or_default().insert(OddAnswer::PageTotals);
        let odd = pagination(store);
        assert_eq!((&odd["total"], &odd["total_pages"], &odd["count"]), (&json!(20), &json!(1), &json!(20)), "{path}");
        assert!(right["total"].as_u64().unwrap() > 20 && right["links"] == odd["links"], "{path}");
        store.quirks.odd_answers.clear();
        assert_eq!(pagination(store), right);
    }
}

#[test]
fn a_range_of_ids_or_one_id_is_found_in_every_list() {
    let store = &mut store();
    let (order, product) = (store.ids(Kind::ORDERS).nth(7).unwrap(), store.ids(Kind::PRODUCTS).nth(7).unwrap());
    for (target, expected) in [
        (format!("/v2/orders?min_id={order}&max_id={order}&include=fees"), vec![order]),
        ("/v2/coupons?min_id=3&max_id=5".to_owned(), vec![3, 4, 5]),
        (format!("/v3/catalog/products?id:min={product}&id:max={}", product + 1), vec![product, product + 1]),
        (format!("/v3/catalog/products?id:greater={product}&id:less={}", product + 2), vec![product + 1]),
        (format!("/v3/catalog/products?id:in={product},1,{}&include=variants", product - 1), vec![product - 1, product]),
        ("/v3/customers?id:in=7,5&include=addresses".to_owned(), vec![5, 7]),
        (format!("/v2/orders?min_id={}&max_id={order}&sort=id:desc", order - 1), vec![order, order - 1]),
        (format!("/v2/orders?min_id={order}&max_id={}", order - 1), vec![]),
        (format!("/v3/catalog/products?sort=id&direction=desc&id:less={product}&limit=1"), vec![product - 1]),
        (format!("/v3/catalog/products?sort=id&direction=desc&id:min={product}&id:max={product}"), vec![product]),
    ] {
        assert_eq!(ids(&rows(store, &target)), expected, "{target}");
    }
    assert_eq!(get(store, &format!("/v2/orders/{order}?include=fees"))["id"], order);
    assert_eq!(get(store, "/v2/coupons/3")["id"], 3);
    let highest = store.ids(Kind::ORDERS).max().unwrap();
    assert!(rows(store, &format!("/v2/orders?sort=id:desc&limit=1&min_id={}", highest + 1)).is_empty());
}

#[test]
fn pages_downward_and_upward_hold_the_same_rows() {
    let store = &mut store();
    let query = "min_date_modified=2023-01-01&status_id=11&limit=20";
    let mut walk = |sort: &str| -> Vec<u64> {
        (1..20).flat_map(|page| ids(&rows(store, &format!("/v2/orders?{query}&sort={sort}&page={page}")))).collect()
    };
    let (up, mut down) = (walk("id:asc"), walk("id:desc"));
    assert!(up.len() > 20 && up.is_sorted());
    down.reverse();
    assert_eq!(up, down);
}

#[test]
fn a_descending_sort_can_be_ignored() {
    let store = &mut store();
    let targets = ["/v2/orders?sort=id:desc&limit=1", "/v3/catalog/products?sort=id&direction=desc&limit=1"];
    let right = targets.map(|target| ids(&rows(store, target))[0]);
    assert_eq!(right, [store.ids(Kind::ORDERS).max().unwrap(), store.ids(Kind::PRODUCTS).max().unwrap()]);
    store.quirks.descending_ignored = true;
    let wrong = targets.map(|target| ids(&rows(store, target))[0]);
    assert_eq!(wrong, [store.ids(Kind::ORDERS).min().unwrap(), store.ids(Kind::PRODUCTS).min().unwrap()]);
}

#[test]
fn a_descending_sort_can_ignore_the_dates() {
    let store = &mut store();
    let cases = [
        (Kind::ORDERS, "/v2/orders?max_date_modified=2022-01-01&limit=1&sort=id:"),
        (Kind::PRODUCTS, "/v3/catalog/products?date_modified:max=2022-01-01T00:00:00Z&limit=1&sort=id&direction="),
    ];
    for (kind, target) in cases {
        let last = store.ids(kind).max().unwrap();
        assert!(ids(&rows(store, &format!("{target}desc")))[0] < last);
        store.quirks.descending_ignores_dates = true;
        assert_eq!(ids(&rows(store, &format!("{target}desc"))), [last]);
        assert!(ids(&rows(store, &format!("{target}asc")))[0] < last, "upward they are heeded");
        store.quirks.descending_ignores_dates = false;
    }
}

#[test]
fn a_row_can_be_newer_than_the_filter_that_selects_it() {
    let store = &mut store();
    for (kind, path, max, min) in [
        (Kind::ORDERS, "/v2/orders", "max_date_modified", "min_date_modified"),
        (Kind::CUSTOMERS, "/v3/customers", "date_modified:max", "date_modified:min"),
        (Kind::PRODUCTS, "/v3/catalog/products", "date_modified:max", "date_modified:min"),
    ] {
        let id = store.ids(kind).nth(3).unwrap();
        assert!(store.touch(kind, id, at(-10)));
        store.quirks.index_lag = Duration::from_secs(30);
        let mut found = |filter: &str, now: i64| {
            let request = request(&format!("{path}?limit=250&{filter}=2025-07-01T00:00:00Z"));
            let filter_is_late = request.query.replace("2025-07-01", "2025-06-30").replace("00:00:00Z", "23:59:50Z");
            let response = store.respond(&Request { query: filter_is_late, ..request }, at(now));
            let body = response.value().unwrap_or_default();
            let rows = body.get("data").unwrap_or(&body).as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["id"] == id)
        };
        let row = found(max, 0).unwrap();
        let date = row["date_modified"].as_str().unwrap();
        assert!(date.contains("23:59:50"), "{path}: the row shows its new date: {date}");
        assert!(found(min, 0).is_none(), "{path}: the list knows the old date");
        assert!(found(min, 21).is_some(), "{path}: the list has caught up");
        store.quirks.index_lag = Duration::ZERO;
    }
}

#[test]
fn a_date_that_is_none_is_older_than_all() {
    let store = &mut store();
    for (kind, path, max, min, sort) in [
        (Kind::ORDERS, "/v2/orders", "max_date_modified", "min_date_modified", "date_modified:asc"),
        (Kind::CUSTOMERS, "/v3/customers", "date_modified:max", "date_modified:min", "date_modified:asc"),
        (Kind::PRODUCTS, "/v3/catalog/products", "date_modified:max", "date_modified:min", "date_modified"),
    ] {
        let id = store.ids(kind).nth(5).unwrap();
        for text in ["0000-00-00T00:00:00Z", ""] {
            assert!(store.set_date_text(kind, id, text));
            let oldest = rows(store, &format!("{path}?sort={sort}&limit=1")).remove(0);
            assert_eq!((&oldest["id"], &oldest["date_modified"]), (&json!(id), &json!(text)), "{path}");
            assert_eq!(ids(&rows(store, &format!("{path}?{max}=1990-01-01T00:00:00Z"))), [id], "{path}");
            assert!(!ids(&rows(store, &format!("{path}?limit=250&{min}=1990-01-01T00:00:00Z"))).contains(&id), "{path}");
        }
        assert!(store.touch(kind, id, at(5)));
        assert!(!rows(store, &format!("{path}?{min}=2025-07-01T00:00:05Z")).is_empty(), "an edit gives it a date");
        assert!(!store.set_date_text(kind, 99_999, "") && !store.set_date_text(Kind::COUPONS, 1, ""));
    }
}

#[test]
fn consignments_can_be_cut() {
    let store = &mut store();
    let order = store.ids(Kind::ORDERS).nth(31).unwrap();
    let target = format!("/v2/orders/{order}?include=consignments.line_items&consignment_structure=object");
    let consignments = |store: &mut Store, target: &str| -> Vec<Value> {
        let order = get(store, target);
        ["/consignments/shipping", "/consignments/pickups", "/consignments/downloads"]
            .iter()
            .flat_map(|group| order.pointer(group).unwrap().as_array().unwrap().clone())
            .collect()
    };
    let lines = |consignment: &Value| consignment["line_items"].as_array().unwrap().len();
    let whole = consignments(store, &target);
    assert!(whole.iter().any(|consignment| lines(consignment) > 50));
    assert!(whole.iter().all(|consignment| consignment.get("__warning__").is_none()));
    store.quirks.consignment_lines = Some(50);
    for (cut, whole) in consignments(store, &target).iter().zip(&whole) {
        assert_eq!(lines(cut), lines(whole).min(50));
        assert_eq!(cut["__warning__"]["message"].is_string(), lines(whole) > 50, "{cut}");
    }
    assert_eq!(rows(store, &format!("/v2/orders/{order}/products?limit=250")).len(), 250, "its own list is whole");
}

#[test]
fn counts_in_a_customer_can_disagree_with_its_lists() {
    let store = &mut store();
    let id = store.ids(Kind::CUSTOMERS).nth(6).unwrap();
    let target = format!("/v3/customers?id:in={id}&include=addresses,attributes");
    let customer = rows(store, &target).remove(0);
    assert_eq!((&customer["address_count"], customer["addresses"].as_array().unwrap().len()), (&json!(11), 10));
    assert!(store.edit(Kind::CUSTOMERS, id, at(0), |customer| {
        customer.fields.insert("address_count".to_owned(), json!(3));
        customer.fields.insert("attribute_count".to_owned(), json!(99));
    }));
    let customer = rows(store, &target).remove(0);
    assert_eq!((&customer["address_count"], &customer["attribute_count"]), (&json!(3), &json!(99)));
    assert_eq!(rows(store, &format!("/v3/customers/addresses?customer_id:in={id}")).len(), 11);
}

#[test]
fn lists_of_parts_page_the_same_with_and_without_a_filter() {
    let store = &mut store();
    for (path, named, kind) in [
        ("/v3/customers/addresses", "customer_id:in", Kind::CUSTOMERS),
        ("/v3/customers/attribute-values", "customer_id:in", Kind::CUSTOMERS),
        ("/v3/catalog/variants", "product_id:in", Kind::PRODUCTS),
    ] {
        let all: Vec<String> = store.ids(kind).map(|id| id.to_string()).collect();
        for page in [1, 2, 7, 99] {
            let plain = get(store, &format!("{path}?limit=37&page={page}"));
            let filtered = get(store, &format!("{path}?limit=37&page={page}&{named}={}", all.join(",")));
            assert_eq!(plain["data"], filtered["data"], "{path}, page {page}");
            assert_eq!(plain["meta"]["pagination"]["total"], filtered["meta"]["pagination"]["total"], "{path}");
        }
        let total = |store: &mut Store| get(store, path)["meta"]["pagination"]["total"].as_u64().unwrap();
        let before = total(store);
        let id = store.ids(kind).nth(6).unwrap();
        store.delete(kind, id);
        assert!(total(store) < before, "{path}: a deletion shows at once");
    }
}

#[test]
fn a_busy_store_grows_while_it_is_read() {
    let store = &mut store();
    let highest = store.ids(Kind::ORDERS).max().unwrap();
    let new_at = |store: &mut Store, seconds: i64| {
        store.respond(&request("/v2/time"), at(seconds));
        store.ids(Kind::ORDERS).filter(|id| *id > highest).count()
    };
    store.keep_busy(Kind::ORDERS, 20);
    assert_eq!(new_at(store, 0), 0);
    assert_eq!(new_at(store, 2), 40);
    assert_eq!(new_at(store, 3), 60);
    let (first, last) = (highest + 1, store.ids(Kind::ORDERS).max().unwrap());
    assert!(store.date_modified(Kind::ORDERS, first) < store.date_modified(Kind::ORDERS, last));
    assert_eq!(new_at(store, 1_000), 60 + 60 * 20 + 1, "of a long pause the last minute is made up for");
    store.keep_busy(Kind::ORDERS, 0);
    assert_eq!(new_at(store, 2_000), 60 + 60 * 20 + 1);
    assert_eq!(ask(store, &format!("/v2/orders/{last}")).status, 200);
}

#[test]
fn the_log_is_bounded() {
    let store = &mut store();
    let small = &mut Store::new(Options { log_requests: 10, ..Options::default() });
    for page in 1..=25 {
        ask(small, &format!("/v2/orders?limit=1&page={page}"));
        ask(store, &format!("/v2/orders?limit=1&page={page}"));
        assert!(small.requests().len() <= 10);
        assert!(small.requests().last().unwrap().target.ends_with(&format!("page={page}")));
    }
    assert!(small.requests().len() >= 5);
    assert_eq!(store.requests().len(), 25, "tests see all of theirs");
}
