//! Two whole services joined by a simulated network: calls as scripts.

mod calls;
mod joins;
mod world;
