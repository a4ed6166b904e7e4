#![no_main]
#[path = "../../guest/core/tests/fuzzed/runs.rs"]
mod runs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| runs::answers(data));
