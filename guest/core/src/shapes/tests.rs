use super::grammar::{Expr, FieldPath, parse};
use super::types::{Fields, Type};
use serde_json::{Map, Value, json};

/// What the expressions of the tables are about.
const RECORD: &str = r#"{"id": 7, "total": 19.50, "zero": 0, "status": "Shipped", "empty": "", "quoted": "a \"b\" \u00fc", "gone": null, "is_new": true,
    "is_old": false, "tags": ["red", 5, null, true], "none": [], "address": {"city": "Bern", "zip": null, "geo": {"lat": 46.9}}, "big": 9007199254740993}"#;

/// Finds whatever the record holds; what it does not hold is anything.
struct Every(Vec<String>);

impl Fields for Every {
    fn find(&mut self, field: &mut FieldPath) -> Result<Type, String> {
        let record: Value = serde_json::from_str(RECORD).unwrap();
        field.slot = self.0.len();
        self.0.push(field.names[0].clone());
        let found = field.names.iter().try_fold(&record, |value, name| value.get(name));
        Ok(match found {
            Some(Value::Bool(_)) => Type::Bool,
            Some(Value::Number(_)) => Type::Number,
            Some(Value::String(_)) => Type::Text,
            Some(Value::Array(_)) => Type::List,
            Some(Value::Object(_)) => Type::Object,
            // As a field that is null in this record alone.
            Some(Value::Null) | None => Type::Text,
        })
    }
}

fn config() -> Map<String, Value> {
    json!({ "seed": "s3", "least": 5, "flag": true, "list": [] }).as_object().cloned().unwrap()
}

fn read(text: &str) -> Result<(Expr, Every), String> {
    let (mut expr, mut fields) = (parse(text, &config())?, Every(Vec::new()));
    expr.check(&mut fields).map(|_| (expr, fields))
}

/// What an expression yields for a record, as JSON.
fn yielded(expr: &Expr, fields: &Every, record: &str) -> (bool, String) {
    let slots: Vec<Option<&str>> = fields.0.iter().map(|name| crate::json::peek(record, name)).collect();
    let value = expr.value(&slots);
    let mut out = Vec::new();
    value.write(&mut out);
    (value.is_true(), String::from_utf8(out).unwrap())
}

/// Each was evaluated by Python 3.11 with simpleeval 1.0, as Meltano's SDK does.
#[test]
fn conditions_are_true_when_they_are_true_in_python() {
    for (text, wanted) in [
        ("status == 'Shipped'", true),
        ("status != \"Shipped\"", false),
        ("'Ship' in status", true),
        ("'ship' in status", false),
        ("'x' not in status", true),
        ("status.startswith('Sh') and status.endswith('ed')", true),
        ("status.lower() == 'shipped'", true),
        ("status.upper() == 'shipped'", false),
        ("' Shipped '.strip() == status", true),
        ("record['status'] == 'Shipped' and _['id'] == 7", true),
        ("record.get('status') == 'Shipped'", true),
        ("id in [1, 7]", true),
        ("id in (1, 2,)", false),
        ("id not in [1, 2]", true),
        ("status in ['Shipped', None]", true),
        ("gone in [None]", true),
        ("gone is None", true),
        ("gone == None", true),
        ("gone is not None", false),
        ("status is not None", true),
        ("not gone", true),
        ("not not status", true),
        ("not status == 'x'", true),
        ("empty or zero or none or gone or is_old", false),
        ("empty or status", true),
        ("status and id and is_new and tags and address", true),
        ("total > 19", true),
        ("total == 19.5", true),
        ("total >= 19.50 and total <= 19.5", true),
        ("-1 < zero < id < 8", true),
        ("1 < zero < 8", false),
        ("big == 9007199254740993", true),
        ("big == 9007199254740992", false),
        ("id == 7.0", true),
        ("id == 7e0", true),
        ("is_new == 1", true),
        ("is_new == True", true),
        ("is_old is False", true),
        ("is_new is not True", false),
        ("'red' in tags", true),
        ("5 in tags", true),
        ("1 in tags", true),
        ("None in tags", true),
        ("'blue' in tags", false),
        ("address['city'] == 'Bern'", true),
        ("address['zip'] is None", true),
        ("address['geo']['lat'] > 46.5", true),
        ("quoted == 'a \"b\" \\u00fc'", true),
        ("quoted == \"a \\\"b\\\" \\xfc\"", true),
        ("status < 'T'", true),
        ("status > 'Shipped'", false),
        ("status == 'Sh' + 'ipped'", true),
        ("id >= config['least']", true),
        ("config['flag']", true),
        ("id == 7 or id == 8 and status == 'x'", true),
        ("(id == 7 or id == 8) and status == 'x'", false),
        ("bool(status)", true),
        ("bool(empty)", false),
        ("(empty or 'x') == 'x'", true),
        ("str(id) == '7'", true),
        ("str(is_new) == 'True'", true),
        ("True", true),
        ("False or None", false),
        ("(id == 7) == True", true),
    ] {
        let (expr, fields) = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(yielded(&expr, &fields, RECORD).0, wanted, "{text}");
    }
}

