//! The windows themselves.
//!
//! Owns: one file for each, and the parts they share. Does not own: what they show (`state`, `people`)
//! or what becomes of a press (`service`). Invariant: every widget that does something can be reached by
//! keyboard and has a name for those who do not see it.

mod accessible;
mod add;
mod call;
mod card;
mod incoming;
mod locked;
mod on_lock;
mod pane;
mod parts;
mod people;
mod self_view;
mod settings;
mod voice_bar;
pub(crate) mod welcome;

pub(crate) use self::{
    call::CallWindow, incoming::Incoming, on_lock::OnLock, parts::Shared, people::PeopleWindow,
};
