//! What must hold for any input. Each check takes bytes, as a fuzzer makes them.

use crate::reference;
use chrono::DateTime;
use futures_util::future::join_all;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::api::gate::Gate;
use tap_bigcommerce_core::api::list::Form;
use tap_bigcommerce_core::api::{Call, Clock, Request as Get, Response, Transport, TransportError};
use tap_bigcommerce_core::config::{Config, Credentials};
use tap_bigcommerce_core::dates as date;
use tap_bigcommerce_core::log::{Line, Log};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::schema::{Object, prune};
use tap_bigcommerce_core::singer::state::{State, forget};
use tap_bigcommerce_core::streams::ALL;
use tap_bigcommerce_core::transform::{Findings, record};
use tap_bigcommerce_core::virtual_time::{VirtualClock, run};

const CONFIG: &str = r#"{"client_id": "c", "access_token": "t", "store_hash": "abc", "api_url": "http://127.0.0.1:1"}"#;

/// A config is refused, or can be trusted.
pub(crate) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for credentials in [Credentials::InConfig, Credentials::MayBeEmbedders] {
        let Ok((config, _)) = Config::parse(text, credentials) else { continue };
        assert!((1..=64).contains(&config.store_hash.len()));
        assert!(config.store_hash.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(
            config.origin.https
                || ["127.", "[::", "localhost", "[0"].iter().any(|local| config.origin.authority.starts_with(local))
        );
        assert!(!config.origin.authority.contains(['@', '/', '?', '#', ' ']));
        assert!((10..=250).contains(&config.page_size) && config.max_concurrency >= 1);
        assert!(credentials == Credentials::MayBeEmbedders || config.access_token.is_some());
        assert!(!config.user_agent.contains(['\r', '\n']));
    }
}

/// A catalog is refused with a message, or a plan can be made from it.
pub(crate) fn catalog(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let inputs = Inputs { config: CONFIG.into(), catalog: Some(text.into()), ..Inputs::default() };
    if let Err(failure) = Plan::new(&inputs) {
        assert!(failure.message.len() > 10 && !failure.message.contains('\n'));
    }
}

/// A state is refused, or passes on what it holds; forgetting a stream removes that stream alone.
pub(crate) fn state(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((state, _)) = State::parse(Some(text)) else { return };
    let again = State::parse(Some(&state.value().to_string())).expect("a state that was read is read again").0;
    assert_eq!(state.value(), again.value());
    for stream in ALL {
        let _ = (state.bookmark(stream), state.walk(stream), state.selection(stream));
    }
    let mut without: Value = serde_json::from_str(&forget(Some(text), "orders").expect("a state that was read")).expect("JSON");
    let mut whole = state.value().clone();
    for value in [&mut without, &mut whole] {
        drop(value["bookmarks"].as_object_mut().expect("bookmarks").shift_remove("orders"));
    }
    assert_eq!(without, whole);
}

/// A date is read as chrono reads it, or refused, and every form of it reads as the same moment.
pub(crate) fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(date::parse(text), reference::moment(text), "{text}");
    let Some(moment) = date::parse(text) else { return };
    if (0..=9999).contains(&chrono::Datelike::year(&moment)) {
        assert_eq!(date::parse(&date::format(moment)), Some(moment), "{text}");
        assert!(date::parse(&date::filter(moment)).is_some_and(|filter| filter <= moment));
    }
}

/// A decimal is written with the digits that came, plus a zero before a point that has none, or as null.
pub(crate) fn decimals(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let schema =
        json!({"type": "object", "properties": {"price": {"type": ["number", "null"]}, "count": {"type": ["integer", "null"]}}});
    let shape = Object::compile(&schema, &schema);
    for row in [json!({"price": text, "count": text}).to_string(), format!("{{\"price\":{text},\"count\":{text}}}")] {
        let Ok(row) = RawValue::from_string(row) else { continue };
        let mut out = Vec::new();
        if record(&shape, row.get(), &[], &1, &mut Findings::default(), &mut out).is_err() {
            continue;
        }
        let out: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_slice(&out).expect("a record is JSON");
        let price = out.get("price").map_or("null", |price| price.get());
        let digits = text.trim().trim_matches('"').trim();
        let with_zero = digits.replacen('.', "0.", 1);
        assert!(price == "null" || digits.contains(price) || with_zero == price, "{digits} became {price}");
        let count = out.get("count").map_or("null", |count| count.get());
        assert!(count == "null" || count.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()), "{count}");
    }
}

