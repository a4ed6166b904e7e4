//! Through every door, requests go to the origin in the config and nowhere else.

use serde_json::{Value, json};
use tap_bigcommerce_sandbox::{Action, Fault, Kind};
use tap_bigcommerce_tests::runs::DOORS;
use tap_bigcommerce_tests::shop::{Shop, counts};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_an_answer_names_is_not_asked() {
    for door in DOORS {
        let (shop, elsewhere) = (Shop::new(counts(5, 5, 5, 5)), Shop::new(counts(5, 5, 5, 5)));
        let evil = format!("{}/stores/sandbox", elsewhere.sandbox.url());
        let links = json!({"next": format!("{evil}/v3/customers?page=2"), "current": evil});
        let page = json!({"data": [], "meta": {
            "pagination": {"total": 0, "links": links},
            "cursor_pagination": {"links": links, "end_cursor": ""},
        }});
        let page =
            Action::Status { code: 200, body: Some(page.to_string().into_bytes()), headers: vec![("Link".into(), evil.clone())] };
        shop.sandbox.with_store(|store| {
            for id in store.ids(Kind::ORDERS).collect::<Vec<u64>>() {
                let at = store.date_modified(Kind::ORDERS, id).unwrap();
                store.edit(Kind::ORDERS, id, at, |order| {
                    for part in ["products", "coupons", "shipping_addresses"] {
                        order
                            .fields
                            .insert(part.into(), json!({"url": format!("{evil}/v2/orders/{id}/{part}"), "resource": evil}));
                    }
                });
            }
            store.add_fault(Fault::on("/v3/customers?", page));
        });
        let run = door.run(&shop, &json!({}), None).await;
        assert!(run.messages.iter().any(|message| message.stream == "orders"), "{door:?}: {}", run.log);
        assert_eq!(elsewhere.sandbox.connection_count(), 0, "{door:?}");
        assert!(shop.sandbox.with_store(|store| store.faults_fired()) > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_must_not_be_is_refused_through_every_door_before_any_request() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    let here = shop.sandbox.url().trim_start_matches("http://").to_owned();
    for url in [
        "http://example.com".to_owned(),
        "http://169.254.169.254".to_owned(),
        "http://10.0.0.1".to_owned(),
        "http://0.0.0.0".to_owned(),
        format!("http://user:hush-hush@{here}"),
        format!("http://{here}/stores/other"),
        format!("http://{here}?token="),
        format!("http://127.0.0.1.evil.example@{here}"),
        format!("ftp://{here}"),
    ] {
        for door in DOORS {
            let run = door.run(&shop, &json!({"api_url": url}), None).await;
            let told = format!("{}{}", run.log, run.output);
            assert!(!run.good && run.messages.is_empty(), "{door:?} {url}");
            assert!(told.contains("api_url") && !told.contains("hush-hush"), "{door:?} {url}: {told}");
        }
    }
    assert_eq!(shop.sandbox.connection_count(), 0);
}

/// A path that leaves the store's own is one that a config could name.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_hash_cannot_lead_to_another_path() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    for hash in ["../admin", "sandbox/v2/../../other", "a%2e%2e", "a?b", "a#b", "A", "a b", ""].map(Value::from) {
        for door in DOORS {
            let run = door.run(&shop, &json!({"store_hash": hash}), None).await;
            assert!(!run.good && run.messages.is_empty(), "{door:?} {hash}");
            assert!(format!("{}{}", run.log, run.output).contains("store_hash"), "{door:?} {hash}: {}", run.log);
        }
    }
    assert_eq!(shop.sandbox.connection_count(), 0);
}
