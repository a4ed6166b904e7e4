//! Messages like those of orders, into an output: what `benches/sinks.py` measures.
//!
//! `cargo run --release -p tap-bigcommerce-tests --example sinks -- sqlite:shop.db 1000000`

use std::fmt::Write;
use tap_bigcommerce::Sink;
use tap_bigcommerce::sinks::{Message, Output};

/// As often as the tap writes one, at most.
const RECORDS_PER_STATE: u64 = 250;
const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"type":"object","properties":{
    "id":{"type":"integer"},"customer_id":{"type":["null","integer"]},"date_created":{"type":["null","string"],"format":"date-time"},
    "date_modified":{"type":["null","string"],"format":"date-time"},"status":{"type":["null","string"]},"is_deleted":{"type":["null","boolean"]},
    "subtotal_ex_tax":{"type":["null","number"]},"subtotal_inc_tax":{"type":["null","number"]},"total_ex_tax":{"type":["null","number"]},
    "total_inc_tax":{"type":["null","number"]},"items_total":{"type":["null","integer"]},"payment_method":{"type":["null","string"]},
    "customer_message":{"type":["null","string"]},"currency_code":{"type":["null","string"]},"billing_address":{"type":["null","object"],"properties":{
        "first_name":{"type":["null","string"]},"city":{"type":["null","string"]},"zip":{"type":["null","string"]}}},
    "products":{"type":["null","array"],"items":{"type":"object","properties":{
        "id":{"type":["null","integer"]},"name":{"type":["null","string"]},"quantity":{"type":["null","integer"]},"price_inc_tax":{"type":["null","number"]}}}}}}}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(output), Some(records)) = (args.next(), args.next()) else {
        return Err("an output and a number of records".into());
    };
    let records: u64 = records.parse()?;
    let output: Output = output.parse()?;
    let mut sink = output.open("benches/stores/sinks", &[])?.sink;
    sink.write(&Message::read(SCHEMA.replace('\n', "").as_bytes()))?;
    let mut line = String::new();
    for id in 1..=records {
        record(&mut line, id)?;
        sink.write(&Message::read(line.as_bytes()))?;
        if id % RECORDS_PER_STATE == 0 || id == records {
            let state = format!(r#"{{"type":"STATE","value":{{"bookmarks":{{"orders":{{"position":{{"id":{id}}}}}}}}}}}"#);
            sink.write(&Message::read(state.as_bytes()))?;
            sink.flush()?;
        }
    }
    Ok(sink.finish()?)
}

fn record(line: &mut String, id: u64) -> std::fmt::Result {
    let (cents, day, minute) = (id * 7919 % 100_000, 1 + id % 28, id % 60);
    line.clear();
    write!(
        line,
        concat!(
            r#"{{"type":"RECORD","stream":"orders","record":{{"id":{id},"customer_id":{customer},"date_created":"2025-03-{day:02}T08:{minute:02}:20Z","#,
            r#""date_modified":"2025-10-{day:02}T08:{minute:02}:20Z","status":"Awaiting Fulfillment","is_deleted":false,"subtotal_ex_tax":{total}.{cents:02}00,"#,
            r#""subtotal_inc_tax":{total}.{cents:02}00,"total_ex_tax":{total}.{cents:02}00,"total_inc_tax":{total}.{cents:02}00,"items_total":2,"#,
            r#""payment_method":"Credit Card","customer_message":{message},"currency_code":"EUR","#,
            r#""billing_address":{{"first_name":"Zoë {id}","city":"Köln","zip":"{zip}"}},"#,
            r#""products":[{{"id":{first},"name":"A \"good\" thing, small","quantity":1,"price_inc_tax":{total}.{cents:02}00}},"#,
            r#"{{"id":{second},"name":"Another thing","quantity":1,"price_inc_tax":0.0000}}]}},"time_extracted":"2026-01-31T08:00:00Z"}}"#
        ),
        id = id,
        customer = id * 31 % 50_000,
        day = day,
        minute = minute,
        total = cents / 100,
        cents = cents % 100,
        message = if id.is_multiple_of(10) { r#""Please leave it\nat the door""# } else { "null" },
        zip = 10_000 + id % 90_000,
        first = id * 2,
        second = id * 2 + 1,
    )
}
