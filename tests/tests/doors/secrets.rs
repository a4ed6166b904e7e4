//! No secret reaches any output, and no customer's data reaches a log.

use crate::edge::open;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tap_bigcommerce_sandbox::{Action, Fault, Kind, Options};
use tap_bigcommerce_tests::doors::{command, whole};
use tap_bigcommerce_tests::program::{Ended, LONGEST, program, run};
use tap_bigcommerce_tests::runs::{BEARER, DOORS, EDGE_TOKEN as TOKEN};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// As long as a real token is, and like no other word.
const ACCESS_TOKEN: &str = "q9w8e7tokentokentoken5r4t3y2u1i";
const CLIENT_ID: &str = "recognisableclientid7";
const PERSON: &str = "zz-recognisable";

/// A store whose people can be recognised in every field that holds text.
fn shop() -> Shop {
    let options = Options { counts: counts(20, 20, 10, 6), access_token: ACCESS_TOKEN.into(), ..Options::default() };
    let shop = Shop::with(options);
    shop.file("config.json", &shop.config_with(json!({"client_id": CLIENT_ID})));
    shop.sandbox.with_store(|store| {
        for kind in [Kind::ORDERS, Kind::CUSTOMERS, Kind::COUPONS] {
            for id in store.ids(kind).collect::<Vec<u64>>() {
                let at = store.date_modified(kind, id).unwrap_or_default();
                store.edit(kind, id, at, |record| {
                    record.fields.iter_mut().chain(record.parts.iter_mut()).for_each(|(key, value)| mark(key, value));
                    // Values that do not fit, and a field that nobody knows: both are worth a warning.
                    record.fields.insert("customer_group_id".into(), format!("{PERSON}-group").into());
                    record.fields.insert("surprise".into(), format!("{PERSON}-surprise").into());
                });
            }
        }
    });
    shop
}

/// Puts a word that can be recognised in place of every text but dates; where numbers come as text, the word does not fit.
fn mark(key: &str, value: &mut Value) {
    match value {
        Value::String(_) if key.contains("date") => {}
        Value::String(text) if key.contains("mail") => *text = format!("{PERSON}@example.test"),
        Value::String(text) => *text = format!("{PERSON}-{key}"),
        Value::Array(list) => list.iter_mut().for_each(|item| mark(key, item)),
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| mark(key, item)),
        _ => {}
    }
}

fn keeps_secrets(what: &str, ended: &Ended) {
    for secret in [ACCESS_TOKEN, CLIENT_ID] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{what}: {secret} is in {ended:?}");
    }
    assert!(!ended.stderr.contains(PERSON), "{what}: a customer is in the log: {}", ended.stderr);
}

#[test]
fn no_output_of_a_good_run_holds_the_token_and_no_log_a_customer() {
    let shop = shop();
    let sync = loud(&shop, &[]).ok();
    assert!(sync.stdout.contains(PERSON), "the records hold the customers");
    assert!(sync.stderr.contains("customer_group_id") && sync.stderr.contains("surprise"), "{}", sync.stderr);
    keeps_secrets("sync", &sync);
    for args in [
        &["--check"][..],
        &["--discover"],
        &["--about"],
        &["--about", "--format", "json"],
        &["--about", "--format", "markdown"],
        &["--version"],
        &["--output", "sqlite:shop.db"],
        &["--output", "jsonl:lines"],
    ] {
        keeps_secrets(&args.join(" "), &loud(&shop, args).ok());
    }
    for file in ["shop.db", "lines/customers.jsonl"] {
        assert!(holds(&shop.path(file), PERSON), "{file} holds the customers");
    }
    no_file_holds_the_token(&shop.path(""));
    no_file_holds_the_token(&shop.path("lines"));
}

/// A run in an environment that asks for all the logs and backtraces there are.
fn loud(shop: &Shop, args: &[&str]) -> Ended {
    let mut command = shop.tap(args.iter().copied());
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "1").env("WASMTIME_LOG", "trace");
    run(command)
}

fn holds(file: &Path, word: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(word.len()).any(|part| part == word.as_bytes())
}

/// Looks into every file that runs have left next to their config.
fn no_file_holds_the_token(folder: &Path) {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut left = 0;
    for file in files.filter(|file| file.is_file() && !file.ends_with("config.json")) {
        assert!(!holds(&file, ACCESS_TOKEN) && !holds(&file, CLIENT_ID), "{} holds a secret", file.display());
        left += 1;
    }
    assert!(left > 0, "nothing was looked at");
}

