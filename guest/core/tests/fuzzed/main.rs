//! A bounded run of the fuzz targets on the stable toolchain: the seeds, and inputs made from them by chance that is always the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod checks;
mod reference;
mod runs;

use std::path::Path;

/// Inputs per target, unless `INPUTS` says otherwise.
const INPUTS: u64 = 10_000;

/// What inputs are made of, in addition to the seeds' own bytes.
const WORDS: [&str; 32] = [
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e9",
    "1.50",
    "\"336.3200\"",
    "9007199254740993",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "{\"a\":1}",
    "[[1]]",
    "\"2024-01-01T00:00:00Z\"",
    "\"Tue, 20 Nov 2012 00:00:00 +0000\"",
    ",",
    ":",
    "\"id\":",
    "X-Rate-Limit-Requests-Left:0\n",
    "X-Rate-Limit-Time-Reset-Ms:99999999999\n",
    "429\n",
    "\u{feff}",
    "\u{1}",
    "\"\\udc00\\ud83d\\ude00\"",
    "{\"2\":{\"id\":2},\"0\":{\"id\":1}}",
    "{\"url\":\"x\",\"resource\":\"y\"}",
    "\"__warning__\":",
    "\"id \":",
    "\"-0001-11-30T00:00:00+00:00\"",
    "\"no\"",
];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let end = (at + chance.below(24)).min(input.len());
    match chance.below(5) {
        0 => drop(input.splice(at..end, [])),
        1 => drop(input.splice(at..at, WORDS[chance.below(WORDS.len())].bytes())),
        2 => drop(input.splice(at..end, WORDS[chance.below(WORDS.len())].bytes())),
        3 if at < input.len() => input[at] = chance.below(256) as u8,
        _ => {
            let other = &seeds[chance.below(seeds.len())];
            let from = chance.below(other.len() + 1);
            let to = (from + chance.below(64)).min(other.len());
            input.splice(at..at, other[from..to].iter().copied());
        }
    }
}

fn search(target: &str, check: fn(&[u8]), share: u64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "there are no seeds for {target}");
    seeds.iter().for_each(|seed| check(seed));
    let inputs = std::env::var("INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(INPUTS);
    let mut chance = Chance(7);
    for _ in 0..inputs / share {
        let mut input = seeds[chance.below(seeds.len())].clone();
        for _ in 0..=chance.below(4) {
            change(&mut input, &seeds, &mut chance);
        }
        if let Err(panic) = std::panic::catch_unwind(|| check(&input)) {
            eprintln!("the input, as text: {}", String::from_utf8_lossy(&input));
            std::panic::resume_unwind(panic);
        }
    }
}

macro_rules! targets {
    ($checks:ident, one of $share:literal: $($name:ident),*) => {
        $(#[test] fn $name() { search(stringify!($name), $checks::$name, $share); })*
    };
}

targets!(checks, one of 1: config, catalog, state, dates, decimals, headers, pages);
targets!(runs, one of 1: select, origin);
// A run takes as long as a hundred of the others.
targets!(runs, one of 50: answers);
