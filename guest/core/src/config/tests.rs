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
