use serde_json::{Value, json};
use tap_bigcommerce_sandbox::Kind;

use crate::support::{ask, at, get, ids, refused, request, rows, store};

#[test]
fn cursors_cover_all_customers_once() {
    let store = &mut store();
    let first = get(store, "/v3/customers?limit=70");
    assert_eq!(first["meta"]["pagination"]["total"], 300);
    assert_eq!(first["meta"]["pagination"]["total_pages"], 5);
    let mut all = ids(first["data"].as_array().unwrap());
    let mut cursor = first["meta"]["cursor_pagination"]["end_cursor"].as_str().unwrap().to_owned();
    loop {
        let page = get(store, &format!("/v3/customers?limit=70&after={cursor}"));
        assert!(page["meta"].get("pagination").is_none());
        let rows = ids(page["data"].as_array().unwrap());
        let meta = &page["meta"]["cursor_pagination"];
        assert_eq!((meta["count"].as_u64(), meta["per_page"].as_u64()), (Some(rows.len() as u64), Some(70)));
        if rows.is_empty() {
            assert!(meta.get("end_cursor").is_none());
            break;
        }
        assert_eq!(meta["links"].get("next").is_none(), all.len() + rows.len() == 300);
        cursor = meta["end_cursor"].as_str().unwrap().to_owned();
        all.extend(rows);
    }
    assert_eq!(all, store.ids(Kind::CUSTOMERS).collect::<Vec<_>>());
    let second = get(store, "/v3/customers?limit=70&page=2");
    assert!(second["meta"].get("cursor_pagination").is_none());
    assert_eq!(ids(second["data"].as_array().unwrap()), all[70..140]);
    assert_eq!(second["meta"]["pagination"]["links"]["previous"], "?page=1&limit=70");
}

#[test]
fn a_cursor_goes_back_too_and_survives_the_deletion_of_its_row() {
    let store = &mut store();
    let all: Vec<u64> = store.ids(Kind::CUSTOMERS).collect();
    let first = get(store, "/v3/customers?limit=10");
    let after = first["meta"]["cursor_pagination"]["end_cursor"].as_str().unwrap();
    let second = get(store, &format!("/v3/customers?limit=10&after={after}"));
    let before = second["meta"]["cursor_pagination"]["start_cursor"].as_str().unwrap();
    assert_eq!(get(store, &format!("/v3/customers?limit=10&before={before}"))["data"], first["data"]);
    assert!(store.delete(Kind::CUSTOMERS, all[9]));
    assert_eq!(ids(&rows(store, &format!("/v3/customers?limit=3&after={after}"))), all[10..13]);
}