/// Python fails for such a record, and ends the run with it.
#[test]
fn what_has_no_order_and_no_text_is_false_or_null_for_that_record_alone() {
    for text in ["gone < 'x'", "gone >= 'x'", "gone.startswith('x')", "'x' in gone", "gone <= gone"] {
        let (expr, fields) = read(text).unwrap();
        assert!(!yielded(&expr, &fields, RECORD).0, "{text}");
    }
    for text in ["md5(gone)", "'a' + gone", "gone.lower()", "str(gone)"] {
        let (expr, fields) = read(text).unwrap();
        assert_eq!(yielded(&expr, &fields, RECORD).1, "null", "{text}");
    }
}

/// The digests are those of `md5sum` and `sha256sum`.
#[test]
fn hashes_are_those_of_the_sdk() {
    for (text, wanted) in [
        ("md5(status)", "747cf5c8587184b9e489ff897d97c20d"),
        ("md5(str(id))", "8f14e45fceea167a5a36dedd4bea2543"),
        ("sha256(str(id))", "7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451"),
        ("md5(config['seed'] + status)", "23d178ce727eeb5e5e9b712160c126f7"),
        ("md5(quoted)", "195ac7b9d3272bb8bb9fcdb9aa6f124d"),
        ("md5('')", "d41d8cd98f00b204e9800998ecf8427e"),
    ] {
        let (expr, fields) = read(text).unwrap();
        assert_eq!(yielded(&expr, &fields, RECORD).1, format!("{wanted:?}"), "{text}");
    }
}

