//! What a window is for those who do not see it: its widgets as AT-SPI tells them.
//!
//! Owns: the accessibility bus of a session, finding widgets by role and name, pressing them. Does not
//! own: any window. Invariant: what is found here is what a screen reader would read.

use std::{fs, io, path::Path, process::Command};

use zbus::OwnedObjectPath;

use crate::{Result, Trouble, bus::Bus, process::Running, until};

const LAUNCHER: &str = "/usr/libexec/at-spi-bus-launcher";
const REGISTRY: &str = "org.a11y.atspi.Registry";
const ROOT: &str = "/org/a11y/atspi/accessible/root";
const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
/// Programs, and then windows, stand below the desktop.
const WIDGETS: usize = 2;
/// A window has fewer; more is a loop.
const MOST: usize = 2_000;

/// The accessibility bus of a session.
#[derive(Debug)]
pub struct Atspi {
    bus: Bus,
    _launcher: Running,
}

/// A widget.
#[derive(Clone, Debug)]
pub struct Widget {
    /// "button", "label", and so on.
    pub role: String,
    /// What it is called; "" where it is not.
    pub name: String,
    owner: String,
    path: String,
}

impl Atspi {
    /// Starts it on a session's bus. `command`: a program in that session.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(session: &Bus, command: &mut Command) -> Result<Self> {
        let launcher = Running::start(LAUNCHER, command)?;
        let address = until("the accessibility bus", || {
            let path = "/org/a11y/bus";
            session.ask::<_, String>(("org.a11y.Bus", path, "org.a11y.Bus"), "GetAddress", &()).ok()
        })?;
        let bus = Bus::connect(&address)?;
        // Programs tell it that they are there once, when they start.
        until("the registry of accessible programs", || {
            let at = (REGISTRY, ROOT, ACCESSIBLE);
            bus.ask::<_, Vec<(String, OwnedObjectPath)>>(at, "GetChildren", &()).ok()
        })?;
        Ok(Self { bus, _launcher: launcher })
    }

    /// The program of the launcher.
    #[must_use]
    pub fn program() -> &'static Path {
        Path::new(LAUNCHER)
    }

    /// Every widget that is shown, of all programs.
    #[must_use]
    pub fn widgets(&self) -> Vec<Widget> {
        let mut found = Vec::new();
        let mut open = vec![(REGISTRY.to_owned(), ROOT.to_owned(), 0)];
        while let Some((owner, path, depth)) = open.pop() {
            if found.len() >= MOST {
                break;
            }
            let at = (owner.as_str(), path.as_str(), ACCESSIBLE);
            // The desktop and its programs are no widgets. What is hidden hides what is in it.
            if depth >= WIDGETS && !self.is_visible(at) {
                continue;
            }
            let children =
                self.bus.ask::<_, Vec<(String, OwnedObjectPath)>>(at, "GetChildren", &());
            // One that has gone meanwhile has none.
            let children = children.unwrap_or_default().into_iter();
            open.extend(children.map(|(owner, path)| (owner, path.to_string(), depth + 1)));
            let role = self.bus.ask::<_, String>(at, "GetRoleName", &()).unwrap_or_default();
            let name = self.text(&owner, &path, "Name");
            found.push(Widget { role, name, owner, path });
        }
        found
    }

    fn text(&self, owner: &str, path: &str, property: &str) -> String {
        let at = (owner, path, "org.freedesktop.DBus.Properties");
        let value = self.bus.ask::<_, zbus::OwnedVariant>(at, "Get", &(ACCESSIBLE, property));
        value.ok().and_then(|value| String::try_from(value).ok()).unwrap_or_default()
    }

    /// Whether a widget is not hidden (AT-SPI's state VISIBLE).
    fn is_visible(&self, at: (&str, &str, &str)) -> bool {
        /// Number of the state in the list.
        const VISIBLE: u32 = 30;
        let states = self.bus.ask::<_, Vec<u32>>(at, "GetState", &()).unwrap_or_default();
        states.first().is_some_and(|bits| bits >> VISIBLE & 1 == 1)
    }

    /// Whether it has a place in its window: pages and rows that are switched away have none.
    fn has_size(&self, widget: &Widget) -> bool {
        let at = (widget.owner.as_str(), widget.path.as_str(), "org.a11y.atspi.Component");
        let size = self.bus.ask::<_, (i32, i32)>(at, "GetSize", &());
        size.is_ok_and(|(width, height)| width > 0 && height > 0)
    }

    /// The widget of this role and name that is shown.
    #[must_use]
    pub fn find(&self, role: &str, name: &str) -> Option<Widget> {
        self.find_all(role, name).next()
    }

    /// All of them. A button with a menu is one within another (GTK 4.8).
    pub fn find_all(&self, role: &str, name: &str) -> impl Iterator<Item = Widget> {
        // GTK 4.8 names a button with words by its label and by the text in it.
        let twice = format!("{name} {name}");
        let fits =
            |widget: &Widget| widget.role == role && (widget.name == name || widget.name == twice);
        let all: Vec<Widget> = self.widgets().into_iter().filter(fits).collect();
        all.into_iter().filter(|widget| self.has_size(widget))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// [`Trouble::Late`], with what there is in its place.
    pub fn until(&self, role: &str, name: &str) -> Result<Widget> {
        let found = until(&format!("{role} {name:?}"), || self.find(role, name));
        found.map_err(|error| {
            let all = self.widgets().into_iter();
            let all = all.map(|widget| format!("{} {:?}", widget.role, widget.name));
            Trouble::Wrong(format!("{error}; there are: {}", all.collect::<Vec<_>>().join(", ")))
        })
    }

    /// Whether it is on the screen: a panel that is just being opened has its place before it is, and GTK 4.8 says that
    /// it pressed a button there, and does not.
    fn is_shown(&self, widget: &Widget) -> bool {
        /// Coordinates of its window.
        const WINDOW: u32 = 1;
        let at = (widget.owner.as_str(), widget.path.as_str(), "org.a11y.atspi.Component");
        let place = self.bus.ask::<_, ((i32, i32, i32, i32),)>(at, "GetExtents", &(WINDOW,));
        place.is_ok_and(|((x, y, width, height),)| {
            let middle = (x + width / 2, y + height / 2, WINDOW);
            self.bus.ask::<_, bool>(at, "Contains", &middle).unwrap_or(false)
        })
    }

    /// Presses it, as a person with a screen reader does.
    ///
    /// # Errors
    /// It cannot be pressed.
    pub fn press(&self, widget: &Widget) -> Result<()> {
        if !self.is_shown(widget) {
            let Widget { role, name, .. } = widget;
            return Err(Trouble::Wrong(format!("{role} {name:?} is not on the screen")));
        }
        let at = (widget.owner.as_str(), widget.path.as_str(), "org.a11y.atspi.Action");
        let pressed: bool = self.bus.ask(at, "DoAction", &(0_i32,))?;
        if pressed {
            return Ok(());
        }
        Err(Trouble::Wrong(format!("{} {:?} cannot be pressed", widget.role, widget.name)))
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// It has no text.
    pub fn read(&self, field: &Widget) -> Result<String> {
        let at = (field.owner.as_str(), field.path.as_str(), "org.a11y.atspi.Text");
        // GTK 4.8 takes no "to the end" (-1).
        self.bus.ask(at, "GetText", &(0_i32, i32::MAX))
    }

    /// Writes at the end of a field.
    ///
    /// # Errors
    /// It is no field.
    pub fn write(&self, field: &Widget, text: &str) -> Result<()> {
        let at = (field.owner.as_str(), field.path.as_str(), "org.a11y.atspi.EditableText");
        let length = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
        let written: bool = self.bus.ask(at, "InsertText", &(-1_i32, text, length))?;
        if written {
            return Ok(());
        }
        Err(Trouble::Wrong(format!("{} {:?} takes no text", field.role, field.name)))
    }
}

/// What a virtual screen shows: RGB, and its width and height. Read from the file that Xvfb draws
/// into, in the format of xwd (XWDFile.h).
///
/// # Errors
/// The file is not there, or of another depth.
pub fn screen(file: &Path) -> Result<(Vec<u8>, usize, usize)> {
    let bytes = fs::read(file).map_err(Trouble::io("the screen"))?;
    let word = |at: usize| {
        let bytes = bytes.get(at * 4..at * 4 + 4)?;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let read = || {
        let (header, width, height) = (word(0)?, word(4)?, word(5)?);
        let (bits, line, colours) = (word(11)?, word(12)?, word(19)?);
        // Colours take twelve bytes each; of a pixel's four the last is not used.
        let pixels = bytes.get(header + colours * 12..)?;
        let rows = (0..height).map(|row| pixels.get(row * line..row * line + width * 4));
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in rows {
            for pixel in row?.chunks_exact(4) {
                rgb.extend([pixel[2], pixel[1], pixel[0]]);
            }
        }
        (bits == 32).then_some((rgb, width, height))
    };
    let wrong = || io::Error::other("no screen of 32 bits a pixel");
    read().ok_or_else(wrong).map_err(Trouble::io("the screen"))
}