#[test]
fn customers_sort_and_filter() {
    let store = &mut store();
    let since = store.date_modified(Kind::CUSTOMERS, store.ids(Kind::CUSTOMERS).nth(5).unwrap()).unwrap();
    let text = since.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let found = rows(
        store,
        &format!("/v3/customers?limit=250&sort=date_modified:asc&date_modified:min={text}&date_modified%3Amax={text}"),
    );
    assert!(found.len() > 1 && found.iter().all(|row| row["date_modified"] == text));
    let newest = rows(store, "/v3/customers?limit=1&sort=date_modified:desc")[0]["date_modified"].as_str().unwrap().to_owned();
    let all = rows(store, "/v3/customers?limit=250");
    assert!(all.iter().all(|row| row["date_modified"].as_str().unwrap() <= newest.as_str()));
    assert_eq!(ids(&rows(store, "/v3/customers?id:in=3,1,2")), [1, 2, 3]);
    let email = all[7]["email"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(ids(&rows(store, &format!("/v3/customers?email:in={email}"))), [all[7]["id"].as_u64().unwrap()]);
    assert_eq!(rows(store, "/v3/customers?id:greater=10000").len(), 50, "an unknown filter is ignored, as it is there");
    assert!(rows(store, "/v3/customers?date_modified:min=2030-01-01").is_empty());
}

#[test]
fn embedded_parts_stop_at_ten_and_the_lists_have_all() {
    let store = &mut store();
    let id = store.ids(Kind::CUSTOMERS).nth(13).unwrap();
    let plain = rows(store, &format!("/v3/customers?id:in={id}")).remove(0);
    assert!(plain.get("addresses").is_none());
    let full = rows(store, &format!("/v3/customers?id:in={id}&include=addresses,attributes,storecredit,formfields,segment_ids"))
        .remove(0);
    assert_eq!((&full["address_count"], &full["attribute_count"]), (&json!(25), &json!(11)));
    assert_eq!(full["addresses"].as_array().unwrap().len(), 10);
    assert_eq!(full["attributes"].as_array().unwrap().len(), 10);
    assert!(full["store_credit_amounts"][0]["amount"].is_number() && full["form_fields"].is_array());
    let addresses = get(store, &format!("/v3/customers/addresses?customer_id:in={id}&limit=20&page=2"));
    assert_eq!(addresses["data"].as_array().unwrap().len(), 5);
    assert_eq!(addresses["meta"]["pagination"]["total"], 25);
    let values = rows(store, &format!("/v3/customers/attribute-values?customer_id:in={id}"));
    assert_eq!(values.len(), 11);
    let fields = rows(store, "/v3/customers/form-field-values?limit=250");
    assert!(fields.iter().any(|row| row["value"].is_array()) && fields.iter().any(|row| row["value"].is_number()));
    assert!(fields.iter().any(|row| row.get("address_id").is_some()));
}

#[test]
fn products_walk_by_id_and_count_down() {
    let store = &mut store();
    let (mut all, mut last) = (Vec::new(), 0);
    loop {
        let page = get(store, &format!("/v3/catalog/products?sort=id&direction=asc&limit=60&id:greater={last}"));
        assert_eq!(page["meta"]["pagination"]["total"], 200 - all.len());
        let rows = ids(page["data"].as_array().unwrap());
        let Some(id) = rows.last() else { break };
        last = *id;
        all.extend(rows);
    }
    assert_eq!(all, store.ids(Kind::PRODUCTS).collect::<Vec<_>>());
    let down = ids(&rows(store, "/v3/catalog/products?sort=id&direction=desc&limit=3"));
    assert_eq!(down, [all[199], all[198], all[197]]);
    assert_eq!(ids(&rows(store, "/v3/catalog/products?id:min=80&id:max=82")), [80, 81, 82]);
    assert_eq!(ids(&rows(store, "/v3/catalog/products?id:in=80,82")), [80, 82]);
}

#[test]
fn a_day_without_a_time_takes_the_time_of_the_request() {
    let store = &mut store();
    let id = store.ids(Kind::PRODUCTS).next().unwrap();
    store.touch(Kind::PRODUCTS, id, at(-12 * 3600));
    // At midnight the whole of yesterday is in; at noon the product, changed yesterday at noon, is still in; later it is not.
    for (hour, found) in [(0, 1), (12, 1), (13, 0)] {
        let answer = store.respond(&request("/v3/catalog/products?date_modified:min=2025-06-30&id:max=77"), at(hour * 3600));
        assert_eq!(answer.value().unwrap()["data"].as_array().unwrap().len(), found, "at {hour}:00");
    }
}

#[test]
fn options_make_pages_of_ten() {
    let store = &mut store();
    let page = get(store, "/v3/catalog/products?limit=250&include=variants,options");
    assert_eq!(page["data"].as_array().unwrap().len(), 10);
    assert_eq!((&page["meta"]["pagination"]["per_page"], &page["meta"]["pagination"]["total_pages"]), (&json!(10), &json!(20)));
    let page = get(store, "/v3/catalog/products?limit=300&include=variants,images,custom_fields,primary_image");
    assert_eq!((page["data"].as_array().unwrap().len(), &page["meta"]["pagination"]["per_page"]), (200, &json!(250)));
    let variants: usize =
        page["data"].as_array().unwrap().iter().map(|product| product["variants"].as_array().unwrap().len()).sum();
    let listed = get(store, "/v3/catalog/variants?limit=1");
    assert_eq!(listed["meta"]["pagination"]["total"], variants);
    let of_one = rows(store, "/v3/catalog/variants?product_id:in=86");
    assert_eq!(of_one.len(), 30);
    assert!(of_one.iter().all(|variant| variant["product_id"] == 86));
}

#[test]
fn fields_can_be_left_out() {
    let store = &mut store();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let narrow = rows(store, "/v3/catalog/products?include_fields=name&limit=1").remove(0);
    assert_eq!(keys(&narrow), ["id", "name", "gift_wrapping_options_list"]);
    let without = get(store, "/v3/catalog/products/77?exclude_fields=name,id&include=images")["data"].clone();
    assert!(without.get("name").is_none() && without["id"] == 77 && without["images"].is_array());
}

#[test]
fn refusals_are_objects() {
    let store = &mut store();
    for target in [
        "/v3/customers?after=nonsense",
        "/v3/customers?after=eyJpZCI6MX0&before=eyJpZCI6MX0",
        "/v3/customers?sort=id:asc",
        "/v3/customers?include=orders",
        "/v3/customers?date_modified:min=2025-01-01T00:00:00+00:00",
        "/v3/catalog/products?id:greater=x",
        "/v3/catalog/products?page=-1",
    ] {
        let (status, body) = refused(store, target);
        assert_eq!((status, &body["status"]), (422, &json!(422)), "{target}");
        assert_eq!(body["errors"].as_object().unwrap().len(), 1, "{target}");
    }
    let (status, body) = refused(store, "/v3/catalog/products/1");
    assert_eq!((status, &body["errors"]), (404, &json!({})));
    assert!(body["title"].is_string() && body["type"].is_string());
    assert_eq!(ask(store, "/v3/customers?id:in=999999").value().unwrap()["data"], json!([]));
}
