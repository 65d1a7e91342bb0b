//! Whole Ahoys for trials: real daemons on private buses, with virtual devices.
//!
//! Owns: starting all of it, driving it as people do, hearing and seeing what comes out. Does not
//! own: what is claimed of it. Invariant: nothing here touches the session of the person testing,
//! and nothing it starts outlives it.

pub mod atspi;
pub mod bus;
pub mod contract;
pub mod desk;
pub mod need;
pub mod person;
pub mod picture;
pub mod pointer;
pub mod process;
pub mod shell;
pub mod sound;
pub mod speech;
pub mod stage;
pub mod systemd;
pub mod trouble;
pub mod wait;
pub mod wave;
pub mod window;
pub mod wire;

pub use person::{Person, Setup};
pub use stage::Stage;
pub use trouble::{Result, Trouble};
pub use wait::{PATIENCE, until, within};
