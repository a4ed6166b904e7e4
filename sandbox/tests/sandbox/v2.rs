use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use tap_bigcommerce_sandbox::{Kind, Options, Scope, Store};

use crate::support::{ask, at, get, ids, refused, request, rows, store};

#[test]
fn pages_cover_all_orders_once_and_end_with_204() {
    let store = &mut store();
    let mut all = Vec::new();
    for page in 1..=2 {
        all.extend(ids(&rows(store, &format!("/v2/orders?limit=250&page={page}"))));
    }
    assert_eq!(all, store.ids(Kind::ORDERS).collect::<Vec<_>>());
    let past = ask(store, "/v2/orders?limit=250&page=3");
    assert_eq!((past.status, past.body.len()), (204, 0));
    assert_eq!(rows(store, "/v2/orders").len(), 50);
}

#[test]
fn a_walk_by_id_covers_all_orders() {
    let store = &mut store();
    let (mut all, mut next) = (Vec::new(), 0);
    loop {
        let page = ids(&rows(store, &format!("/v2/orders?sort=id:asc&limit=100&min_id={next}")));
        let Some(last) = page.last() else { break };
        next = last + 1;
        all.extend(page);
    }
    assert_eq!(all, store.ids(Kind::ORDERS).collect::<Vec<_>>());
}

#[test]
fn filters_are_inclusive_and_join_by_and() {
    let store = &mut store();
    assert_eq!(ids(&rows(store, "/v2/orders?min_id=110&max_id=112")), [110, 111, 112]);
    let since = store.date_modified(Kind::ORDERS, 104).unwrap();
    let same_second: Vec<u64> =
        store.ids(Kind::ORDERS).filter(|id| store.date_modified(Kind::ORDERS, *id) == Some(since)).collect();
    assert!(same_second.len() > 1, "the seed puts several orders into one second");
    for date in [since.format("%Y-%m-%dT%H:%M:%SZ").to_string(), since.to_rfc2822().replace('+', "%2B")] {
        let date = date.replace(' ', "%20");
        assert_eq!(ids(&rows(store, &format!("/v2/orders?min_date_modified={date}&max_date_modified={date}"))), same_second);
        assert_eq!(ids(&rows(store, &format!("/v2/orders?min_date_modified={date}&max_date_modified={date}&max_id=104"))), [104]);
    }
    store.quirks.bounds_exclusive = true;
    assert_eq!(ids(&rows(store, "/v2/orders?min_id=110&max_id=112")), [111]);
    store.quirks.ignored_parameters.insert("min_id".to_owned());
    assert_eq!(ids(&rows(store, "/v2/orders?min_id=110&max_id=102")), [100, 101]);
}

#[test]
fn status_customer_and_archive_filters_agree_with_the_rows() {
    let store = &mut store();
    let all: Vec<Value> = (1..=2).flat_map(|page| rows(store, &format!("/v2/orders?limit=250&page={page}"))).collect();
    for (query, field, value) in [
        ("status_id=0", "status_id", json!(0)),
        ("customer_id=0", "customer_id", json!(0)),
        ("is_deleted=true", "is_deleted", json!(true)),
    ] {
        let wanted: Vec<u64> = ids(&all.iter().filter(|order| order[field] == value).cloned().collect::<Vec<_>>());
        assert!(!wanted.is_empty() && wanted.len() < 250, "{query}");
        assert_eq!(ids(&rows(store, &format!("/v2/orders?limit=250&{query}"))), wanted, "{query}");
        assert_eq!(get(store, &format!("/v2/orders/count?{query}"))["count"], wanted.len(), "{query}");
    }
}

