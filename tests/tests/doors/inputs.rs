//! What can be given to a run: several configs, the environment, catalogs, states.

use serde_json::{Value, json};
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::messages::{held, ids, last_state, of_stream};
use tap_bigcommerce_tests::program::{program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;

const SMALL: Counts = counts(15, 15, 12, 8);

fn variables(shop: &Shop) -> Vec<(String, String)> {
    let setting =
        |(key, value): (&String, &Value)| (format!("TAP_BIGCOMMERCE_{}", key.to_uppercase()), value.as_str().unwrap().to_owned());
    shop.config().iter().map(setting).collect()
}

#[test]
fn later_configs_win_key_by_key() {
    let shop = Shop::new(SMALL);
    shop.file("config.json", &shop.config_with(json!({"access_token": "wrong", "page_size": 11, "max_concurrency": 1})));
    shop.file("more.json", &json!({"page_size": 13}).to_string());
    let mut command = shop.tap(["--config", "ENV", "--config", "more.json"]);
    command.env("TAP_BIGCOMMERCE_ACCESS_TOKEN", shop.sandbox.access_token()).env("TAP_BIGCOMMERCE_PAGE_SIZE", "12");
    run(command).ok();
    assert!(shop.was_asked("limit=13"));
    assert!(!shop.was_asked("limit=12") && !shop.was_asked("limit=11"));
}

#[test]
fn the_environment_alone_is_a_config_when_it_is_asked_for() {
    let shop = Shop::new(SMALL);
    let mut command = program(["--config", "ENV"]);
    command.envs(variables(&shop));
    assert_eq!(ids(&run(command).ok().messages(), "orders").len(), 15);
    let mut unasked = program([] as [&str; 0]);
    unasked.envs(variables(&shop));
    let ended = run(unasked).told(2, &["--config ENV", "TAP_BIGCOMMERCE_ACCESS_TOKEN"]);
    assert!(!ended.stderr.contains(&shop.sandbox.access_token()));
}

#[test]
fn a_dotenv_file_that_other_programs_share_is_read_for_what_is_ours() {
    let shop = Shop::new(counts(3, 1, 1, 1));
    let ours: Vec<String> = variables(&shop)
        .iter()
        .filter(|(name, _)| !name.ends_with("CLIENT_ID"))
        .map(|(name, value)| format!("export {name}=\"{value}\"\r\n"))
        .collect();
    let others = "\u{feff}OTHER=two words\r\nJSON={\"a\": 1}\r\nTAP_BIGCOMMERCE_LOG_FORMAT=json\r\n";
    shop.file(".env", &format!("{others}{}", ours.concat()));
    let mut command = program(["--config", "ENV"]);
    command.current_dir(shop.path("."));
    let ended = run(command).ok();
    assert_eq!(ids(&ended.messages(), "orders").len(), 3);
    let lines: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains("chmod 600 .env"))),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_state_of_meltano_is_understood_and_one_of_nothing_is_refused() {
    let shop = Shop::new(SMALL);
    let bookmark = json!({"replication_key": "date_modified", "replication_key_value": "2100-01-01T00:00:00Z"});
    shop.file("state.json", &json!({"singer_state": {"bookmarks": {"orders": bookmark}}}).to_string());
    // A bookmark so far ahead is refused, so it was read.
    shop.run(["--state", "state.json", "--select", "orders"]).told(4, &["more than a day"]);
    shop.file("state.json", &json!({"orders": {"cursor": "2024-01-01"}}).to_string());
    let refused = shop.run(["--state", "state.json"]).told(4, &["does not recognize", "the key \"orders\""]);
    assert_eq!(refused.stdout, "");
}

