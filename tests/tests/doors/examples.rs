//! The examples, as they are run.

use serde_json::json;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Options, Quota, Sandbox};
use tap_bigcommerce_tests::built::{built, example};
use tap_bigcommerce_tests::messages::{ids, messages};
use tap_bigcommerce_tests::program::run;
use tap_bigcommerce_tests::shop::{Shop, counts};

/// An example in the shop's folder.
fn command(shop: &Shop, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(example(name));
    command.current_dir(shop.path("")).args(args);
    command
}

#[test]
fn a_store_is_embedded_in_thirty_lines_and_the_next_run_resumes() {
    let shop = Shop::new(counts(30, 20, 15, 8));
    let first = run(command(&shop, "embed", &["config.json", "state.json"])).ok().messages();
    assert_eq!((ids(&first, "orders").len(), ids(&first, "customers").len(), ids(&first, "products").len()), (30, 20, 0));
    let second = run(command(&shop, "embed", &["config.json", "state.json"])).ok().messages();
    assert!(ids(&second, "orders").len() < 15);
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/src/bin/embed.rs")).unwrap();
    let body = text.split_once("#[tokio::main]").unwrap().1;
    assert!(body.lines().count() <= 30, "it has {} lines", body.lines().count());
}

#[test]
fn wasmtime_and_the_wit_are_enough() {
    let shop = Shop::new(counts(3, 2, 1, 8));
    let component = built().component.display().to_string();
    let written = run(command(&shop, "wasmtime_only", &[&component, "config.json"])).ok().stdout;
    assert_eq!(ids(&messages(&written), "coupons").len(), 8);
}

/// Two hundred stores, ten of them a hundred times as large as the others, each with a quota of its own.
#[cfg(target_os = "linux")]
#[test]
fn two_hundred_stores_are_read_by_one_process_side_by_side_in_bounded_memory() {
    const STORES: usize = 200;
    /// Kilobytes of memory for each run that is under way.
    const MOST: usize = 24 << 10;
    let orders = |number: usize| if number.is_multiple_of(20) { 300 } else { 3 };
    let shop = Shop::new(counts(1, 1, 1, 1));
    fs::create_dir(shop.path("stores")).unwrap();
    let quota = Some(Quota { requests: 600, window: Duration::from_secs(10) });
    let store =
        |number| Sandbox::start(Options { counts: counts(orders(number), 3, 3, 3), quota, ..Options::default() }).unwrap();
    let stores: Vec<Sandbox> = (0..STORES).map(store).collect();
    for (number, store) in stores.iter().enumerate() {
        let config = json!({"access_token": store.access_token(), "store_hash": store.store_hash(), "api_url": store.url()});
        shop.file(&format!("stores/{number}.json"), &config.to_string());
    }
    let (told, peak) = watched(command(&shop, "many_stores", &["stores"]));
    assert_eq!(told.lines().count(), STORES, "{told}");
    for (number, store) in stores.iter().enumerate() {
        let folder = shop.path(&format!("stores/{number}"));
        let lines = fs::read_to_string(folder.join("orders.jsonl")).unwrap().lines().count();
        assert_eq!(lines as u64, orders(number), "store {number}");
        assert!(folder.join("state.json").exists());
        assert_eq!(store.with_store(|store| store.throttled()), 0, "the quota of store {number} was overrun");
    }
    // However early a large store began, the small ones do not wait for it.
    let is_small = |line: &&str| {
        !line.starts_with("stores/0.") && line.split(['/', '.']).nth(1).is_some_and(|number| orders(number.parse().unwrap()) == 3)
    };
    assert!(told.lines().take(STORES / 2).filter(is_small).count() > STORES / 2 - 5, "{told}");
    assert!(peak < STORES * MOST, "{peak} kB");
}

/// Stores with ten times as many records take no more memory.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_many_runs_does_not_grow_with_their_stores() {
    let peak = |size: u64| {
        let shop = Shop::new(counts(1, 1, 1, 1));
        fs::create_dir(shop.path("stores")).unwrap();
        let store = |_| Sandbox::start(Options { counts: counts(size, size, size, size), ..Options::default() }).unwrap();
        let stores: Vec<Sandbox> = (0..8).map(store).collect();
        for (number, store) in stores.iter().enumerate() {
            // Small pages: one of the small stores does not fit into any.
            let config = json!({"access_token": store.access_token(), "store_hash": store.store_hash(), "api_url": store.url(), "page_size": 20});
            shop.file(&format!("stores/{number}.json"), &config.to_string());
        }
        let (told, peak) = watched(command(&shop, "many_stores", &["stores"]));
        assert_eq!(told.lines().count(), stores.len(), "{told}");
        peak
    };
    let (small, large) = (peak(30), peak(300));
    assert!(large < small * 2, "{small} kB, then {large} kB");
}

/// What a command writes, and the most memory that it had, in kilobytes.
#[cfg(target_os = "linux")]
fn watched(mut command: Command) -> (String, usize) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let written = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
    let code = loop {
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        let status = fs::read_to_string(&status).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = now.unwrap_or(peak);
        thread::sleep(Duration::from_millis(20));
    };
    let written = written.join().unwrap().unwrap();
    assert!(code.success(), "{written}");
    (written, peak)
}