#[test]
fn archived_orders_are_left_out_unless_the_filter_asks_for_them() {
    let store = &mut Store::new(Options::default());
    let all = |store: &mut Store, query: &str| -> Vec<Value> {
        (1..=2).flat_map(|page| rows(store, &format!("/v2/orders?limit=250&page={page}{query}"))).collect()
    };
    let is = |archived: bool| move |order: &Value| order["is_deleted"] == archived;
    for (query, archived) in [("", false), ("&is_deleted=false", false), ("&is_deleted=true", true)] {
        assert!(all(store, query).iter().all(is(archived)), "{query}");
    }
    let archived = all(store, "&is_deleted=true");
    assert!(archived.len() > 10 && all(store, "").len() + archived.len() == 500);
    for leaves_out in [false, true] {
        store.quirks.count_leaves_out_archived = leaves_out;
        let all = if leaves_out { 500 - archived.len() } else { 500 };
        for (query, counted) in [("", all), ("?is_deleted=true", archived.len())] {
            assert_eq!(get(store, &format!("/v2/orders/count{query}"))["count"], counted, "{query}, left out: {leaves_out}");
        }
    }
    let id = archived[0]["id"].clone();
    assert_eq!(get(store, &format!("/v2/orders/{id}"))["is_deleted"], true, "by its id it comes all the same");
    store.quirks.refused_parameters.insert("is_deleted".to_owned());
    assert_eq!(ask(store, "/v2/orders?is_deleted=true").status, 400);
    store.quirks.refused_parameters.clear();
    store.quirks.ignored_parameters.insert("is_deleted".to_owned());
    assert!(all(store, "&is_deleted=true").iter().all(is(false)), "the list leaves them out whatever is asked for");
    store.quirks.archived_listed = true;
    assert_eq!(all(store, "&is_deleted=true").len(), 500);
}

#[test]
fn counts_by_status_add_up() {
    let store = &mut store();
    let count = get(store, "/v2/orders/count");
    let sum: u64 = count["statuses"].as_array().unwrap().iter().map(|status| status["count"].as_u64().unwrap()).sum();
    assert_eq!((sum, &count["count"]), (500, &json!(500)));
    store.quirks.count_off_by = -3;
    assert_eq!(get(store, "/v2/orders/count")["count"], 497);
}

#[test]
fn sorts_both_ways() {
    let store = &mut store();
    let date = |row: &Value| DateTime::parse_from_rfc2822(row["date_modified"].as_str().unwrap()).unwrap();
    let up: Vec<_> = rows(store, "/v2/orders?sort=date_modified:asc&limit=250").iter().map(date).collect();
    assert!(up.is_sorted());
    let down: Vec<_> = rows(store, "/v2/orders?sort=date_modified:desc&limit=250").iter().map(date).collect();
    assert!(down.iter().rev().is_sorted());
    assert!(down[0] > up[0] + TimeDelta::days(365));
    assert_eq!(rows(store, "/v2/orders?sort=id:desc&limit=1")[0]["id"], store.ids(Kind::ORDERS).max().unwrap());
}

#[test]
fn children_page_and_end_with_204() {
    let store = &mut store();
    let order = store.ids(Kind::ORDERS).nth(31).unwrap();
    let path = format!("/v2/orders/{order}/products");
    assert_eq!(rows(store, &path).len(), 50);
    let mut lines = rows(store, &format!("{path}?limit=250"));
    lines.extend(rows(store, &format!("{path}?limit=250&page=2")));
    assert_eq!(lines.len(), 300);
    assert!(ids(&lines).is_sorted_by(|a, b| a < b));
    assert!(lines.iter().all(|line| line["order_id"] == order));
    assert_eq!(ask(store, &format!("{path}?limit=250&page=3")).status, 204);
    let empty = store.ids(Kind::ORDERS).nth(3).unwrap();
    assert_eq!(ask(store, &format!("/v2/orders/{empty}/products")).status, 204);
    let orders: Vec<u64> = store.ids(Kind::ORDERS).collect();
    let with_coupons = orders.iter().filter(|id| !rows(store, &format!("/v2/orders/{id}/coupons")).is_empty()).count();
    assert!((50..200).contains(&with_coupons), "{with_coupons}");
}

