//! The log: outcomes, metrics, levels, JSON lines; and the `.env` file.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tap_bigcommerce_sandbox::{Counts, Options, Scope};
use tap_bigcommerce_tests::doors::command;
use tap_bigcommerce_tests::messages::ids;
use tap_bigcommerce_tests::program::{Ended, run};
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(12, 10, 8, 6);
const LEVEL: &str = "TAP_BIGCOMMERCE_LOGLEVEL";
const FORMAT: &str = "TAP_BIGCOMMERCE_LOG_FORMAT";

fn metrics(log: &str, name: &str) -> Vec<Value> {
    let metrics = log.lines().filter_map(|line| line.strip_prefix("INFO METRIC: "));
    let metrics = metrics.map(|metric| serde_json::from_str::<Value>(metric).unwrap());
    metrics.filter(|metric| metric["metric"] == name).collect()
}

fn with(shop: &Shop, args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = shop.tap(args.iter().copied());
    command.envs(variables.iter().copied());
    run(command)
}

#[test]
fn each_stream_has_its_outcome_in_a_line_of_its_own_at_the_end() {
    let shop = Shop::with(Options { counts: SMALL, missing_scopes: [Scope::Customers].into(), ..Options::default() });
    let ended = shop.run(["--exclude", "order_products"]).told(6, &["customers"]);
    let lines: Vec<&str> = ended.stderr.lines().rev().collect();
    assert!(lines[1].starts_with("INFO METRIC: ") && lines[2].starts_with("INFO time: "), "{lines:?}");
    let lines = &lines[3..];
    assert_eq!(lines[3], "INFO orders: done; 12 records written, 0 skipped, 0 values nulled");
    assert_eq!(lines[2], "INFO customers: failed (missing-scope); 0 records written, 0 skipped, 0 values nulled");
    assert_eq!(lines[0], "INFO coupons: done; 6 records written, 0 skipped, 0 values nulled");
    shop.file("config.json", &shop.config_with(json!({"access_token": "not-this-stores-token"})));
    let refused = shop.run([]).told(5, &[]);
    assert!(refused.stderr.contains("INFO orders: failed (unauthorized)"), "{}", refused.stderr);
    assert!(refused.stderr.contains("INFO coupons: not begun"), "{}", refused.stderr);
}

