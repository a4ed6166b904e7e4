//! Records that cannot be had, and odd bytes and shapes.

use serde_json::{Value, json};
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind, OddAnswer, OddByte, OddField, Store};

use crate::support::{ask, at, get, ids, request, rows, store};

/// A list of each kind, with the sort downward where there is one.
const LISTS: [(Kind, &str, &str); 4] = [
    (Kind::ORDERS, "/v2/orders?limit=", "&sort=id:desc"),
    (Kind::COUPONS, "/v2/coupons?limit=", ""),
    (Kind::PRODUCTS, "/v3/catalog/products?limit=", "&sort=id&direction=desc"),
    (Kind::CUSTOMERS, "/v3/customers?limit=", "&sort=date_modified:desc"),
];

/// Every page of a list, with its status.
fn pages(store: &mut Store, list: &str, limit: u64, rest: &str) -> Vec<u16> {
    (1..=500 / limit).map(|page| ask(store, &format!("{list}{limit}{rest}&page={page}")).status).collect()
}

#[test]
fn a_record_breaks_every_page_that_shows_it() {
    for (kind, list, downward) in LISTS {
        let store = &mut store();
        let id = store.ids(kind).nth(20).unwrap();
        store.quirks.broken_records.insert((kind, id), Action::status(500));
        for limit in [1, 7, 250] {
            for rest in ["", downward] {
                let broken = pages(store, list, limit, rest).iter().filter(|status| **status == 500).count();
                assert_eq!(broken, 1, "{list}{limit}{rest}");
            }
        }
        assert!(store.faults_fired() >= 6);
        store.quirks.broken_records.clear();
        assert!(!pages(store, list, 250, "").contains(&500), "{list}");
    }
}

#[test]
fn a_broken_record_is_passed_by_position() {
    let store = &mut store();
    let product = store.ids(Kind::PRODUCTS).nth(20).unwrap();
    for (kind, id) in [(Kind::ORDERS, 110), (Kind::COUPONS, 5), (Kind::PRODUCTS, product), (Kind::CUSTOMERS, 5)] {
        store.quirks.broken_records.insert((kind, id), Action::status(500));
    }
    let cursor = get(store, "/v3/customers?limit=4")["meta"]["cursor_pagination"]["end_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for (target, status) in [
        ("/v2/orders?min_id=109&limit=1".to_owned(), 200),
        ("/v2/orders?min_id=110&limit=1".to_owned(), 500),
        ("/v2/orders?min_id=111&limit=1".to_owned(), 200),
        ("/v2/orders?min_id=110&max_id=110".to_owned(), 500),
        ("/v2/orders/110".to_owned(), 500),
        ("/v2/orders/110/products".to_owned(), 200),
        ("/v2/orders/111".to_owned(), 200),
        ("/v2/orders/count".to_owned(), 200),
        ("/v2/coupons?min_id=5&limit=1".to_owned(), 500),
        ("/v2/coupons/5".to_owned(), 500),
        ("/v2/coupons/6".to_owned(), 200),
        (format!("/v3/catalog/products?id:greater={}&limit=1", product - 1), 500),
        (format!("/v3/catalog/products?id:greater={product}&limit=1"), 200),
        (format!("/v3/catalog/products?id:in={product}"), 500),
        (format!("/v3/catalog/products/{product}"), 500),
        (format!("/v3/customers?limit=1&after={cursor}"), 500),
        ("/v3/customers?id:in=5".to_owned(), 500),
        ("/v3/customers?id:in=6".to_owned(), 200),
        ("/v3/customers/addresses?customer_id:in=5".to_owned(), 200),
    ] {
        assert_eq!(ask(store, &target).status, status, "{target}");
    }
}

#[test]
fn a_broken_record_cuts_stalls_or_spoils_its_answer() {
    let store = &mut store();
    let hit = |store: &mut Store, action: Action| {
        store.quirks.broken_records.insert((Kind::ORDERS, 110), action);
        store.answer(&request("/v2/orders?limit=250"), at(0))
    };
    let cut = hit(store, Action::TruncatedJson).response;
    assert!(cut.status == 200 && !cut.body.is_empty() && cut.value().is_none());
    let html = hit(store, Action::Html200).response;
    assert_eq!((html.status, html.value()), (200, None));
    assert_eq!(hit(store, Action::Deliver(Delivery::Stall)).delivery, Delivery::Stall);
    assert_eq!(hit(store, Action::Throttle { headers: true }).response.status, 429);
    assert_eq!(hit(store, Action::NoBody).response.body.len(), 0);
}