#[test]
fn no_file_of_a_killed_run_holds_the_token() {
    let shop = shop();
    let moment = shop.after_requests(50);
    let mut child = shop.tap(["--output", "sqlite:shop.db"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    moment.recv_timeout(LONGEST).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    no_file_holds_the_token(&shop.path(""));
}

#[test]
fn no_failure_holds_the_token_or_a_customer() {
    let told = format!("no such token {ACCESS_TOKEN} for {PERSON}@example.test");
    for (code, exit) in [(400, 9), (401, 5), (403, 6), (404, 9), (422, 9)] {
        let shop = shop();
        let body = Some(json!([{"status": code, "message": told}]).to_string().into_bytes());
        let refusal = Action::Status { code, body, headers: Vec::new() };
        shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", refusal).always()));
        keeps_secrets(&code.to_string(), &shop.run([]).told(exit, &["coupons", "no such token"]));
    }
    let shop = shop();
    shop.file("config.json", &shop.config_with(json!({"client_id": CLIENT_ID, "store_hash": "NO", "page_size": ACCESS_TOKEN})));
    keeps_secrets("a wrong config", &shop.run([]).told(2, &["page_size"]));
    shop.file("config.json", &format!("{{\"access_token\": \"{ACCESS_TOKEN}\" \"client_id\": \"{CLIENT_ID}\"}}"));
    keeps_secrets("a broken config", &shop.run([]).told(2, &["JSON object"]));
}

/// A token that looks like an ordinary word is known to the host all the same.
#[test]
fn a_token_that_does_not_look_like_one_is_held_back_too() {
    let word = "correct-horse-battery";
    let shop = Shop::with(Options { counts: counts(3, 3, 3, 3), access_token: word.into(), ..Options::default() });
    let body = Some(json!([{"status": 400, "message": format!("the token {word} is tired")}]).to_string().into_bytes());
    let refusal = Action::Status { code: 400, body, headers: Vec::new() };
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", refusal).always()));
    let ended = shop.run([]).told(9, &["is tired"]);
    assert!(!ended.stderr.contains(word), "{}", ended.stderr);
}

#[test]
fn the_environment_is_not_told_either() {
    let mut command = program(["--config", "ENV"]);
    command.env("TAP_BIGCOMMERCE_ACCESS_TOKEN", ACCESS_TOKEN).env("TAP_BIGCOMMERCE_CLIENT_ID", CLIENT_ID);
    keeps_secrets("ENV", &run(command).told(2, &["store_hash"]));
    let mut command = program(["--about"]);
    command.env("TAP_BIGCOMMERCE_ACCESS_TOKEN", ACCESS_TOKEN);
    keeps_secrets("--about", &run(command).ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_door_tells_a_secret_or_a_person_whether_a_run_ends_well_or_not() {
    let told = format!("no such token {ACCESS_TOKEN} for {PERSON}@example.test");
    let refusal = |code: u16| {
        let body = Some(json!([{"status": code, "message": told}]).to_string().into_bytes());
        vec![Fault::on("/v2/coupons", Action::Status { code, body, headers: Vec::new() }).always()]
    };
    let cut = vec![Fault::on("/v3/customers?", Action::TruncatedJson), Fault::on("/v2/orders?", Action::TruncatedJson)];
    for (name, strict, faults, good) in [
        ("good", false, Vec::new(), true),
        ("strict", true, Vec::new(), false),
        ("cut answers", false, cut, true),
        ("refused", false, refusal(400), false),
        ("token refused", false, refusal(401), false),
    ] {
        for door in DOORS {
            let shop = shop();
            shop.sandbox.with_store(|store| faults.iter().for_each(|fault| store.add_fault(fault.clone())));
            let run = door.run(&shop, &json!({"client_id": CLIENT_ID, "strict": strict}), None).await;
            assert_eq!(run.good, good, "{name} through {door:?}: {}", run.log);
            // A strict run may end before the first person's record.
            assert!(strict || run.output.contains(PERSON), "{name}: there are records of people");
            assert!(strict || run.log.contains("customer_group_id"), "{name}: what does not fit is named: {}", run.log);
            assert!(!run.messages.is_empty() || !run.output.contains(PERSON), "{name}: the refusal tells of a person");
            keeps_secrets(&format!("{name} through {door:?}"), &Ended { code: None, stdout: run.output, stderr: run.log });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_answer_of_the_command_or_the_edge_door_holds_a_token() {
    let shop = shop();
    for args in [&["--check"][..], &["--about"], &["--about", "--format", "json"], &["--discover"], &["--help"], &["--nonsense"]]
    {
        let said = command(&shop.path(""), &[&["--config", "config.json"], args].concat(), &[]).await;
        keeps_secrets(&args.join(" "), &Ended { code: None, stdout: said.stdout, stderr: said.stderr });
    }
    let edge = open(&shop, Some(TOKEN)).await;
    for (method, path, body) in [
        ("GET", "/health", ""),
        ("GET", "/about", ""),
        ("GET", "/discover", ""),
        ("GET", "/sync", ""),
        ("GET", "/nowhere", ""),
        ("POST", "/sync", "not JSON"),
        ("POST", "/sync", r#"{"state": {"bookmarks": 7}}"#),
        ("POST", "/sync", r#"{"select": ["coupons"]}"#),
    ] {
        for bearer in [None, Some(BEARER)] {
            let answer = edge.ask(method, path, bearer, body).await;
            let text = format!("{:?} {}", answer.headers().clone(), whole(answer).await.unwrap());
            assert!(!text.contains(TOKEN), "{method} {path}: {text}");
            keeps_secrets(path, &Ended { code: None, stdout: text, stderr: String::new() });
        }
    }
    assert!(!edge.log().contains(TOKEN));
    keeps_secrets("the edge's log", &Ended { code: None, stdout: String::new(), stderr: edge.log() });
}
