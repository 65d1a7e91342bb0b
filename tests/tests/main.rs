//! End to end: real daemons on private buses with virtual devices.

mod first_call;
