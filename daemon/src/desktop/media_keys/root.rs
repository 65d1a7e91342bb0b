//! What this player is (`org.mpris.MediaPlayer2`).
//!
//! Owns: the interface. Does not own: what is played. Invariant: it cannot be ended from here, as calls
//! may come at any time.

use tokio::sync::mpsc;
use zbus::interface;

use super::Press;

/// The object.
pub(super) struct Root(mpsc::Sender<Press>);

impl Root {
    pub(super) const fn new(pressed: mpsc::Sender<Press>) -> Self {
        Self(pressed)
    }
}

#[interface(name = "org.mpris.MediaPlayer2")]
impl Root {
    fn raise(&self) {
        // A press that does not fit is one of many.
        let _ = self.0.try_send(Press::Raise);
    }

    fn quit(&self) {}

    #[zbus(property)]
    fn can_quit(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn can_raise(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn has_track_list(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn identity(&self) -> &'static str {
        "Ahoy"
    }

    #[zbus(property)]
    fn desktop_entry(&self) -> &'static str {
        "org.ahoycall.Ahoy"
    }

    #[zbus(property)]
    fn supported_uri_schemes(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn supported_mime_types(&self) -> Vec<String> {
        Vec::new()
    }
}
