//! The icon (`org.kde.StatusNotifierItem`).
//!
//! Owns: its properties and their signals. Does not own: the menu. Invariant: the picture is always
//! the program's own, which is installed; what a theme may lack is laid over it.

use tokio::sync::{mpsc, watch};
use zbus::{Connection, ObjectPath, OwnedObjectPath, interface, object_server::SignalEmitter};

use super::{Look, Shown, Wish, menu};

/// Where watchers look under a name.
pub(super) const PATH: &str = "/StatusNotifierItem";
const ICON: &str = "org.ahoycall.Ahoy";

/// Width, height, ARGB32 in network order.
type Pixmaps = Vec<(i32, i32, Vec<u8>)>;

/// The object.
pub(super) struct Item {
    shown: watch::Receiver<Shown>,
    pressed: mpsc::Sender<Wish>,
}

const fn status(look: Look) -> &'static str {
    match look {
        Look::Idle => "Passive",
        Look::Missed(_) | Look::Talking => "Active",
        Look::Ringing => "NeedsAttention",
    }
}

const fn overlay(look: Look) -> &'static str {
    match look {
        Look::Idle => "",
        Look::Missed(_) => "call-missed-symbolic",
        Look::Talking => "call-start-symbolic",
        Look::Ringing => "call-incoming-symbolic",
    }
}

/// The number beside the icon, for trays that write one.
fn label(look: Look) -> String {
    match look {
        Look::Missed(number) => number.to_string(),
        Look::Idle | Look::Talking | Look::Ringing => String::new(),
    }
}

impl Item {
    pub(super) const fn new(shown: watch::Receiver<Shown>, pressed: mpsc::Sender<Wish>) -> Self {
        Self { shown, pressed }
    }

    fn look(&self) -> Look {
        self.shown.borrow().look
    }
}

/// Tells what differs.
pub(super) async fn tell(objects: &Connection, before: &Shown, now: &Shown) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(objects, PATH)?;
    if before.look != now.look {
        Item::new_status(&emitter, status(now.look)).await?;
        Item::new_overlay_icon(&emitter).await?;
        Item::x_ayatana_new_label(&emitter, &label(now.look), "").await?;
    }
    if before.words != now.words {
        Item::new_tool_tip(&emitter).await?;
    }
    Ok(())
}

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    /// The icon was clicked.
    fn activate(&self, x: i32, y: i32) {
        let _ = (x, y);
        // A click that does not fit is one of many.
        let _ = self.pressed.try_send(Wish::Open);
    }

    /// Answering and ending are in the menu, where they have names.
    fn secondary_activate(&self, x: i32, y: i32) {
        let _ = (x, y);
    }

    /// The tray draws the menu.
    fn context_menu(&self, x: i32, y: i32) {
        let _ = (x, y);
    }

    fn scroll(&self, delta: i32, orientation: String) {
        let _ = (delta, orientation);
    }

    #[zbus(property)]
    fn category(&self) -> &'static str {
        "Communications"
    }

    #[zbus(property)]
    fn id(&self) -> &'static str {
        ICON
    }

    #[zbus(property)]
    fn title(&self) -> &'static str {
        "Ahoy"
    }

    #[zbus(property)]
    fn status(&self) -> &'static str {
        status(self.look())
    }

    #[zbus(property)]
    fn window_id(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn icon_name(&self) -> &'static str {
        ICON
    }

    #[zbus(property)]
    fn icon_pixmap(&self) -> Pixmaps {
        Pixmaps::new()
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> &'static str {
        ""
    }

    #[zbus(property)]
    fn overlay_icon_name(&self) -> &'static str {
        overlay(self.look())
    }

    #[zbus(property)]
    fn overlay_icon_pixmap(&self) -> Pixmaps {
        Pixmaps::new()
    }

    #[zbus(property)]
    fn attention_icon_name(&self) -> &'static str {
        ICON
    }

    #[zbus(property)]
    fn attention_icon_pixmap(&self) -> Pixmaps {
        Pixmaps::new()
    }

    #[zbus(property)]
    fn attention_movie_name(&self) -> &'static str {
        ""
    }

    #[zbus(property)]
    fn tool_tip(&self) -> (String, Pixmaps, String, String) {
        let words = self.shown.borrow().words.clone();
        (String::new(), Pixmaps::new(), "Ahoy".to_owned(), words)
    }

    #[zbus(property)]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn menu(&self) -> OwnedObjectPath {
        ObjectPath::from_static_str_unchecked(menu::PATH).into()
    }

    #[zbus(property, name = "XAyatanaLabel")]
    fn x_ayatana_label(&self) -> String {
        label(self.look())
    }

    #[zbus(signal)]
    async fn new_status(emitter: &SignalEmitter<'_>, status: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_overlay_icon(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_tool_tip(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal, name = "XAyatanaNewLabel")]
    async fn x_ayatana_new_label(
        emitter: &SignalEmitter<'_>,
        label: &str,
        guide: &str,
    ) -> zbus::Result<()>;
}