/// Whatever the store says of its quota, requests end, and wait no longer than they should.
pub(crate) fn headers(data: &[u8]) {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let (config, _) = Config::parse(CONFIG, Credentials::InConfig).expect("a good config");
    let gate = Gate::new(Headers(RefCell::new(data.to_vec())), clock.clone(), Rc::new(Silent), Rc::new(config));
    let request = async || {
        let mut request = Get::new("orders", "x", "v2/orders".into());
        gate.get(&mut request, |body| Form::Bare.decode(body)).await
    };
    run(&clock, join_all((0..4).map(|_| request()))).expect("a request waits for what never comes");
    assert!(clock.now() <= Duration::from_secs(2 * 3600 + 600), "waited {:?}", clock.now());
}

/// Any page: the transform gives the same rows as the plain, slow reference, whatever is selected.
pub(crate) fn pages(data: &[u8]) {
    for form in [Form::Bare, Form::Envelope] {
        let Ok(page) = form.decode(data) else { continue };
        let strict = std::str::from_utf8(data).is_ok() && serde_json::from_slice::<Value>(data).is_ok();
        assert!(!strict || page.repairs.is_empty(), "nothing is repaired in JSON text");
        assert!(page.repairs.iter().all(|repair| repair.row < page.rows.len() && !repair.field.contains('\n')));
        // Whatever is repaired, a body that is cut short is no page.
        let whole = data.trim_ascii_end();
        let cut = data.iter().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        if whole.len() > 1 {
            assert!(form.decode(&whole[..1 + cut % (whole.len() - 1)]).is_err(), "a page that is cut short is refused");
        }
        // The bytes pick the selection.
        let picks = data.iter().fold(0_u64, |picks, byte| picks.rotate_left(7) ^ u64::from(*byte));
        let keep = |path: &[&str]| picks >> (path.concat().bytes().map(u32::from).sum::<u32>() % 64) & 1 == 1;
        for stream in ALL {
            let mut whole = stream.schema().clone();
            // Most rows that a fuzzer makes have no key, and have to agree, too.
            stream
                .key
                .iter()
                .for_each(|key| whole["properties"][key]["type"] = json!([whole["properties"][key]["type"], "null"]));
            agree(&whole, &whole, &page.rows);
            agree(&whole, &prune(&whole, &keep), &page.rows);
        }
    }
}

/// Checks that the transform and its reference agree for a schema and the selected part of it.
fn agree(whole: &Value, selected: &Value, rows: &[Box<RawValue>]) {
    let shape = Object::compile(whole, selected);
    for row in rows {
        let mut out = Vec::new();
        let done = record(&shape, row.get(), &[], &1, &mut Findings::default(), &mut out);
        let wanted = reference::record(selected, row);
        assert_eq!(done.is_ok(), wanted.is_some(), "{}", row.get());
        let Some(wanted) = wanted else { continue };
        assert!(!out.contains(&b'\n'), "a message is one line");
        let out = RawValue::from_string(String::from_utf8(out).expect("UTF-8")).expect("a record is JSON");
        assert_eq!(canonical(&out), wanted, "from {}", row.get());
    }
}

/// The same JSON whatever the order of its keys; leaves keep their bytes.
fn canonical(raw: &RawValue) -> String {
    let text = raw.get();
    if text.starts_with('{') {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("an object");
        return reference::braces(fields.iter().map(|(key, value)| (key.clone(), canonical(value))).collect());
    }
    if text.starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(text).expect("a list");
        return format!("[{}]", items.iter().map(|item| canonical(item)).collect::<Vec<_>>().join(","));
    }
    text.to_owned()
}

/// Answers with the headers and statuses that the bytes say, line by line, and with success when they end.
struct Headers(RefCell<Vec<u8>>);

impl Transport for Headers {
    async fn get(&self, _: &Call) -> Result<Response, TransportError> {
        let mut rest = self.0.borrow_mut();
        let mut response = Response { status: 200, ..Response::default() };
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            let taken = (end + 1).min(rest.len());
            rest.drain(..taken);
            match line.split_once(':') {
                Some((name, value)) => response.headers.push((name.to_owned(), value.to_owned())),
                None => {
                    response.status = line.trim().parse().unwrap_or(200);
                    break;
                }
            }
        }
        Ok(response)
    }
}

#[derive(Debug)]
struct Silent;

impl Log for Silent {
    fn write(&self, _: &Line<'_>) {}
}
