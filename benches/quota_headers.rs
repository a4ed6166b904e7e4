//! How long the program takes to read 600 orders with their lists from a store 50 ms away, for each form of quota headers that stores send.
//! Results and how to run it: `quota_headers.md`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tap_bigcommerce_sandbox::{Options, Quirks, Quota, RateHeaders};
use tap_bigcommerce_tests::built::built;
use tap_bigcommerce_tests::program::run;
use tap_bigcommerce_tests::shop::{Shop, counts};

const LATENCY: Duration = Duration::from_millis(50);
const QUOTA: Quota = Quota { requests: 7_000_000, window: Duration::from_secs(30) };

struct Settings {
    program: PathBuf,
    runs: usize,
}

fn main() {
    // `cargo test --all-targets` builds benches and starts them without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let settings = settings();
    // The first run compiles the component and fills the cache.
    measure(&settings, &Quirks::default(), 1);
    println!(
        "| headers of every answer | wall, median of {} | times the first | requests | most in flight | 429 |",
        settings.runs
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut first = None;
    for (name, quirks) in forms() {
        let mut runs: Vec<_> = (0..settings.runs).map(|_| measure(&settings, &quirks, 600)).collect();
        runs.sort_by_key(|run| run.wall);
        let median = &runs[runs.len() / 2];
        let wall = median.wall.as_secs_f64();
        let times = wall / *first.get_or_insert(wall);
        let refused: u64 = runs.iter().map(|run| run.refused).sum();
        println!("| {name} | {wall:.1} s | {times:.2} | {} | {} | {refused} |", median.requests, median.most_in_flight);
    }
}

fn forms() -> [(&'static str, Quirks); 5] {
    let headers = |rate_headers| Quirks { rate_headers, ..Quirks::default() };
    let second = Duration::from_secs(1);
    [
        ("quota 7,000,000, reset counts down from 30,000", headers(RateHeaders::CountsDown)),
        ("left and quota 2147483647, reset 0, window 30,000", headers(RateHeaders::Unlimited)),
        ("reset 1,000 always, window 30,000", headers(RateHeaders::Stuck { reset: second })),
        ("reset = window always", headers(RateHeaders::Window)),
        ("none", Quirks { no_rate_headers: true, ..Quirks::default() }),
    ]
}

fn settings() -> Settings {
    let mut settings = Settings { program: PathBuf::new(), runs: 3 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--program" => settings.program = arguments.next().expect("--program needs a path").into(),
            "--runs" => settings.runs = arguments.next().and_then(|runs| runs.parse().ok()).expect("--runs needs a number"),
            _ => {}
        }
    }
    if settings.program.as_os_str().is_empty() {
        settings.program.clone_from(&built().program);
    }
    settings
}

struct Run {
    wall: Duration,
    requests: u64,
    most_in_flight: usize,
    refused: u64,
}

fn measure(settings: &Settings, quirks: &Quirks, orders: u64) -> Run {
    let shop =
        Shop::with(Options { counts: counts(orders, 0, 0, 0), quota: Some(QUOTA), latency: LATENCY, ..Options::default() });
    shop.sandbox.with_store(|store| store.quirks = quirks.clone());
    let tap = shop.tap(["--select", "orders"]);
    let mut command = Command::new(&settings.program);
    command.env_clear().envs(tap.get_envs().filter_map(|(name, value)| Some((name, value?)))).args(tap.get_args());
    command.current_dir(tap.get_current_dir().expect("the shop has a folder"));
    let begun = Instant::now();
    let ended = run(command).ok();
    let wall = begun.elapsed();
    let records = ended.stdout.lines().filter(|line| line.starts_with(r#"{"type":"RECORD""#)).count() as u64;
    assert_eq!(records, orders, "every order is written");
    Run {
        wall,
        requests: shop.sandbox.request_count(),
        most_in_flight: shop.sandbox.max_in_flight(),
        refused: shop.sandbox.with_store(|store| store.throttled()),
    }
}