#[test]
fn a_no_in_a_catalog_is_a_no_however_it_is_spelled() {
    let shop = Shop::new(SMALL);
    let catalog = |word: &str| {
        json!({"streams": [{"stream": "customers", "metadata": [
            {"breadcrumb": [], "metadata": {"selected": "True"}},
            {"breadcrumb": ["properties", "notes"], "metadata": {"selected": word}}]}]})
    };
    shop.file("catalog.json", &catalog("false").to_string());
    let messages = shop.run(["--catalog", "catalog.json"]).ok().messages();
    assert!(of_stream(&messages, "customers").iter().all(|record| !record.fields().contains_key("notes")));
    shop.file("catalog.json", &catalog("rather not").to_string());
    shop.run(["--catalog", "catalog.json"]).told(3, &["\"notes\" of the stream \"customers\""]);
}

#[test]
fn an_unknown_setting_is_a_warning_with_its_name_and_without_its_value() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file("config.json", &shop.config_with(json!({"acess_token": "mistyped-secret"})));
    let ended = shop.run([]).ok();
    assert!(ended.warnings().iter().any(|warning| warning.contains("acess_token")), "{}", ended.stderr);
    assert!(!ended.stderr.contains("mistyped-secret"));
}

/// A catalog in the older form, `selected` inside the schema, and in today's.
#[test]
fn properties_is_catalog_by_its_older_name() {
    let shop = Shop::new(SMALL);
    let old = json!({"streams": [
        {"stream": "coupons", "tap_stream_id": "coupons", "schema": {"selected": true, "properties": {
            "id": {"selected": true}, "code": {"selected": true}, "name": {"selected": false}}}},
        {"stream": "orders", "tap_stream_id": "orders", "schema": {"selected": false, "properties": {"id": {}}}}]});
    shop.file("old.json", &old.to_string());
    for flag in ["--properties", "--catalog", "-p"] {
        let messages = shop.run([flag, "old.json"]).ok().messages();
        assert_eq!(ids(&messages, "coupons").len(), 8, "{flag}");
        let fields = of_stream(&messages, "coupons")[0].fields();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["code", "id"]);
        assert!(ids(&messages, "orders").is_empty());
    }
    assert!(!shop.was_asked("/v2/orders") && !shop.was_asked("/v3/"));
}

#[test]
fn the_discovered_catalog_selects_what_no_catalog_selects() {
    let shop = Shop::new(SMALL);
    shop.file("catalog.json", &shop.run(["--discover"]).ok().stdout);
    assert!(held(&shop.run(["--catalog", "catalog.json"]).ok().messages()) == held(&shop.run([]).ok().messages()));
}

#[test]
fn full_refresh_reads_a_stream_from_its_start_and_no_other() {
    let shop = Shop::new(SMALL);
    let first = shop.run([]).ok().messages();
    let state = last_state(&first).clone();
    let next = shop.resume(&state).ok().messages();
    assert!(ids(&next, "orders").len() < 8 && ids(&next, "customers").len() < 8);
    let refreshed = shop.run(["--state", "state.json", "--full-refresh", "orders", "--full-refresh", "products"]).ok().messages();
    assert_eq!(ids(&refreshed, "orders"), ids(&first, "orders"));
    assert_eq!(ids(&refreshed, "products"), ids(&first, "products"));
    assert_eq!(ids(&refreshed, "customers"), ids(&next, "customers"));
    assert_eq!(last_state(&refreshed), &state);
}

/// A state that is not the file's own could leave records out of it for good.
#[test]
fn a_file_that_holds_its_own_state_takes_no_other() {
    let shop = Shop::new(SMALL);
    shop.run(["--output", "sqlite:shop.db"]).ok();
    let before = tables::dump(&shop.path("shop.db"));
    let asked = shop.sandbox.request_count();
    shop.file("state.json", "{}");
    shop.run(["--output", "sqlite:shop.db", "--state", "state.json"]).told(4, &["its own state", "--full-refresh STREAM"]);
    assert_eq!(tables::dump(&shop.path("shop.db")), before);
    assert_eq!(shop.sandbox.request_count(), asked);
}
