//! No secret reaches any output, and no customer's data reaches a log.

use crate::edge::open;
use serde_json::json;
use tap_bigcommerce_sandbox::{Action, Fault, Kind, Options};
use tap_bigcommerce_tests::doors::{command, whole};
use tap_bigcommerce_tests::program::{Ended, program, run};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN as TOKEN};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// As long as a real token is, and like no other word.
const ACCESS_TOKEN: &str = "q9w8e7tokentokentoken5r4t3y2u1i";
const CLIENT_ID: &str = "recognisableclientid7";
const PERSON: &str = "zz-recognisable";

/// A store whose customers can be recognised in every field that holds text.
fn shop() -> Shop {
    let options = Options { counts: counts(20, 20, 10, 6), access_token: ACCESS_TOKEN.into(), ..Options::default() };
    let shop = Shop::with(options);
    shop.file("config.json", &shop.config_with(json!({"client_id": CLIENT_ID})));
    shop.sandbox.with_store(|store| {
        for id in store.ids(Kind::Customer).collect::<Vec<u64>>() {
            let at = store.date_modified(Kind::Customer, id).unwrap();
            store.edit(Kind::Customer, id, at, |customer| {
                customer.fields.insert("email".into(), format!("{PERSON}-{id}@example.test").into());
                customer.fields.insert("phone".into(), format!("{PERSON}-phone").into());
                // Values that do not fit, a field that nobody knows, and a name for it: all are worth a warning.
                customer.fields.insert("customer_group_id".into(), format!("{PERSON}-group").into());
                customer.fields.insert("surprise".into(), format!("{PERSON}-surprise").into());
            });
        }
    });
    shop
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
    let sync = shop.run([]).ok();
    assert!(sync.stdout.contains(PERSON), "the records hold the customers");
    assert!(sync.stderr.contains("customer_group_id") && sync.stderr.contains("surprise"), "{}", sync.stderr);
    keeps_secrets("sync", &sync);
    for args in
        [&["--check"][..], &["--discover"], &["--about"], &["--about", "--format", "json"], &["--output", "sqlite:shop.db"]]
    {
        keeps_secrets(&args.join(" "), &shop.run(args.iter().copied()).ok());
    }
    let file = std::fs::read(shop.path("shop.db")).unwrap();
    let holds = |word: &str| file.windows(word.len()).any(|part| part == word.as_bytes());
    assert!(holds(PERSON) && !holds(ACCESS_TOKEN) && !holds(CLIENT_ID));
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
async fn the_other_doors_keep_secrets_too() {
    let shop = shop();
    let said = command(shop.path("").as_path(), &["--config", "config.json"], &[]).await;
    assert!(said.good, "{}", said.stderr);
    keeps_secrets("command", &Ended { code: None, stdout: said.stdout, stderr: said.stderr });
    let edge = open(&shop, Some(TOKEN)).await;
    let body = whole(edge.ask("POST", "/sync", Some(BEARER), "{}").await).await.unwrap();
    let log = edge.log();
    assert!(!body.contains(TOKEN) && !log.contains(TOKEN));
    keeps_secrets("edge", &Ended { code: None, stdout: body, stderr: log });
}
