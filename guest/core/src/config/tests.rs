use super::*;

const GOOD: &str = r#"{"client_id": "c", "access_token": "t0ken", "store_hash": "abc123"}"#;

fn parse(text: &str) -> Result<(Config, Vec<String>)> {
    Config::parse(text, Credentials::InConfig)
}

#[test]
fn the_python_taps_config_is_read_and_its_dead_key_is_warned_of() {
    let text = r#"{"client_id": "c", "access_token": "t", "store_hash": "abc",
                   "start_date": "2017-01-01T00:00:00Z", "sync_full_table_every": 24}"#;
    let (config, warnings) = parse(text).unwrap();
    assert_eq!(config.start_date.map(dates::format).as_deref(), Some("2017-01-01T00:00:00Z"));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("sync_full_table_every"));
}

#[test]
fn a_config_of_another_tool_needs_no_client_id() {
    let airbyte = r#"{"access_token": "t0ken", "store_hash": "abc123", "start_date": "2024-01-31"}"#;
    let (config, warnings) = parse(airbyte).unwrap();
    assert_eq!((config.client_id, warnings.len()), (None, 0));
    assert_eq!(parse(GOOD).unwrap().0.client_id.as_deref(), Some("c"));
}

#[test]
fn every_fault_is_named_at_once() {
    let text = r#"{"store_hash": "UP/..", "page_size": 1, "strict": "perhaps", "start_date": "soon", "api_url": "ftp://x"}"#;
    let failure = parse(text).unwrap_err();
    assert_eq!(failure.kind, Kind::Config);
    for key in ["access_token", "store_hash", "page_size", "strict", "start_date", "api_url"] {
        assert!(failure.message.contains(key), "{key} is not in: {failure}");
    }
}

#[test]
fn order_lines_is_one_of_two_words() {
    let with = |value: &str| parse(&GOOD.replacen('{', &format!("{{\"order_lines\": {value}, "), 1));
    for (value, embeds) in [("\"separate\"", false), ("\" Embedded \"", true), ("null", false), ("\"\"", false)] {
        assert_eq!(with(value).unwrap().0.embeds_order_lines, embeds, "{value}");
    }
    for value in ["\"inline\"", "true", "1", "[\"embedded\"]"] {
        let failure = with(value).unwrap_err();
        assert_eq!(failure.kind, Kind::Config);
        assert!(failure.message.contains("order_lines must be separate or embedded"), "{value}: {failure}");
    }
}

#[test]
fn settings_may_be_text_as_the_environment_has_them() {
    let variables = [
        ("TAP_BIGCOMMERCE_PAGE_SIZE", "100"),
        ("TAP_BIGCOMMERCE_STRICT", "true"),
        ("HOME", "/"),
        ("TAP_BIGCOMMERCE_EDGE_TOKEN", "x"),
    ];
    let mut map = from_env(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(map.len(), 2);
    map.extend(serde_json::from_str::<Map<String, Value>>(GOOD).unwrap());
    let (config, warnings) = parse(&serde_json::to_string(&map).unwrap()).unwrap();
    assert_eq!((config.page_size, config.strict, warnings.len()), (100, true, 0));
}

#[test]
fn only_an_embedder_may_leave_the_credentials_out() {
    let text = r#"{"store_hash": "abc"}"#;
    assert!(parse(text).is_err());
    let (config, _) = Config::parse(text, Credentials::MayBeEmbedders).unwrap();
    assert_eq!(config.access_token, None);
}

#[test]
fn of_several_configs_the_later_keys_win_and_a_broken_one_is_named() {
    let source = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let merged = merge(&[source("a.json", r#"{"x": 1, "y": 1}"#), source("b.json", r#"{"y": 2}"#)]).unwrap();
    assert_eq!(merged, r#"{"x":1,"y":2}"#);
    for (broken, why) in [("[1]", "line 1"), ("", "empty"), ("{\"x\":", "early")] {
        let failure = merge(&[source("a.json", "\u{feff}{}"), source("b.json", broken)]).unwrap_err();
        assert!(failure.message.contains("b.json") && failure.message.contains(why), "{failure}");
    }
}

#[test]
fn the_token_is_not_in_the_debug_form() {
    let (config, _) = parse(GOOD).unwrap();
    assert!(!format!("{config:?}").contains("t0ken"));
}

#[test]
fn a_config_that_is_not_json_says_where() {
    let failure = parse("{\n  \"a\": }").unwrap_err();
    assert!(failure.message.contains("line 2"), "{failure}");
}

#[test]
fn batch_config_has_the_sdks_keys_and_only_what_this_tap_can_write() {
    const BATCHES: &str = r#"{"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": "ROOT"}}"#;
    let with = |value: &str| parse(&GOOD.replacen('{', &format!("{{\"batch_config\": {value}, "), 1));
    let folder = |root: &str| with(&BATCHES.replace("ROOT", root)).unwrap().0.batches.unwrap().folder;
    for (root, path) in [
        ("file:///var/tmp/a b", "/var/tmp/a b"),
        ("file://batches/x", "batches/x"),
        ("/var/tmp", "/var/tmp"),
        ("file:///C:/batches", "C:/batches"),
    ] {
        assert_eq!(folder(root), path, "{root}");
    }
    let whole = BATCHES.replace("\"}}", "\", \"prefix\": \"shop-\"}, \"batch_size\": 7}");
    let batches = with(&whole.replace("ROOT", "file:///x")).unwrap().0.batches;
    assert_eq!(batches, Some(Batches { folder: "/x".into(), prefix: "shop-".into(), size: 7 }));
    assert_eq!((with("null").unwrap().0.batches, with("\"\"").unwrap().0.batches), (None, None));
    for (value, word) in [
        ("{}", "encoding"),
        ("true", "JSON object"),
        (&BATCHES.replace("jsonl", "parquet"), "jsonl"),
        (&BATCHES.replace("gzip", "none"), "gzip"),
        (&BATCHES.replace("ROOT", "s3://bucket"), "storage.root"),
        (&BATCHES.replace("ROOT", "file://"), "storage.root"),
        (&BATCHES.replace("ROOT", "file:///a%20b"), "storage.root"),
        (&whole.replace("shop-", "../"), "storage.prefix"),
        (&whole.replace('7', "0"), "batch_size"),
        (&BATCHES.replace("\"root\"", "\"params\": {\"key\": \"s3cret\"}, \"root\""), "params"),
    ] {
        let failure = with(value).unwrap_err();
        assert!(failure.message.contains("batch_config") && failure.message.contains(word), "{value}: {failure}");
        assert!(!failure.message.contains("s3cret"), "{failure}");
    }
    let both = whole.replace("ROOT", "/x");
    let failure =
        parse(&GOOD.replacen('{', &format!("{{\"batch_config\": {both}, \"emit_activate_version_messages\": true, "), 1));
    assert!(failure.unwrap_err().message.contains("exclude each other"));
}
