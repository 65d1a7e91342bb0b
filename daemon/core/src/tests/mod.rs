//! Two whole services joined by a simulated network: calls as scripts.

mod calls;
mod conformance;
mod glare;
mod hostile;
mod joins;
mod model;
mod scripted;
mod world;
