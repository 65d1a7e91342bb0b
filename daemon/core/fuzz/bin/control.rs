//! libFuzzer's way into [`ahoy_core_fuzz::control`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ahoy_core_fuzz::control(data));
