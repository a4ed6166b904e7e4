use serde_json::json;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault};

use crate::support::{ask, at, ids, request, rows, store};

#[test]
fn a_fault_skips_hits_and_is_gone() {
    let store = &mut store();
    store.add_fault(Fault::on("/v2/orders?", Action::status(503)).skip(1).times(2));
    let statuses: Vec<u16> = (0..5).map(|_| ask(store, "/v2/orders?limit=1").status).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200]);
    assert_eq!(store.faults_fired(), 2);
    store.add_fault(Fault::when(|request| request.path.ends_with("/products"), Action::NotFound).always());
    assert_eq!(ask(store, "/v2/orders/111/products").status, 404);
    assert_eq!(ask(store, "/v2/orders/111").status, 200);
    assert_eq!(ask(store, "/v2/orders/111/products").value().unwrap()[0]["status"], 404);
    store.clear_faults();
    assert_eq!(ask(store, "/v2/orders/111/products").status, 200);
}

#[test]
fn answers_of_every_kind() {
    let store = &mut store();
    let mut hit = |action: Action, target: &str| {
        store.add_fault(Fault::on("/v", action));
        ask(store, target)
    };
    let own = hit(
        Action::Status {
            code: 502,
            body: Some(b"<html>".to_vec()),
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        },
        "/v3/customers",
    );
    assert_eq!((own.status, own.body.as_slice(), own.header("Content-Type")), (502, &b"<html>"[..], Some("text/html")));
    assert_eq!(hit(Action::status(500), "/v3/customers").value().unwrap()["status"], 500);
    let html = hit(Action::Html200, "/v3/customers");
    assert_eq!((html.status, html.value()), (200, None));
    let cut = hit(Action::TruncatedJson, "/v3/customers");
    assert_eq!((cut.status, cut.value()), (200, None));
    assert!(!cut.body.is_empty());
    let moved = hit(Action::Redirect("http://127.0.0.1:9/".to_owned()), "/v3/customers");
    assert_eq!((moved.status, moved.header("Location")), (302, Some("http://127.0.0.1:9/")));
    assert_eq!(hit(Action::EmptyPage, "/v2/orders").status, 204);
    let empty = hit(Action::EmptyPage, "/v3/catalog/products").value().unwrap();
    assert_eq!((&empty["data"], &empty["meta"]["pagination"]["total"]), (&json!([]), &json!(200)));
}

#[test]
fn a_page_comes_twice() {
    let store = &mut store();
    store.add_fault(Fault::on("/v2/orders?", Action::DuplicatePage).skip(1));
    let first = ids(&rows(store, "/v2/orders?limit=10&page=1"));
    assert_eq!(ids(&rows(store, "/v2/orders?limit=10&page=2")), first);
    assert_ne!(ids(&rows(store, "/v2/orders?limit=10&page=2")), first);
}

#[test]
fn delivery_is_handed_to_whoever_delivers() {
    let store = &mut store();
    store.add_fault(Fault::on("/v2/orders", Action::Deliver(Delivery::Stall)));
    let answer = store.answer(&request("/v2/orders"), at(0));
    assert_eq!((answer.response.status, answer.delivery), (200, Delivery::Stall));
    assert_eq!(store.answer(&request("/v2/orders"), at(0)).delivery, Delivery::Whole);
}