#[test]
fn one_list_of_one_record_stays_broken() {
    let store = &mut store();
    store.quirks.broken_paths.insert("/v2/orders/111/products".to_owned(), Action::status(500));
    let broken = |store: &mut Store| {
        [
            "/v2/orders/111/products?limit=250",
            "/v2/orders/111/coupons",
            "/v2/orders/111",
            "/v2/orders/1111/products",
            "/v2/orders/112/products",
        ]
        .map(|target| ask(store, target).status == 500)
    };
    for _ in 0..3 {
        assert_eq!(broken(store), [true, false, false, false, false]);
    }
    store.quirks.broken_paths.clear();
    assert_eq!(broken(store), [false; 5]);
    store.add_fault(Fault::on("/orders/111/products", Action::status(500)).always());
    assert_eq!(broken(store), [true, false, false, false, false], "a fault without an end does the same");
}

#[test]
fn a_body_is_missing_and_a_refusal_comes_once() {
    let store = &mut store();
    store.add_fault(Fault::on("/coupons?", Action::NoBody).times(2));
    for status in [401, 408] {
        store.add_fault(Fault::on("/v2/orders?", Action::status(status)));
    }
    for _ in 0..2 {
        let empty = ask(store, "/v2/coupons?limit=5");
        assert_eq!((empty.status, empty.body.len(), empty.header("content-encoding")), (200, 0, Some("gzip")));
        assert!(empty.header("x-rate-limit-requests-left").is_some());
    }
    assert_eq!(rows(store, "/v2/coupons?limit=5").len(), 5);
    store.quirks.odd_answers.entry("/v2/orders/{id}/coupons".to_owned()).or_default().insert(OddAnswer::NoBodyWhenEmpty);
    let has_coupons =
        |store: &Store, id: u64| !store.record(Kind::ORDERS, id).unwrap().parts["coupons"].as_array().unwrap().is_empty();
    for wanted in [true, false] {
        let order = store.ids(Kind::ORDERS).find(|id| has_coupons(store, *id) == wanted).unwrap();
        let answer = ask(store, &format!("/v2/orders/{order}/coupons"));
        assert_eq!((answer.status, answer.body.is_empty()), (200, !wanted));
    }
    assert_eq!([0; 3].map(|_| ask(store, "/v2/orders?limit=1").status), [401, 408, 200]);
}

#[test]
fn a_list_without_rows_comes_as_an_empty_object() {
    let store = &mut store();
    for endpoint in ["/v2/coupons", "/v3/catalog/products"] {
        store.quirks.odd_answers.entry(endpoint.to_owned()).or_default().insert(OddAnswer::EmptyObject);
    }
    assert_eq!(get(store, "/v2/coupons?min_id=9000000"), json!({}));
    let none = get(store, "/v3/catalog/products?id:greater=9000000");
    assert_eq!((&none["data"], &none["meta"]["pagination"]["total"]), (&json!({}), &json!(0)));
    assert_eq!((rows(store, "/v2/coupons?limit=5").len(), rows(store, "/v3/catalog/products?limit=5").len()), (5, 5));
}

#[test]
fn a_text_holds_bytes_that_are_no_json() {
    for (odd, bytes) in
        [(OddByte::InvalidUtf8, &b"\xE9"[..]), (OddByte::ControlCharacter, b"\x0B"), (OddByte::LoneSurrogate, br"\ud800")]
    {
        for (kind, list, _) in LISTS {
            let store = &mut store();
            let (id, date) = (store.ids(kind).nth(3).unwrap(), at(0));
            let text = format!("Caf{} 🏖", odd.mark());
            assert!(store.edit(kind, id, date, |record| drop(record.fields.insert("name".to_owned(), text.into()))));
            let body = ask(store, &format!("{list}250")).body;
            let expected = [b"Caf", bytes, " 🏖\"".as_bytes()].concat();
            assert_eq!(body.windows(expected.len()).filter(|window| *window == expected).count(), 1, "{odd:?} in {list}");
            assert!(serde_json::from_slice::<Value>(&body).is_err(), "{odd:?} in {list}");
        }
    }
}