#[test]
fn links_lead_to_bigcommerce_and_includes_replace_them() {
    let store = &mut store();
    store.quirks.unannounced_fields = true;
    let order = get(store, "/v2/orders/111");
    assert_eq!(order["products"]["url"], "https://api.bigcommerce.com/stores/sandbox/v2/orders/111/products");
    assert_eq!(order["shipping_addresses"]["resource"], "/orders/111/shippingaddresses");
    assert_eq!(order["fees"]["resource"], "/orders/111/fees");
    let include = "include=fees,consignments,consignments.line_items&consignment_structure=object&limit=250";
    for order in rows(store, &format!("/v2/orders?{include}")) {
        let record = store.record(Kind::ORDERS, order["id"].as_u64().unwrap()).unwrap();
        assert_eq!(order["fees"], record.parts["fees"]);
        let consignments = &order["consignments"];
        let groups = ["/pickups", "/shipping", "/downloads", "/email/gift_certificates"];
        let mut lines: Vec<Value> = groups
            .iter()
            .flat_map(|group| consignments.pointer(group).unwrap().as_array().unwrap())
            .flat_map(|group| group["line_items"].as_array().unwrap().clone())
            .collect();
        lines.sort_by_key(|line| line["id"].as_u64());
        assert_eq!(Value::from(lines), record.parts["products"], "every line stands in one consignment");
        for shipping in consignments["shipping"].as_array().unwrap() {
            assert!(shipping["base_cost"].is_number() && shipping.get("order_id").is_none());
        }
    }
    assert!(get(store, "/v2/orders/111?include=consignments")["consignments"].is_array());
}

#[test]
fn coupons_walk_and_count() {
    let store = &mut store();
    let coupons = rows(store, "/v2/coupons?limit=250");
    assert_eq!(coupons.len(), 40);
    let (first, rest) = (coupons[0]["id"].as_u64().unwrap(), ids(&coupons[1..]));
    assert_eq!(ids(&rows(store, &format!("/v2/coupons?min_id={}&limit=250", first + 1))), rest);
    assert_eq!(get(store, "/v2/coupons/count"), json!({"count": 40}));
    assert_eq!(get(store, &format!("/v2/coupons/{first}")), coupons[0]);
    assert_eq!(ids(&rows(store, &format!("/v2/coupons?code=SAVE{first}"))), [first]);
    assert!(coupons.iter().all(|coupon| coupon.get("date_modified").is_none()));
}

#[test]
fn refusals_are_arrays() {
    let store = &mut store();
    let (status, body) = refused(store, "/v2/orders?limit=251");
    assert_eq!((status, &body[0]["details"]["max_limit"]), (413, &json!(250)));
    let (status, body) = refused(store, "/v2/orders/99");
    assert_eq!((status, &body[0]["status"]), (404, &json!(404)));
    assert!(body[0]["message"].is_string());
    for target in [
        "/v2/orders?min_id=x",
        "/v2/orders?page=0",
        "/v2/orders?sort=total",
        "/v2/orders?include=products",
        "/v2/orders?min_date_created=soon",
    ] {
        assert_eq!(refused(store, target).0, 400, "{target}");
    }
    assert_eq!(refused(store, "/v2/orders/99/products").0, 404);
    assert_eq!(refused(store, "/v2/nothing").0, 404);
}

#[test]
fn who_is_let_in() {
    let store = &mut Store::new(Options { missing_scopes: [Scope::Marketing, Scope::Information].into(), ..Options::default() });
    let mut wrong = request("/v2/orders");
    wrong.headers[0].1.push('x');
    let refusal = store.respond(&wrong, at(0));
    assert_eq!((refusal.status, &refusal.value().unwrap()[0]["status"]), (401, &json!(401)));
    let mut post = request("/v2/orders");
    post.method = "POST".to_owned();
    assert_eq!(store.respond(&post, at(0)).status, 405);
    let mut other = request("/v2/orders");
    other.path = "/stores/other/v2/orders".to_owned();
    assert_eq!(store.respond(&other, at(0)).status, 403);
    assert_eq!(refused(store, "/v2/coupons").0, 403);
    assert_eq!(refused(store, "/v2/time").0, 403);
    assert_eq!(rows(store, "/v2/orders?limit=1").len(), 1);
    store.configure(|options| options.missing_scopes.clear());
    assert_eq!(get(store, "/v2/time")["time"], at(0).timestamp());
    let seen = store.requests();
    assert_eq!(seen.iter().map(|seen| seen.status).collect::<Vec<_>>(), [401, 405, 403, 403, 403, 200, 200]);
    assert!(seen.iter().all(|seen| seen.has_token && !seen.has_client));
}

#[test]
fn a_field_that_nobody_announced_comes_only_if_a_quirk_wants_it() {
    let store = &mut store();
    for wants in [false, true] {
        store.quirks.unannounced_fields = wants;
        let has = rows(store, "/v2/orders?limit=250").iter().any(|order| order.get("sandbox_unannounced").is_some());
        assert_eq!(has, wants);
    }
}
