//! Any bytes; those that are no UTF-8 are read as far as they are.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kspec_fuzz::holds(&String::from_utf8_lossy(bytes)));
