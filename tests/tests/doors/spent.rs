//! Where a run's time went: what the summary, the progress, the log and the report say about it.

use serde_json::Value;
use std::time::Duration;
use tap_bigcommerce::{Progress, Spent};
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Options, Quota};
use tap_bigcommerce_tests::embed::{nowhere, run};
use tap_bigcommerce_tests::program::LONGEST;
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(30, 20, 15, 8);

/// Whether a part is ten times all others together.
fn is_most(part: Duration, spent: &Spent) -> bool {
    part > (spent.total() - part) * 10
}

/// Runs until nearly all of the run's time has gone to one part: on a slow machine that is later.
async fn most_goes_to(part: impl Fn(&Spent) -> Duration, shop: &Shop) {
    let progress = Progress::default();
    let run = run(shop).progress(&progress).into(nowhere);
    let enough = async {
        while !is_most(part(&progress.spent()), &progress.spent()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        ended = run => panic!("the run ended: {:?}", ended.result),
        () = enough => {}
        () = tokio::time::sleep(LONGEST) => panic!("the time went elsewhere: {:?}", progress.spent()),
    }
    let spent = progress.spent();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(progress.spent(), spent, "a run that was dropped spends no time");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_small_quota_the_time_goes_to_the_quota() {
    let quota = Some(Quota { requests: 20, window: Duration::from_secs(1800) });
    most_goes_to(|spent| spent.quota, &Shop::with(Options { counts: SMALL, quota, ..Options::default() })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_slow_store_the_time_goes_to_its_answers() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", Action::Deliver(Delivery::Stall)).always()));
    most_goes_to(|spent| spent.answers, &shop).await;
}

/// A store where every answer but the first is bad. The tap then tries six times, with long pauses in between.
fn failing(action: Action) -> Shop {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::when(|_| true, action).skip(1).always()));
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_between_tries_are_time_for_answers_too() {
    for action in [Action::status(503), Action::Deliver(Delivery::ResetMidBody), Action::Deliver(Delivery::CloseBeforeAnswer)] {
        most_goes_to(|spent| spent.answers, &failing(action)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_after_a_refusal_for_the_quota_are_time_for_the_quota() {
    most_goes_to(|spent| spent.quota, &failing(Action::Throttle { headers: false })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_sink_that_does_not_take_its_messages_the_time_goes_to_the_sink() {
    let shop = Shop::new(SMALL);
    let progress = Progress::default();
    let seen = progress.clone();
    let begun = std::time::Instant::now();
    let slow = move |_: &[u8]| {
        while !is_most(seen.spent().sink, &seen.spent()) {
            assert!(begun.elapsed() < LONGEST, "the time went elsewhere: {:?}", seen.spent());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    };
    let ended = run(&shop).progress(&progress).into(slow).await;
    ended.result.unwrap();
    let spent = ended.summary.unwrap().spent;
    assert!(spent.sink * 2 > spent.total(), "{spent:?}");
    assert_eq!((spent.sink, spent.total()), (progress.spent().sink, progress.spent().total()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_before_a_second_look_is_not_time_for_the_quota() {
    let quota = Some(Quota { requests: 7_000_000, window: Duration::from_secs(30) });
    let shop = Shop::with(Options { counts: SMALL, quota, ..Options::default() });
    // A refusal is asked for again some seconds later.
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("is_deleted=true", Action::status(400)).always()));
    let ended = run(&shop).into(nowhere).await;
    ended.result.unwrap();
    let spent = ended.summary.unwrap().spent;
    assert!(is_most(spent.answers, &spent) && spent.quota * 10 < spent.total(), "{spent:?}");
}

#[test]
fn the_log_tells_the_parts_in_percent_and_in_seconds() {
    let shop = Shop::new(SMALL);
    let mut command = shop.tap([]);
    command.env("TAP_BIGCOMMERCE_LOG_FORMAT", "json");
    let log = tap_bigcommerce_tests::program::run(command).ok().stderr;
    let log: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = log.iter().find_map(|line| line["message"].as_str()?.strip_prefix("time: ")).unwrap();
    let percents = said.split(", ").map(|part| part.split_once(" % ").unwrap().0.parse::<u32>().unwrap());
    assert_eq!(percents.sum::<u32>(), 100, "{said}");
    let metric = &log.iter().find(|line| line["metric_info"]["metric"] == "run_duration").unwrap()["metric_info"];
    let seconds = |part: &str| metric["tags"][part].as_f64().unwrap();
    let all = ["quota", "answers", "target", "computing"].map(seconds).iter().sum::<f64>();
    assert!((all - metric["value"].as_f64().unwrap()).abs() < 0.005, "each is rounded to milliseconds: {metric}");
}
