//! Bridges to other worlds, as the settings wish them.
//!
//! Owns: from settings to wishes. Does not own: bridges. Invariant: a bridge runs exactly as the
//! settings in force say.

use ahoy_core::id::CallId;
use tokio::sync::watch;

use crate::{
    bridge::{self, Wish},
    settings::{Key, Settings},
    tasks::Tasks,
};

/// What the settings say.
pub(super) fn wish(settings: &Settings) -> Wish {
    Wish {
        sip: settings.baresip(),
        modem: settings.flag(Key::BRIDGE_MODEM),
        phone: settings.flag(Key::BRIDGE_PHONE),
    }
}

/// Starts them. They follow what is sent.
pub(super) fn start(
    settings: &Settings,
    system_bus: Option<String>,
    fresh: fn() -> CallId,
    tasks: &mut Tasks,
) -> watch::Sender<Wish> {
    let (wishes, wished) = watch::channel(wish(settings));
    bridge::start(&wished, system_bus, fresh, tasks);
    wishes
}