#[test]
fn metrics_count_records_requests_and_time_with_the_sdks_names_and_tags() {
    let shop = Shop::new(SMALL);
    let log = shop.run([]).ok().stderr;
    let records: BTreeMap<String, u64> = metrics(&log, "record_count")
        .iter()
        .inspect(|metric| {
            assert_eq!((&metric["type"], &metric["tags"]["stream"]), (&json!("counter"), &metric["tags"]["endpoint"]))
        })
        .map(|metric| (metric["tags"]["stream"].as_str().unwrap().to_owned(), metric["value"].as_u64().unwrap()))
        .collect();
    assert_eq!((records["orders"], records["customers"], records["products"], records["coupons"]), (12, 10, 8, 6));

    let sent = metrics(&log, "http_request_count");
    let total = |metrics: &[Value], value: &dyn Fn(&Value) -> u64| metrics.iter().map(value).sum::<u64>();
    assert_eq!(total(&sent, &|metric| metric["value"].as_u64().unwrap()), shop.sandbox.request_count());
    assert!(sent.iter().any(|metric| metric["tags"] == json!({"stream": "orders", "endpoint": "/v2/orders/{id}/products"})));

    let timed = metrics(&log, "http_request_duration");
    assert_eq!(total(&timed, &|metric| metric["tags"]["requests"].as_u64().unwrap()), shop.sandbox.request_count());
    for metric in &timed {
        assert!(metric["type"] == "timer" && metric["value"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{metric}");
        assert!(
            [200, 204].contains(&metric["tags"]["http_status_code"].as_u64().unwrap()) && metric["tags"]["status"] == "succeeded"
        );
    }
    for name in ["sync_duration", "job_duration"] {
        let durations = metrics(&log, name);
        assert!(durations.len() == 5 && durations.iter().all(|metric| metric["tags"]["status"] == "succeeded"), "{durations:?}");
    }
}

#[test]
fn requests_that_fail_have_metrics_of_their_own() {
    let shop = Shop::with(Options { counts: SMALL, missing_scopes: [Scope::Marketing].into(), ..Options::default() });
    let log = shop.run([]).told(6, &["coupons"]).stderr;
    let refused: Vec<Value> =
        metrics(&log, "http_request_duration").into_iter().filter(|metric| metric["tags"]["status"] == "failed").collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["tags"]["http_status_code"], 403);
    let synced = metrics(&log, "sync_duration").into_iter().find(|metric| metric["tags"]["stream"] == "coupons").unwrap();
    assert_eq!(synced["tags"], json!({"stream": "coupons", "status": "failed"}));
}

#[test]
fn the_level_leaves_out_what_matters_less() {
    let shop = Shop::new(SMALL);
    let levels = |level: &str| {
        let ended = with(&shop, &[], &[(LEVEL, level)]).ok();
        let mut levels: Vec<String> = ended.stderr.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        levels.sort();
        levels.dedup();
        levels
    };
    assert_eq!(levels("DEBUG"), ["INFO", "WARNING"]);
    assert_eq!(levels("warning"), ["WARNING"]);
    assert_eq!(levels("ERROR"), [] as [&str; 0]);
    let wrong = with(&shop, &[], &[(LEVEL, "loud")]).ok().stderr;
    assert_eq!(wrong.lines().filter(|line| line.contains(LEVEL)).count(), 1);
    assert!(wrong.starts_with(&format!("WARNING {LEVEL} ")) && wrong.contains("INFO METRIC"), "{wrong}");
    shop.file("config.json", "{}");
    with(&shop, &[], &[(LEVEL, "CRITICAL")]).told(2, &["access_token"]);
}

/// Each line a JSON object with the keys of the SDK's own formatter.
fn objects(log: &str) -> Vec<Value> {
    let objects: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line is a JSON object")).collect();
    for object in &objects {
        for key in ["level", "pid", "logger_name", "ts", "thread_name", "app_name", "stream_name", "message", "extra"] {
            assert!(object.get(key).is_some(), "{key} is not in {object}");
        }
        assert_eq!(object["message"] == "METRIC", object["metric_info"].is_object(), "{object}");
    }
    objects
}

#[test]
fn json_lines_are_the_sdks_with_metrics_as_objects() {
    let shop = Shop::new(SMALL);
    let log = objects(&with(&shop, &[], &[(FORMAT, "json")]).ok().stderr);
    let metric = log.iter().find(|line| line["metric_info"]["metric"] == "record_count").unwrap();
    assert!(metric["pid"].is_u64() && metric["metric_info"]["tags"]["pid"] == metric["pid"], "{metric}");
    assert_eq!((&metric["level"], &metric["stream_name"]), (&json!("info"), &metric["metric_info"]["tags"]["stream"]));
    shop.file("config.json", "{}");
    let failed = with(&shop, &["--check"], &[(FORMAT, "json")]);
    let last = objects(&failed.stderr).pop().unwrap();
    assert_eq!((failed.code, &last["level"]), (Some(2), &json!("critical")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_door_heeds_level_and_format_too() {
    let shop = Shop::new(SMALL);
    // For a warning in each run.
    shop.sandbox.with_store(|store| store.quirks.unannounced_fields = true);
    let said = command(&shop.path(""), &["--config", "config.json"], &[(FORMAT, "json"), (LEVEL, "warning")]).await;
    let log = objects(&said.stderr);
    assert!(said.good && !log.is_empty() && log.iter().all(|line| line["level"] == "warning"), "{}", said.stderr);
    let wrong = command(&shop.path(""), &["--config", "config.json"], &[(LEVEL, "loud")]).await;
    assert_eq!(wrong.stderr.lines().filter(|line| line.starts_with("WARNING ") && line.contains(LEVEL)).count(), 1);
}

#[test]
fn a_dotenv_file_adds_to_the_environment_that_is_asked_for() {
    let shop = Shop::new(SMALL);
    let settings = shop.config();
    let line = |(key, value): (&String, &Value)| format!("TAP_BIGCOMMERCE_{}={}\n", key.to_uppercase(), value);
    shop.file(".env", &settings.iter().map(line).collect::<String>());
    let from_env = |variables: &[(&str, &str)]| {
        let mut command = tap_bigcommerce_tests::program::program(["--config", "ENV"]);
        command.current_dir(shop.path("")).envs(variables.iter().copied());
        run(command)
    };
    let ended = from_env(&[]).ok();
    assert_eq!(ids(&ended.messages(), "orders").len(), 12);
    let token = shop.sandbox.access_token();
    assert!(!ended.stderr.contains(&token));
    from_env(&[("TAP_BIGCOMMERCE_ACCESS_TOKEN", "the-environment-wins")]).told(5, &["access_token"]);
    shop.file(".env", &format!("TAP_BIGCOMMERCE_STORE_HASH=x\nTAP_BIGCOMMERCE_ACCESS_TOKEN {token}\n"));
    let broken = from_env(&[]).told(2, &[".env", "NAME=value"]);
    assert!(!broken.stderr.contains(&token));
    // Where the environment is not asked for, the file is none of the tap's business.
    shop.run([]).ok();
}
