//! Two whole services joined by a simulated network: calls as scripts.

mod calls;
mod glare;
mod hostile;
mod joins;
mod world;
