#![no_main]
#[path = "../../guest/core/tests/fuzzed/checks.rs"]
mod checks;
#[path = "../../guest/core/tests/fuzzed/reference.rs"]
mod reference;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::pages(data));