#[test]
fn what_the_grammar_does_not_have_is_refused_with_its_place_and_what_to_write() {
    for (text, place, hint) in [
        ("status = 'x'", "column 8", "write =="),
        ("id == 1 && id == 2", "column 9", "write and"),
        ("id == 1 || id == 2", "column 9", "write or"),
        ("!is_new", "column 1", "write not"),
        ("total * 2 > 5", "column 7", "in the target"),
        ("total - 2 > 5", "column 7", "in the target"),
        ("len(status) > 3", "column 1", "md5, sha256, str, bool"),
        ("status.split('@')[1]", "column 8", "startswith"),
        ("address.city == 'x'", "column 9", "['city']"),
        ("tags[0] == 'x'", "column 6", "not supported"),
        ("'a' if is_new else 'b'", "column 5", "and, or, not"),
        ("f'{status}'", "column 1", "write the text alone"),
        ("status == 'x", "column 11", "close its quote"),
        ("id == 1 id == 2", "column 9", "between two conditions"),
        ("id == 007", "column 7", "not a number"),
        ("(id == 1", "column 9", "\")\" is missing"),
        ("id ==", "column 6", "missing"),
        ("", "column 1", "missing"),
        ("fake.email()", "column 1", "Faker"),
        ("config['other'] == 1", "", "stream_map_config has no \"other\""),
        ("config['list']", "", "stream_map_config has a \"list\""),
        ("lambda: 1", "column 7", "grammar"),
        ("lambda", "column 1", "missing"),
        ("größe == 1", "column 3", "record['name']"),
        ("'ü' = 'ü'", "column 5", "write =="),
        ("id not 5", "column 8", "`in` is missing"),
        ("{'a': 1}", "column 1", "grammar"),
        ("status == '\\d'", "column 11", "backslash"),
        // Never true, whatever the record.
        ("id == '7'", "", "text in quotes"),
        ("status == 7", "", "text in quotes"),
        ("id in ['7']", "", "text in quotes"),
        ("tags == 'red'", "", "compare what is inside"),
        ("id < None", "", "no order"),
        ("address < address", "", "no order"),
        ("id is 7", "", "use =="),
        ("'x' in id", "", "needs a list or a text"),
        ("md5(id)", "", "str(…)"),
        ("'a' + id", "", "str(…)"),
        ("id.lower()", "", "str(…)"),
        ("str(tags)", "", "flattening"),
        ("[1, 2]", "", "may only follow `in`"),
    ] {
        let why = read(text).err().unwrap_or_else(|| panic!("{text} is not refused"));
        assert!(why.starts_with(place) && why.contains(hint), "{text}: {why}");
    }
}

#[test]
fn deep_expressions_do_not_overflow_the_stack() {
    let deep = |open: &str, close: &str| format!("{}id{}", open.repeat(10_000), close.repeat(10_000));
    for text in [deep("(", ")"), deep("md5(", ")"), deep("(", ""), deep("[", "]"), deep("not (", ")"), deep("", ".lower()")] {
        assert!(read(&text).is_err_and(|why| why.contains("simpler")), "{:.20}", text);
    }
    for text in [deep("not ", ""), format!("id{}", " or id".repeat(10_000)), format!("'a'{} == 'a'", " + 'a'".repeat(10_000))] {
        let (expr, fields) = read(&text).unwrap_or_else(|why| panic!("{text:.20}: {why}"));
        yielded(&expr, &fields, RECORD);
    }
    let just = format!("{}id{}", "(".repeat(49), ")".repeat(49));
    assert!(read(&just).is_ok());
}

#[test]
fn no_expression_and_no_record_panics() {
    const WORDS: [&str; 40] = [
        "id",
        "total",
        "status",
        "gone",
        "tags",
        "address",
        "record",
        "_",
        "config",
        "self",
        "['city']",
        "['seed']",
        "[",
        "]",
        "(",
        ")",
        ",",
        ".",
        ".get(",
        ".lower()",
        ".startswith(",
        "md5(",
        "str(",
        "bool(",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "not",
        "is",
        "and",
        "or",
        "None",
        "True",
        "'x'",
        "5",
        "-",
        "+",
        "\"\\u00fc",
    ];
    const RECORDS: [&str; 4] = [
        RECORD,
        "{}",
        r#"{"id": {}, "total": [], "status": 5, "tags": "x", "address": null}"#,
        r#"{"id": "\ud800", "tags": {}}"#,
    ];
    let (mut rng, mut good) = (fastrand::Rng::with_seed(5), 0);
    for _ in 0..200_000 {
        let words: Vec<&str> = (0..rng.usize(1..12)).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
        let text = words.join(if rng.bool() { " " } else { "" });
        let Ok((expr, fields)) = read(&text) else { continue };
        good += 1;
        for record in RECORDS {
            let (_, json) = yielded(&expr, &fields, record);
            assert!(serde_json::from_str::<Value>(&json).is_ok(), "{text} yields {json}");
        }
    }
    assert!(good > 2_000, "too few to show anything: {good}");
}
