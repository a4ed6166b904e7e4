//! A large store costs a page no more than a small one.

use std::time::{Duration, Instant};

use tap_bigcommerce_sandbox::{Counts, Kind, Options, Store};

use crate::support::{get, ids, rows};

const MILLION: u64 = 1_000_000;

#[test]
fn a_store_of_a_million_records_is_read_page_by_page() {
    let began = Instant::now();
    let counts = Counts::of([(Kind::ORDERS, MILLION), (Kind::CUSTOMERS, MILLION), (Kind::PRODUCTS, MILLION)]);
    let store = &mut Store::new(Options { counts, ..Options::default() });
    store.quirks.archived_listed = true;
    let last = store.ids(Kind::ORDERS).max().unwrap();
    assert_eq!(get(store, "/v2/orders/count")["count"].as_u64(), Some(MILLION));
    for page in 0..20 {
        let first = last - 5_000 * (page + 1);
        assert_eq!(rows(store, &format!("/v2/orders?sort=id:asc&min_id={first}&limit=50")).len(), 50);
    }
    assert_eq!(ids(&rows(store, "/v2/orders?sort=id:desc&limit=1")), [last]);
    let date = store.date_modified(Kind::ORDERS, last - 900_000).unwrap();
    let changed =
        rows(store, &format!("/v2/orders?sort=id:asc&min_id={}&min_date_modified={}&limit=50", last / 2, date.timestamp()));
    assert_eq!(changed.len(), 50);
    let customer = store.ids(Kind::CUSTOMERS).nth(500_000).unwrap();
    for page in 0..20 {
        let from = 500_000 + page * 1_000;
        let target = format!("/v3/catalog/products?sort=id&direction=asc&id:greater={from}&include=variants&limit=50");
        assert_eq!(rows(store, &target).len(), 50);
        assert_eq!(ids(&rows(store, &format!("/v3/customers?limit=50&id:in={customer}"))), [customer]);
    }
    // About two seconds if a page costs only itself; minutes if each page costs as much as the whole store.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
