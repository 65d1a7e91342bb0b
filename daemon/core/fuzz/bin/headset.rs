//! libFuzzer's way into [`ahoy_core_fuzz::headset`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ahoy_core_fuzz::headset(data));
