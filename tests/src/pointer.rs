//! A pointer on a stage's screen, moved as a mouse would be.
//!
//! Owns: the events (XTEST). Does not own: what is under it. Invariant: what it does, a mouse could.

use x11rb::{
    connection::Connection as _,
    protocol::{
        xproto::{
            AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _,
            MOTION_NOTIFY_EVENT,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

use crate::{Result, Stage, Trouble};

/// The button under the first finger.
const FIRST: u8 = 1;

/// The pointer.
#[derive(Debug)]
pub struct Pointer {
    screen: RustConnection,
    root: u32,
}

impl Pointer {
    /// Of a stage's screen.
    ///
    /// # Errors
    /// There is no screen.
    pub fn of(stage: &Stage) -> Result<Self> {
        let display = stage.display()?;
        let connected = x11rb::connect(Some(&display)).map_err(|error| trouble(&error));
        let (screen, number) = connected?;
        let root = screen.setup().roots.get(number).map(|root| root.root);
        root.map(|root| Self { screen, root })
            .ok_or_else(|| Trouble::Wrong("a display without a screen".to_owned()))
    }

    /// Goes to a place on the screen.
    ///
    /// # Errors
    /// The screen is gone.
    pub fn go(&self, (x, y): (usize, usize)) -> Result<()> {
        let side = |side| i16::try_from(side).unwrap_or(i16::MAX);
        self.event(MOTION_NOTIFY_EVENT, 0, (side(x), side(y)))
    }

    /// Presses its button, or lets go of it.
    ///
    /// # Errors
    /// The screen is gone.
    pub fn button(&self, pressed: bool) -> Result<()> {
        let event = if pressed { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT };
        self.event(event, FIRST, (0, 0))
    }

    /// Clicks where it is.
    ///
    /// # Errors
    /// The screen is gone.
    pub fn click(&self) -> Result<()> {
        [true, false].into_iter().try_for_each(|pressed| self.button(pressed))
    }

    /// Clicks twice where it is.
    ///
    /// # Errors
    /// The screen is gone.
    pub fn double_click(&self) -> Result<()> {
        self.click()?;
        self.click()
    }

    /// Ends the connection of the window of this name, as `xkill` would.
    ///
    /// # Errors
    /// There is none.
    pub fn kill(&self, name: &str) -> Result<()> {
        let tree = self.screen.query_tree(self.root).map_err(|error| trouble(&error))?;
        for window in tree.reply().map_err(|error| trouble(&error))?.children {
            let (of, kind) = (AtomEnum::WM_NAME, AtomEnum::STRING);
            let asked = self.screen.get_property(false, window, of, kind, 0, 64);
            let its =
                asked.map_err(|error| trouble(&error))?.reply().map_err(|error| trouble(&error))?;
            if its.value == name.as_bytes() {
                let killed = self.screen.kill_client(window).map_err(|error| trouble(&error))?;
                return killed.check().map_err(|error| trouble(&error));
            }
        }
        Err(Trouble::Wrong(format!("no window {name:?}")))
    }

    fn event(&self, kind: u8, detail: u8, (x, y): (i16, i16)) -> Result<()> {
        let sent = self.screen.xtest_fake_input(kind, detail, 0, self.root, x, y, 0);
        let sent = sent.map_err(|error| trouble(&error))?;
        sent.check().map_err(|error| trouble(&error))
    }
}

fn trouble(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Wrong(format!("the pointer: {error}"))
}
