//! Bridges to other worlds, as the settings wish them.
//!
//! Owns: from settings to wishes. Does not own: bridges. Invariant: a bridge runs exactly as the
//! settings in force say.

use ahoy_core::id::CallId;
use tokio::sync::watch;

use crate::{
    bridge::{self, Wish},
    settings::Settings,
    tasks::Tasks,
};

/// What the settings say.
pub(super) fn wish(settings: &Settings) -> Wish {
    Wish { sip: settings.baresip() }
}

/// Starts them. They follow what is sent.
pub(super) fn start(
    settings: &Settings,
    fresh: fn() -> CallId,
    tasks: &mut Tasks,
) -> watch::Sender<Wish> {
    let (wishes, wished) = watch::channel(wish(settings));
    bridge::start(&wished, fresh, tasks);
    wishes
}
