//! The call as something that plays (`org.mpris.MediaPlayer2.Player`).
//!
//! Owns: the interface. Does not own: what a press does. Invariant: it "plays" while it is heard: while
//! it rings aloud, and while the microphone is open.

use std::collections::HashMap;

use tokio::sync::mpsc;
use zbus::{ObjectPath, Variant, interface, object_server::SignalEmitter};

use super::{Press, Shown, Stage};

/// One that stays the same: nothing is ever skipped to.
const TRACK: &str = "/org/ahoycall/Calls1/Now";

/// The object.
pub(super) struct Player {
    shown: Shown,
    pressed: mpsc::Sender<Press>,
}

const fn status(stage: Stage) -> &'static str {
    match stage {
        Stage::Ringing { silenced: false } | Stage::Talking { muted: false } => "Playing",
        Stage::Ringing { silenced: true } | Stage::Talking { muted: true } => "Paused",
    }
}

const fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Ringing { .. } => "Incoming call",
        Stage::Talking { .. } => "Call",
    }
}

impl Player {
    pub(super) const fn new(shown: Shown, pressed: mpsc::Sender<Press>) -> Self {
        Self { shown, pressed }
    }

    /// Shows this from now on; what it showed before.
    pub(super) const fn become_of(&mut self, shown: Shown) -> Shown {
        std::mem::replace(&mut self.shown, shown)
    }

    /// Tells what differs.
    pub(super) async fn tell(
        &self,
        emitter: &SignalEmitter<'_>,
        before: &Shown,
    ) -> zbus::Result<()> {
        let now = &self.shown;
        if (title(now.stage), &now.name) != (title(before.stage), &before.name) {
            self.metadata_changed(emitter).await?;
        }
        if status(now.stage) != status(before.stage) {
            self.playback_status_changed(emitter).await?;
        }
        Ok(())
    }

    fn press(&self, press: Press) {
        // A press that does not fit is one of many.
        let _ = self.pressed.try_send(press);
    }
}

#[interface(name = "org.mpris.MediaPlayer2.Player")]
impl Player {
    fn play(&self) {
        self.press(Press::Play);
    }

    fn pause(&self) {
        self.press(Press::Pause);
    }

    fn play_pause(&self) {
        self.press(Press::PlayPause);
    }

    fn stop(&self) {
        self.press(Press::Stop);
    }

    fn next(&self) {
        self.press(Press::Stop);
    }

    fn previous(&self) {}

    fn seek(&self, offset: i64) {
        let _ = offset;
    }

    fn set_position(&self, track: ObjectPath<'_>, position: i64) {
        let _ = (track, position);
    }

    fn open_uri(&self, uri: &str) {
        let _ = uri;
    }

    #[zbus(signal)]
    async fn seeked(emitter: &SignalEmitter<'_>, position: i64) -> zbus::Result<()>;

    #[zbus(property)]
    fn playback_status(&self) -> &'static str {
        status(self.shown.stage)
    }

    #[zbus(property)]
    fn metadata(&self) -> HashMap<&'static str, Variant<'static>> {
        let track = ObjectPath::from_static_str_unchecked(TRACK);
        let mut about = HashMap::from([
            ("mpris:trackid", Variant::from(track)),
            ("xesam:title", Variant::from(title(self.shown.stage))),
        ]);
        if !self.shown.name.is_empty() {
            about.insert("xesam:artist", Variant::from(vec![self.shown.name.clone()]));
        }
        about
    }

    #[zbus(property)]
    fn rate(&self) -> f64 {
        1.0
    }

    #[zbus(property)]
    fn minimum_rate(&self) -> f64 {
        1.0
    }

    #[zbus(property)]
    fn maximum_rate(&self) -> f64 {
        1.0
    }

    #[zbus(property)]
    fn volume(&self) -> f64 {
        1.0
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn position(&self) -> i64 {
        0
    }

    #[zbus(property)]
    fn can_go_next(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn can_go_previous(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn can_play(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn can_pause(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn can_seek(&self) -> bool {
        false
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn can_control(&self) -> bool {
        true
    }
}
