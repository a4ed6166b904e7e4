//! Plays many seeds, and says what was found so that a person can see it.

use crate::chain::play;
use crate::finding::Finding;
use crate::generate::scenario;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::trace::Trace;
use crate::world::Tally;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds that are played when nobody says how many.
const SEEDS: u64 = 2_000;
const THREADS: usize = 2;

/// What came of many seeds.
struct Hunt {
    tally: Tally,
    /// The least seed in which something was found.
    found: Option<(u64, Finding)>,
}

/// Plays the seeds of a range and stops soon after the first finding that counts.
fn hunt(seeds: Range<u64>, counts: impl Fn(&Finding) -> bool + Sync) -> Hunt {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Hunt { tally: Tally::new(), found: None }));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end) {
                    let played = play(&scenario(seed), Trace::default());
                    let mut all = all.lock().unwrap();
                    for (what, times) in played.tally {
                        *all.tally.entry(what).or_default() += times;
                    }
                    if let Some(finding) = played.finding.filter(&counts) {
                        next.store(seeds.end, Ordering::Relaxed);
                        if all.found.as_ref().is_none_or(|(least, _)| seed < *least) {
                            all.found = Some((seed, finding));
                        }
                    }
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

/// What was found, how to see it again, and the shortest story that shows it.
fn story(seed: u64, finding: &Finding) -> String {
    eprintln!("seed {seed}: {finding}\nlooking for the shortest story that shows it");
    let least = shrink(scenario(seed), finding.rule);
    let mut story = format!(
        "seed {seed}: {finding}\n\nall of it: SEED={seed} cargo test --release -p tap-bigcommerce-core --test simulation -- --nocapture\n\nthe least that shows it:\n"
    );
    tell(&least, &mut story);
    story
}

fn tell(scenario: &Scenario, story: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(story, "{:?}", scenario.shop);
    for (place, run) in scenario.runs.iter().enumerate() {
        let _ = writeln!(
            story,
            "run {}: after {:?}, {:?}, {:?}, stale {} %",
            place + 1,
            run.pause,
            run.ending,
            run.troubles,
            run.stale_percent
        );
    }
    for event in play(scenario, Trace::on()).events {
        let _ = writeln!(story, "{event}");
    }
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = number("SEED") {
        let mut story = String::new();
        tell(&scenario(seed), &mut story);
        println!("{story}");
        let finding = play(&scenario(seed), Trace::default()).finding;
        return assert!(finding.is_none(), "seed {seed}: {}", finding.unwrap());
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let from = number("FROM").unwrap_or(0);
    // Of a mutant only some rules count, and nobody reads the story.
    let rules = std::env::var("RULES").ok();
    let counts =
        |finding: &Finding| rules.as_ref().is_none_or(|rules| rules.split(',').any(|rule| rule == format!("{:?}", finding.rule)));
    let hunt = hunt(from..from + seeds, counts);
    if let Some((seed, finding)) = hunt.found {
        assert!(rules.is_none(), "seed {seed}: {finding}");
        panic!("{}", story(seed, &finding));
    }
    println!("{seeds} seeds: {:?}", hunt.tally);
    if seeds >= SEEDS {
        for what in [
            "complete runs",
            "runs whose process vanished",
            "sink",
            "cancelled",
            "api",
            "changes",
            "changes between two pages",
            "faults",
            "stale answers",
            "pages served twice",
            "quota spent by others",
            "broken answers",
            "records set aside",
            "set-aside",
            "runs to recover",
        ] {
            assert!(hunt.tally.get(what).is_some_and(|times| *times > 100), "the seeds show too little of this: {what}");
        }
    }
}

#[test]
fn a_seed_plays_the_same_each_time() {
    for seed in 0..20 {
        let twice = [0, 1].map(|_| play(&scenario(seed), Trace::on()).events);
        assert_eq!(twice[0], twice[1], "seed {seed}");
        assert!(twice[0].len() > 10);
    }
}
