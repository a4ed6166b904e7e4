//! The command door, as `wasmtime run` opens it: the same messages as the host's, but for times and STATE cadence.

use serde_json::{Value, json};
use std::path::Path;
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::doors::{Said, command};
use tap_bigcommerce_tests::messages::{Message, ids, last_state, messages};
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(30, 20, 15, 8);

async fn run(shop: &Shop, args: &[&str]) -> Said {
    let args: Vec<&str> = ["--config", "config.json"].iter().chain(args).copied().collect();
    command(shop.path("").as_path(), &args, &[]).await
}

/// What does not differ from run to run, STATE aside.
fn lasting(messages: &[Message]) -> Vec<(String, String, String)> {
    let messages = messages.iter().filter(|message| message.kind != "STATE");
    messages
        .map(|message| {
            let content = message.schema.as_ref().map_or_else(|| message.record().to_owned(), Value::to_string);
            (message.kind.clone(), message.stream.clone(), content)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_are_those_of_the_host() {
    let shop = Shop::new(SMALL);
    let said = run(&shop, &[]).await;
    assert!(said.good, "{}", said.stderr);
    let (of_component, of_host) = (messages(&said.stdout), shop.run([]).ok().messages());
    assert!(lasting(&of_component) == lasting(&of_host));
    assert_eq!(last_state(&of_component), last_state(&of_host));
    let leveled = |line: &str| ["INFO ", "WARNING "].iter().any(|level| line.starts_with(level));
    assert!(said.stderr.lines().all(leveled), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flags_are_those_of_the_host() {
    let shop = Shop::new(SMALL);
    for args in [
        &["--discover"][..],
        &["--about"],
        &["--about", "--format", "markdown"],
        &["--about", "--format", "meltano"],
        &["--about", "--format", "json"],
        &["--check"],
        &["--version"],
    ] {
        let said = run(&shop, args).await;
        assert!(said.good, "{args:?}: {}", said.stderr);
        let (of_component, of_host) = (said.stdout.trim_end(), shop.run(args.iter().copied()).ok().stdout);
        // The host adds at the end which component it is, which the component itself cannot know.
        match args {
            ["--about", "--format", "json"] => {
                let of_component = of_component.trim_end_matches(['}', '\n']);
                assert!(of_host.starts_with(of_component), "{of_host}");
            }
            ["--about", ..] => assert!(of_host.starts_with(of_component), "{of_host}"),
            _ => assert_eq!(of_component, of_host.trim_end(), "{args:?}"),
        }
    }
    assert!(run(&shop, &["--help"]).await.stdout.contains("--full-refresh STREAM"));
}

#[tokio::test(flavor = "multi_thread")]
async fn state_catalog_and_refresh_work_as_in_the_host() {
    let shop = Shop::new(SMALL);
    let state = last_state(&messages(&run(&shop, &[]).await.stdout)).clone();
    shop.file("state.json", &state.to_string());
    let catalog = json!({"streams": [{"stream": "orders", "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}]});
    shop.file("catalog.json", &catalog.to_string());
    let given = ["--state", "state.json", "--properties", "catalog.json"];
    let next = messages(&run(&shop, &given).await.stdout);
    assert!(ids(&next, "orders").len() < 15 && ids(&next, "coupons").is_empty());
    assert!(lasting(&next) == lasting(&shop.run(given).ok().messages()));
    let refreshed = run(&shop, &[&given[..], &["--full-refresh", "orders"]].concat()).await;
    assert_eq!(ids(&messages(&refreshed.stdout), "orders").len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_a_config_when_it_is_asked_for() {
    let shop = Shop::new(SMALL);
    let settings = shop.config();
    let names: Vec<String> = settings.keys().map(|key| format!("TAP_BIGCOMMERCE_{}", key.to_uppercase())).collect();
    let variables: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(settings.values().map(|value| value.as_str().unwrap())).collect();
    let said = command(Path::new("."), &["--config", "ENV"], &variables).await;
    assert_eq!(ids(&messages(&said.stdout), "orders").len(), 30, "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_a_sentence_with_their_kind() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file("bad.json", "{\"streams\": ");
    shop.file("wrong.json", &shop.config_with(json!({"access_token": "not-this-stores-token"})));
    for (args, words) in [
        (&["--config", "nowhere.json"][..], &["nowhere.json", "--dir", "[config]"][..]),
        (&[], &["--config FILE", "[config]"]),
        (&["--nonsense"], &["--nonsense", "--help", "[config]"]),
        (&["--config", "config.json", "--catalog", "bad.json"], &["catalog", "[catalog]"]),
        (&["--config", "config.json", "--state", "bad.json"], &["state", "[state]"]),
        (&["--config", "wrong.json"], &["access_token", "[unauthorized]"]),
        (&["--config", "../config.json"], &["../config.json", "[config]"]),
    ] {
        let said = command(shop.path("").as_path(), args, &[]).await;
        assert!(!said.good && !said.stdout.contains("RECORD"), "{args:?}");
        let last = said.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("CRITICAL ") && words.iter().all(|word| last.contains(word)), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains("not-this-stores-token") && !said.stderr.contains("panicked"), "{}", said.stderr);
    }
}
