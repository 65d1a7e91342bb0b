//! End to end: real daemons on private buses with virtual devices.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod first_call;
