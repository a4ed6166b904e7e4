use serde_json::{Value, json};
use tap_bigcommerce_sandbox::Kind;

use crate::support::{at, get, ids, rows, store};

#[test]
fn records_are_made_changed_archived_and_deleted() {
    let store = &mut store();
    for (kind, path) in [
        (Kind::ORDERS, "/v2/orders"),
        (Kind::CUSTOMERS, "/v3/customers"),
        (Kind::PRODUCTS, "/v3/catalog/products"),
        (Kind::COUPONS, "/v2/coupons"),
    ] {
        let highest = store.ids(kind).max().unwrap();
        let new = store.create(kind, at(0));
        assert!(new > highest);
        assert!(store.delete(kind, new) && !store.delete(kind, new) && store.record(kind, new).is_none());
        let newer = store.create(kind, at(0));
        assert!(newer > new, "an id is never given again");
        assert!(store.touch(kind, highest, at(60)));
        assert!(!store.touch(kind, new, at(60)));
        let page = (store.ids(kind).count() - 1) / 2;
        assert!(!rows(store, &format!("{path}?limit=2&page={page}")).is_empty());
    }
    let last = store.ids(Kind::ORDERS).max().unwrap();
    assert_eq!(get(store, &format!("/v2/orders/{last}"))["date_created"], "Tue, 01 Jul 2025 00:00:00 +0000");
    assert_eq!(ids(&rows(store, "/v2/orders?min_date_modified=2025-07-01T00:01:00Z")).len(), 1);
}

#[test]
fn an_edit_shows_in_rows_and_filters() {
    let store = &mut store();
    assert!(store.edit(Kind::ORDERS, 111, at(5), |order| {
        order.fields.insert("status_id".to_owned(), json!(13));
        order.fields.insert("customer_message".to_owned(), json!("é"));
        order.fields.insert("id".to_owned(), json!(1));
    }));
    let order = get(store, "/v2/orders/111");
    assert_eq!((&order["id"], &order["customer_message"]), (&json!(111), &json!("é")));
    assert_eq!(order["date_modified"], "Tue, 01 Jul 2025 00:00:05 +0000");
    assert!(ids(&rows(store, "/v2/orders?status_id=13&limit=250")).contains(&111));
    assert!(store.archive_order(111, at(6)));
    assert!(ids(&rows(store, "/v2/orders?is_deleted=true&limit=250")).contains(&111));
    assert_eq!(get(store, "/v2/orders/111")["is_deleted"], true);
}

#[test]
fn lines_are_added_and_counted() {
    let store = &mut store();
    let before = rows(store, "/v2/orders/111/products?limit=250");
    assert!(store.add_lines(111, 3, at(0)));
    let after = rows(store, "/v2/orders/111/products?limit=250");
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after.len(), before.len() + 3);
    assert!(ids(&after).is_sorted_by(|a, b| a < b));
    let quantity = |line: &Value| line["quantity"].as_i64().or_else(|| line["quantity"].as_str()?.parse().ok()).unwrap();
    let total: i64 = after.iter().map(quantity).sum();
    assert_eq!(get(store, "/v2/orders/111")["items_total"], total);
}

#[test]
fn a_hook_changes_the_store_during_a_walk() {
    let store = &mut store();
    let mut lists = 0;
    store.on_request(move |request, store| {
        lists += u64::from(request.path.ends_with("/v2/orders"));
        if lists == 2 {
            store.touch(Kind::ORDERS, 100, at(9));
            lists += 1;
        }
    });
    let first = rows(store, "/v2/orders?sort=date_modified:desc&limit=1");
    assert_ne!(first[0]["id"], 100);
    assert_eq!(rows(store, "/v2/orders?sort=date_modified:desc&limit=1")[0]["id"], 100);
}