#[test]
fn other_characters_of_the_last_plane_are_left_alone() {
    let store = &mut store();
    let text = "\u{10FFFD}\u{10FFEF}";
    assert!(store.edit(Kind::ORDERS, 100, at(0), |order| drop(order.fields.insert("staff_notes".to_owned(), text.into()))));
    assert_eq!(get(store, "/v2/orders/100")["staff_notes"], text);
}

#[test]
fn a_byte_order_mark_comes_first() {
    let store = &mut store();
    let plain = ask(store, "/v2/orders/111/products").body;
    store.quirks.odd_answers.entry("/v2/orders/{id}/products".to_owned()).or_default().insert(OddAnswer::ByteOrderMark);
    let marked = ask(store, "/v2/orders/111/products").body;
    assert_eq!(marked, [b"\xEF\xBB\xBF", plain.as_slice()].concat());
    assert_eq!(ids(&rows(store, "/v2/orders?limit=1")), [100], "other endpoints have none");
}

#[test]
fn fields_take_odd_shapes() {
    let store = &mut store();
    let line = rows(store, "/v2/orders/111/products").remove(0);
    let fields = [
        ("fees", OddField::Link),
        ("discounts", OddField::EmptyObject),
        ("external_merchant_id", OddField::EmptyObject),
        ("is_bundled_product", OddField::SpaceAfterName),
        ("quantity", OddField::FollowedBy("fulfillment_source".to_owned(), json!("warehouse"))),
    ];
    store.quirks.odd_fields.extend(fields.map(|(name, odd)| (name.to_owned(), odd)));
    let order = get(store, "/v2/orders/111?include=fees");
    assert_eq!(
        order["fees"],
        json!({ "url": "https://api.bigcommerce.com/stores/sandbox/v2/orders/111/fees", "resource": "/orders/111/fees" })
    );
    assert_eq!(order["external_merchant_id"], json!({}));
    let odd = rows(store, "/v2/orders/111/products").remove(0);
    assert_eq!(odd["is_bundled_product "], line["is_bundled_product"]);
    assert!(odd.get("is_bundled_product").is_none());
    assert_eq!((&odd["quantity"], &odd["fulfillment_source"]), (&line["quantity"], &json!("warehouse")));
    let names = |line: &Value| line.as_object().unwrap().keys().map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let known: Vec<String> = names(&odd).into_iter().filter(|name| name != "fulfillment_source").collect();
    assert_eq!(known, names(&line), "nothing is lost and the order stays");
}

#[test]
fn lists_come_as_objects_with_numbers() {
    let store = &mut store();
    let order = store
        .ids(Kind::ORDERS)
        .find(|id| store.record(Kind::ORDERS, *id).unwrap().parts["products"].as_array().unwrap().len() > 2);
    let target = format!("/v2/orders/{}/products", order.unwrap());
    let lines = rows(store, &target);
    store.quirks.odd_answers.entry("/v2/orders/{id}/products".to_owned()).or_default().insert(OddAnswer::NumberedRows);
    let numbered = get(store, &target);
    let names: Vec<&String> = numbered.as_object().unwrap().keys().collect();
    assert_eq!(names[..3], ["0", "2", "3"], "one number is missing");
    assert_eq!(numbered.as_object().unwrap().values().cloned().collect::<Vec<_>>(), lines);
    store
        .quirks
        .odd_answers
        .entry("/v3/catalog/products".to_owned())
        .or_default()
        .extend([OddAnswer::NumberedRows, OddAnswer::MetaAsList]);
    let products = get(store, "/v3/catalog/products?limit=3&include=images");
    assert_eq!(products["data"].as_object().unwrap().len(), 3);
    assert_eq!(products["meta"], json!([]));
    store.quirks.odd_answers.clear();
    let images = rows(store, "/v3/catalog/products?limit=3&include=images").remove(0)["images"].clone();
    store.quirks.odd_fields.insert("images".to_owned(), OddField::NumberedObject);
    let odd = rows(store, "/v3/catalog/products?limit=3&include=images").remove(0)["images"].clone();
    assert_eq!(odd.as_object().unwrap().values().collect::<Vec<_>>(), images.as_array().unwrap().iter().collect::<Vec<_>>());
}
