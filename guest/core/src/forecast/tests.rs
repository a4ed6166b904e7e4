use super::*;
use crate::api::gate::add_query;
use crate::plan::Inputs;
use serde_json::{Value, json};

fn inputs(settings: Value, select: &str, state: Value) -> Inputs {
    let mut config = json!({"client_id": "c", "access_token": "t", "store_hash": "abc"});
    config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let select = Some(vec![select.to_owned()]);
    Inputs { config: config.to_string(), select, state: Some(state.to_string()), ..Inputs::default() }
}

fn forecasts(settings: Value, select: &str, state: Value) -> Vec<Forecast> {
    Plan::new(&inputs(settings, select, state)).unwrap().forecasts(chrono::Utc::now())
}

fn only(settings: Value, select: &str, state: Value) -> Forecast {
    let mut all = forecasts(settings, select, state);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Path and query of what is asked to count a walk's records.
fn target(forecast: &Forecast) -> Option<String> {
    let inquiry = forecast.inquiry()?;
    Some(target_of(&inquiry))
}

fn target_of(inquiry: &Inquiry) -> String {
    let request = inquiry.counter().unwrap_or_else(|| inquiry.page());
    let limit = request.page.map(|page| ("limit", page.limit.to_string()));
    let mut target = request.path;
    add_query(&mut target, request.query.into_iter().chain(limit));
    target
}

/// What each stream of a walk adds, if the store counts so many records for it.
fn costs(forecast: &Forecast, counted: &[u64]) -> Vec<(u64, bool)> {
    let counted: Vec<_> = counted.iter().map(|records| Some(Figure::exact(*records))).collect();
    let requests = forecast.costs(&counted).into_iter().map(|cost| cost.requests.unwrap());
    requests.map(|requests| (requests.number, requests.at_least)).collect()
}

#[test]
fn an_order_costs_a_request_for_each_of_its_lists_that_is_selected() {
    let whole = only(json!({}), "orders,order_products", json!({}));
    assert_eq!(whole.streams(), ["orders", "order_products"]);
    assert_eq!(whole.requests(1000), 5 + 2 + 2 + 3000);
    assert_eq!(only(json!({"page_size": 100}), "orders.id", json!({})).requests(1000), 11 + 2 + 2);
}

#[test]
fn products_with_options_are_listed_first_and_read_ten_at_a_time() {
    assert_eq!(only(json!({}), "products", json!({})).requests(200), 1 + 2);
    assert_eq!(only(json!({}), "products.options", json!({})).requests(200), 1 + 2 + 20);
    assert_eq!(only(json!({}), "product_variants", json!({})).requests(200), 1 + 2 + 4);
}

#[test]
fn each_stream_has_what_it_adds_to_those_before_it() {
    let orders = only(json!({}), "orders,order_products,order_fees,order_shipments,order_pickups", json!({}));
    let [pages, lists, pickups] = [1 + 2 + 2, 3 * 200, 4];
    assert_eq!(costs(&orders, &[200; 5]), [(pages + lists, true), (0, false), (0, false), (200, true), (pickups, true)]);
    let rates: Vec<_> = orders.costs(&[None; 5]).into_iter().map(|cost| (cost.with, cost.requests, cost.rates)).collect();
    let rate = |requests, records| vec![Rate { requests, records, of: "orders" }];
    let with = Some("orders");
    let expected = [
        (None, None, rate(3, 1)),
        (with, None, vec![]),
        (with, None, vec![]),
        (with, None, rate(1, 1)),
        (with, None, rate(1, 50)),
    ];
    assert_eq!(rates, expected);
    // Without the orders themselves the first of them pays for the walk.
    let children = only(json!({}), "order_products,order_shipments", json!({}));
    assert_eq!(costs(&children, &[200; 2]), [(pages + 200, true), (200, true)]);
    let first_cannot_be_read = children.costs(&[None, Some(Figure::exact(200))]);
    let shipments = Figure { number: pages + 200, at_least: true };
    assert_eq!((first_cannot_be_read[1].with, first_cannot_be_read[1].requests), (None, Some(shipments)));
}

#[test]
fn a_stream_that_starts_earlier_pays_for_what_the_others_leave_out() {
    let state = json!({"bookmarks": {"orders": {"date_modified": "2025-01-01T00:00:00Z"}}});
    let added = only(json!({}), "orders,order_products,order_shipments", state);
    let asked: Vec<String> = added.shares().iter().map(|share| target_of(&added.inquiry_of(share))).collect();
    let all = "v2/orders/count";
    assert_eq!(asked, [format!("{all}?min_date_modified=2024-12-31T23:59:59Z").as_str(), all, all]);
    assert_eq!(target(&added).as_deref(), Some(all), "the walk starts where the first of them does");
    let changed = 1 + 2 + 2 + 3 * 10;
    assert_eq!(costs(&added, &[10, 600, 600]), [(changed, true), (2 + 590, true), (600, true)]);
}

#[test]
fn an_unpredictable_part_makes_the_number_a_minimum() {
    let at_least = |select: &str, state: Value, counted: Figure| {
        let forecast = only(json!({}), select, state);
        forecast.costs(&[Some(counted)])[0].requests.unwrap().at_least
    };
    let none = || json!({});
    let some = Figure::exact(12);
    assert!(!at_least("brands", none(), some) && !at_least("products", none(), some));
    assert!(at_least("orders.id", none(), some), "how many archived orders there are is not known");
    assert!(at_least("tax_classes", none(), Figure { at_least: true, ..some }), "a list that is longer than a page");
    assert!(at_least("order_shipments", none(), some), "one order may have more than a page of them");
    assert!(!at_least("product_reviews", none(), Figure::exact(0)));
    assert!(at_least("customers", none(), some), "one customer may have more addresses than come with it");
    assert!(at_least("price_list_records", none(), some) && !at_least("price_lists", none(), some));
    assert!(at_least("brands", json!({"bookmarks": {"brands": {"aside": [7]}}}), some), "what is aside is asked for again");
}

#[test]
fn a_list_below_records_takes_at_least_what_an_empty_one_does() {
    let records = only(json!({}), "price_list_records", json!({}));
    assert_eq!((target(&records), records.requests(20)), (None, 1 + 3 + 20 * 3));
    let inquiry = records.inquiry_of(&records.shares()[0]);
    assert_eq!(target_of(&inquiry), "v3/pricelists?limit=1", "price lists are counted, all of them");
    let rate = Rate { requests: 3, records: 1, of: "price_lists" };
    assert_eq!(records.costs(&[None])[0].rates, [rate]);
}

#[test]
fn a_list_of_which_only_a_full_page_is_known_takes_at_least_another_page() {
    let classes = only(json!({}), "tax_classes", json!({}));
    let page = Figure { number: 250, at_least: true };
    assert_eq!(classes.costs(&[Some(page)])[0].requests, Some(Figure { number: 2 * 2, at_least: true }));
    assert_eq!(costs(&classes, &[250]), [(2 * 3, false)], "if that is all, an empty page follows, twice");
}

#[test]
fn an_absurdly_high_count_does_not_overflow() {
    for select in ["orders,order_pickups", "price_list_records", "products.options", "coupons", "refunds", "tax_classes"] {
        let forecast = only(json!({"page_size": 10}), select, json!({}));
        let all = Some(Figure { number: u64::MAX, at_least: true });
        let costs = forecast.costs(&vec![all; forecast.shares().len()]);
        assert!(costs[0].requests.is_some_and(|requests| requests.number > u64::MAX / 300), "{select}");
        assert!(forecast.requests(u64::MAX) > u64::MAX / 300, "{select}");
    }
}

#[test]
fn orders_of_several_channels_are_counted_with_all_others() {
    let several = only(json!({"channel_id": "1,2"}), "orders", json!({}));
    assert_eq!(costs(&several, &[200]), [(1 + 2 + 2, true)], "how many of them are left out is not known");
    let one = only(json!({"channel_id": 1}), "orders", json!({}));
    assert_eq!(costs(&one, &[200]), [(1 + 2 + 2 + 600, true)]);
}

#[test]
fn what_is_counted_is_what_the_run_will_read() {
    let settings = json!({"start_date": "2024-01-01", "end_date": "2025-01-01"});
    let state = json!({"bookmarks": {"customers": {"date_modified": "2024-06-01T00:00:00Z"}}});
    let targets: Vec<String> = forecasts(settings, "orders,customers,products,coupons,tax_classes,order_statuses", state)
        .iter()
        .map(|forecast| target(forecast).unwrap())
        .collect();
    assert_eq!(
        targets,
        [
            "v2/orders/count?min_date_modified=2023-12-31T23:59:59Z&max_date_modified=2025-01-01T00:00:00Z",
            "v3/customers?date_modified:min=2024-05-31T23:59:59Z&date_modified:max=2025-01-01T00:00:00Z&limit=1",
            "v3/catalog/products?date_modified:max=2025-01-01T00:00:00Z&limit=1",
            "v2/coupons/count",
            "v2/order_statuses",
            "v2/tax_classes?limit=250",
        ]
    );
    assert_eq!(target(&only(json!({}), "order_products", json!({}))), None, "line items are counted nowhere");
}

#[test]
fn a_page_says_how_long_its_list_is_by_its_total_or_by_its_end() {
    let figure = |stream: &str, body: &str| {
        let inquiry = only(json!({"page_size": 10}), stream, json!({})).inquiry().unwrap();
        let rows = inquiry.list.form.decode(body.as_bytes()).unwrap();
        inquiry.by_page(&rows, inquiry.page().page).map(|figure| (figure.number, figure.at_least))
    };
    let rows = |many: usize| format!("[{}]", vec!["{\"id\": 1}"; many].join(","));
    assert_eq!(figure("products", r#"{"data": [], "meta": {"pagination": {"total": 9}}}"#), Some((9, false)));
    assert_eq!(figure("products", r#"{"data": [{"id": 1}], "meta": []}"#), None, "one row of any number");
    assert_eq!(figure("tax_zones", r#"{"data": [{"id": 1}], "meta": []}"#), Some((1, false)), "one answer holds all");
    assert_eq!((figure("tax_classes", "[]"), figure("tax_classes", &rows(9))), (Some((0, false)), Some((9, false))));
    assert_eq!(figure("tax_classes", &rows(10)), Some((10, true)), "a full page ends no list");
    assert_eq!(figure("order_statuses", &rows(15)), Some((15, false)));
}

#[test]
fn records_that_an_earlier_run_has_read_are_not_counted_again() {
    let left = |stream: &str, position: Value| {
        let selection = Plan::new(&inputs(json!({}), stream, json!({}))).unwrap().groups.remove(0).selection;
        let mut walk = json!({"v": 1, "seen": 3, "selection": selection, "version": "1"});
        walk.as_object_mut().unwrap().extend(position.as_object().unwrap().clone());
        only(json!({}), stream, json!({"bookmarks": {stream: {"walk": walk}}}))
    };
    let seven = |forecast: &Forecast| forecast.left(Figure::exact(7)).number;
    let orders = left("orders", json!({"last_id": 100}));
    assert_eq!(target(&orders).as_deref(), Some("v2/orders/count?min_id=100"));
    assert_eq!(seven(&orders), 7);
    assert_eq!(seven(&left("coupons", json!({"last_id": 100}))), 4);
    assert_eq!(seven(&left("customers", json!({"cursor": "x"}))), 4);
    assert_eq!(costs(&orders, &[7]), [(1 + 2 + 2 + 21, true)], "the walk is followed by another one");
}
