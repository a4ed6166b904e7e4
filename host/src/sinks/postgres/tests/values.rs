//! What becomes of values: each is there as it came, or its record is named.

use super::*;

#[test]
fn columns_have_types_and_values_are_exact() {
    let Some(shop) = Shop::new() else { return };
    let properties =
        r#","total":{"type":["null","number"]},"paid":{"type":"boolean"},"at":{"type":["null","string"],"format":"date-time"},
        "day":{"type":"string","format":"date"},"note":{"type":"string"},"lines":{"type":"array","items":{"type":"object"}},
        "odd":{"type":["string","integer"]},"name \"of\" it":{"type":"string"}"#
            .replace('\n', "");
    let exact = r#""id":9223372036854775807,"total":988.2800,"paid":true,"at":"2025-10-09T08:53:20.123456Z","day":"2024-02-29",
        "note":"a\\b\t\"q\"\n\r\u00e9 \\. \\N","lines":[{"x":1.10,"s":"\\ \n \u0001"}],"odd":"7","name \"of\" it":"x""#
        .replace('\n', "");
    let mut sink = shop.open();
    write(&mut sink, &[&schema(&properties), &record(&exact), &record(r#""id":2,"odd":7"#), &state(1)]);
    let types = "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{}.orders'::regclass AND attnum > 0";
    assert_eq!(shop.text(types), "bigint,numeric,boolean,timestamp with time zone,date,text,jsonb,jsonb,text");
    let of = |what: &str| shop.text(&format!("SELECT ({what})::text FROM {{}}.orders WHERE id > 2"));
    assert_eq!(of("id"), "9223372036854775807");
    assert_eq!(of("total"), "988.2800");
    assert_eq!(of("paid AND \"at\" = '2025-10-09 08:53:20.123456+00' AND day = '2024-02-29'"), "true");
    assert_eq!(of("note"), "a\\b\t\"q\"\n\ré \\. \\N");
    assert_eq!(of("lines -> 0 ->> 'x'"), "1.10");
    assert_eq!(of("lines -> 0 ->> 's'"), "\\ \n \u{1}");
    assert_eq!(of("odd"), "\"7\"");
    assert_eq!(of("\"name \"\"of\"\" it\""), "x");
    let missing = "SELECT (odd = '7' AND num_nulls(total, paid, \"at\", day, note, lines) = 6)::text FROM {}.orders WHERE id = 2";
    assert_eq!(shop.text(missing), "true", "what a record lacks is null");
}

#[test]
fn a_whole_number_beyond_64_bits_makes_its_column_numeric() {
    let Some(shop) = Shop::new() else { return };
    let with_big = schema(r#","big":{"type":["null","integer"]}"#);
    let of = |id: &str, big: &str| record(&format!(r#""id":{id},"big":{big}"#));
    write(&mut shop.open(), &[&with_big, &of("1", "7"), &state(1)]);
    let mut sink = shop.open();
    write(&mut sink, &[&with_big, &of("2", "8"), &of("3", "92233720368547758089"), &of("18446744073709551616", "9"), &state(2)]);
    drop(sink);
    assert_eq!(shop.ids(), "1,2,3,18446744073709551616");
    assert_eq!(shop.text("SELECT sum(big)::text FROM {}.orders"), "92233720368547758113");
    write(&mut shop.open(), &[&with_big, &of("4", "10"), &state(3)]);
    assert_eq!(shop.text("SELECT pg_typeof(big)::text FROM {}.orders WHERE id = 4"), "numeric");
    let decimal = schema(r#","big":{"type":["null","number"]}"#);
    write(&mut shop.open(), &[&decimal, &of("5", "1.50"), &state(4)]);
    assert_eq!(shop.text("SELECT big::text FROM {}.orders WHERE id = 5"), "1.50");
}

#[test]
fn whole_numbers_become_decimals_when_the_schema_says_so() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(r#","n":{"type":"integer"}"#), &record(r#""id":1,"n":7"#), &state(1)]);
    write(&mut shop.open(), &[&schema(r#","n":{"type":"number"}"#), &record(r#""id":2,"n":1.25"#), &state(2)]);
    assert_eq!(shop.text("SELECT string_agg(n::text, ',' ORDER BY id) FROM {}.orders"), "7,1.25");
}

#[test]
fn a_value_that_cannot_be_held_is_named_by_its_record_and_not_shown() {
    let Some(shop) = Shop::new() else { return };
    let properties = r#","total":{"type":"number"},"paid":{"type":"boolean"},"at":{"type":"string","format":"date-time"},"note":{"type":"string"},"lines":{"type":"array"}"#;
    write(&mut shop.open(), &[&schema(properties), &record(r#""id":1"#), &state(1)]);
    for (field, value, words) in [
        ("note", r#""zz\u0000zz""#, "U+0000"),
        ("lines", r#"[{"a":"zz\u0000"}]"#, "U+0000"),
        ("total", "1e200000", "too long"),
        ("total", r#""zz""#, "is not a number"),
        ("paid", r#""zz""#, "neither true nor false"),
        ("at", r#""zz""#, "no time"),
        ("at", r#""2025-10-09T08:53:20.1234567Z""#, "no time"),
    ] {
        let mut sink = shop.open();
        write(&mut sink, &[&schema(properties), &record(r#""id":2"#)]);
        let why = refused(&mut sink, &record(&format!(r#""id":17,"{field}":{value}"#)));
        told(&why, &["orders with id 17", &format!("{field:?}"), words, &format!("--exclude orders.{field}")]);
        assert!(!why.contains("zz") && !why.contains("08:53"), "{why}");
        drop(sink);
        assert_eq!((shop.ids().as_str(), shop.state().as_str()), ("1", r#"{"n":1}"#), "{field}");
    }
}

#[test]
fn what_only_the_server_can_refuse_is_named_by_its_record_too() {
    let Some(shop) = Shop::new() else { return };
    let wide: String = (0..1000).map(|number| format!(r#","f{number}":{{"type":["null","string"]}}"#)).collect();
    let full: String = (0..1000).map(|number| format!(r#","f{number}":"zz-{number}-0123456789""#)).collect();
    let mut sink = shop.open();
    write(&mut sink, &[&schema(&wide), &record(r#""id":1"#), &record(&format!(r#""id":17{full}"#)), &record(r#""id":3"#)]);
    let why = refused(&mut sink, &state(1));
    told(&why, &["orders with id 17", "row is too big", "--exclude orders."]);
    assert!(!why.contains("zz"), "{why}");
    drop(sink);
    let with_lines = schema(r#","lines":{"type":"array"}"#);
    let mut sink = shop.open();
    write(&mut sink, &[&with_lines, &record(r#""id":18,"lines":[1e200000]"#)]);
    told(&refused(&mut sink, &state(1)), &["orders with id 18", "22003"]);
    drop(sink);
    assert_eq!(shop.state(), "NULL");
}

#[test]
fn a_name_that_postgresql_would_cut_or_keeps_for_itself_is_refused() {
    let Some(shop) = Shop::new() else { return };
    let mut sink = shop.open();
    let long = "é".repeat(32);
    for (name, words) in
        [(long.as_str(), "64 bytes"), ("ctid", "a column of that name"), ("_tap_version", "a column of that name")]
    {
        let why = refused(&mut sink, &schema(&format!(r#","{name}":{{"type":"string"}}"#)));
        told(&why, &["orders", name, words, "--exclude"]);
    }
    let stream = "x".repeat(64);
    told(&refused(&mut sink, &schema(NOTE).replace("orders", &stream)), &["64 bytes"]);
    told(&refused(&mut sink, &schema(NOTE).replace("orders", "_tap_bigcommerce")), &["not a stream's name"]);
    let longest = "é".repeat(31);
    write(
        &mut sink,
        &[&schema(&format!(r#","{longest}":{{"type":"string"}},"NOTE":{{"type":"string"}},"note":{{"type":"string"}}"#))],
    );
    write(&mut sink, &[&record(&format!(r#""id":1,"{longest}":"a","NOTE":"b","note":"c""#)), &state(1)]);
    assert_eq!(
        shop.text(&format!("SELECT \"{longest}\" || \"NOTE\" || note FROM {{}}.orders")),
        "abc",
        "names differ by case alone"
    );
}
