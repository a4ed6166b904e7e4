//! `wasmtime run`: the command interface.

use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use tap_bigcommerce_tests::messages::{held, last_state, messages};
use tap_bigcommerce_tests::program::{Ended, run};
use tap_bigcommerce_tests::runs::edge_variables;
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::wasmtime::{readme_line, wasmtime};

fn shop() -> Shop {
    Shop::new(counts(60, 40, 30, 10))
}

/// The README's line, and more words.
fn tap(shop: &Shop, more: &[&str]) -> Command {
    wasmtime(shop, readme_line("wasmtime run ").into_iter().chain(more.iter().map(|word| (*word).to_owned())))
}

/// It ended with the one code that `wasi:cli` has for failures, and the line on standard error names the kind.
fn fails(ended: &Ended, kind: &str) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("[{kind}]")), "{}", ended.stderr);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn the_readmes_line_reads_what_the_host_reads() {
    let shop = shop();
    let (of_wasmtime, of_host) = (run(tap(&shop, &[])).ok().messages(), shop.run([]).ok().messages());
    assert!(held(&of_wasmtime) == held(&of_host) && !held(&of_host).is_empty());
    assert_eq!(last_state(&of_wasmtime), last_state(&of_host));
    let schemas = |messages: &[tap_bigcommerce_tests::messages::Message]| {
        messages.iter().filter(|message| message.kind == "SCHEMA").map(|message| message.stream.clone()).collect::<Vec<_>>()
    };
    assert_eq!(schemas(&of_wasmtime), schemas(&of_host));
}

#[test]
#[ignore = "needs the wasmtime program"]
fn failures_name_their_kind() {
    let shop = shop();
    shop.file("wrong.json", &shop.config_with(json!({"access_token": "another-token"})));
    fails(&run(tap(&shop, &["--config", "wrong.json"])), "unauthorized");
    fails(&run(tap(&shop, &["--catalog", "no.json"])), "catalog");
    fails(&run(tap(&shop, &["--config", "../config.json"])), "config");
    shop.file("dead.json", &shop.config_with(json!({"api_url": "http://127.0.0.1:1"})));
    fails(&run(tap(&shop, &["--config", "dead.json"])), "unreachable");
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_killed_run_resumes_from_its_last_state() {
    let shop = Shop::new(counts(600, 10, 10, 10));
    let mut child = tap(&shop, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut before, mut states) = (String::new(), 0);
    while states < 3 {
        let line = lines.next().expect("the run ended before it was killed").unwrap();
        states += u32::from(line.starts_with(r#"{"type":"STATE""#));
        before += &(line + "\n");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = messages(&before);
    shop.file("state.json", &last_state(&before).to_string());
    let after = run(tap(&shop, &["--state", "state.json"])).ok().messages();
    let all = held(&shop.run([]).ok().messages());
    assert!(held(&after).len() < all.len(), "it began again");
    let mut union = held(&before);
    union.extend(held(&after));
    assert!(union == all);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn settings_come_from_the_environment_that_it_is_given_and_no_file_of_it() {
    let shop = shop();
    let variables = edge_variables(&shop, &json!({}), None);
    let names = variables.iter().flat_map(|(name, _)| ["--env".to_owned(), name.clone()]);
    let words = ["wasmtime", "run", "-S", "http"].map(str::to_owned).into_iter().chain(names);
    let words: Vec<String> = words.chain(["tap_bigcommerce.wasm", "--config", "ENV"].map(str::to_owned)).collect();
    let mut inherits = wasmtime(&shop, words);
    inherits.envs(variables.iter().cloned());
    assert_eq!(held(&run(inherits).ok().messages()).len(), held(&shop.run([]).ok().messages()).len());
    let dotenv: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    shop.file(".env", &dotenv);
    let ended = run(wasmtime(&shop, "wasmtime run -S http --dir . tap_bigcommerce.wasm --config ENV".split(' ')));
    fails(&ended, "config");
}

#[test]
#[ignore = "needs the wasmtime program"]
fn an_output_that_cannot_be_written_is_a_failure_of_the_sink() {
    let shop = Shop::new(counts(300, 10, 10, 10));
    let mut full = tap(&shop, &[]);
    let full = full.stdout(File::options().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped()).output().unwrap();
    let mut child = tap(&shop, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let closed = child.wait_with_output().unwrap();
    for output in [full, closed] {
        let (code, stderr) = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
        fails(&Ended { code, stdout: String::new(), stderr }, "sink");
    }
}
