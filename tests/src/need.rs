//! What a trial needs of the machine.
//!
//! Owns: looking for programs, saying what is skipped. Does not own: installing. Invariant: a skip
//! is always printed, and is a failure where `AHOY_REQUIRE` names the group.

use std::path::{Path, PathBuf};

use crate::process::{output, program};

/// Groups of requirements, as `AHOY_REQUIRE` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// PipeWire and GStreamer.
    Media,
    /// A recogniser and a voice to speak to it.
    Voice,
    /// speech-dispatcher with a voice, espeak-ng, and what they play by.
    Speech,
    /// A notification server and a screen.
    Notify,
    /// Reading packets off the loopback interface.
    Capture,
    /// python-dbusmock: programs whose hardware is not there.
    Mock,
    /// The windows, and the screen and the screen reader's bus that they want.
    Window,
    /// A window manager for X11.
    Manager,
    /// A desktop that opens links, and the example of an app in Python.
    Links,
    /// GNOME Shell, and that this system was started by systemd, without which it has no lock.
    Gnome,
    /// mako, and a compositor for it.
    Mako,
    /// KWin with its lock screen, the windows, and a screen for them.
    Kwin,
    /// Compositors with layers, a screen for them, and what fills it.
    Layers,
    /// What presses keys of players.
    Keys,
    /// Phosh, its compositor, a screen for that, and the screen reader's bus by which it is read.
    Phosh,
}

impl Need {
    /// Its name in `AHOY_REQUIRE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Voice => "voice",
            Self::Speech => "speech",
            Self::Notify => "notify",
            Self::Capture => "capture",
            Self::Mock => "mock",
            Self::Window => "window",
            Self::Manager => "manager",
            Self::Links => "links",
            Self::Gnome => "gnome",
            Self::Mako => "mako",
            Self::Keys => "keys",
            Self::Layers => "layers",
            Self::Kwin => "kwin",
            Self::Phosh => "phosh",
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Media => &[
                "setpriv",
                "dbus-daemon",
                "pipewire",
                "wireplumber",
                "pw-cli",
                "pw-cat",
                "pw-dump",
                "pw-link",
                "gst-launch-1.0",
            ],
            Self::Voice => &["flite"],
            Self::Speech => &["speech-dispatcher", "espeak-ng", "pipewire-pulse"],
            Self::Notify => &["Xvfb", "dunst"],
            Self::Capture => &["tcpdump"],
            Self::Mock => &["python3"],
            Self::Window => &["Xvfb", "/usr/libexec/at-spi-bus-launcher"],
            Self::Manager => &["openbox"],
            Self::Links => &["gio", "update-desktop-database"],
            Self::Gnome => &["setpriv", "dbus-daemon", "gnome-shell"],
            Self::Mako => &["mako", "phoc", "Xvfb"],
            Self::Keys => &["playerctl"],
            Self::Layers => &["phoc", "sway", "unshare", "Xvfb", "/usr/bin/python3"],
            Self::Kwin => &["kwin_wayland", "Xvfb", "/usr/libexec/at-spi-bus-launcher"],
            Self::Phosh => &[
                "setpriv",
                "dbus-daemon",
                "Xvfb",
                "phoc",
                "/usr/libexec/phosh",
                "/usr/libexec/at-spi-bus-launcher",
            ],
        }
    }

    /// What is missing for it, if anything.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        let missing: Vec<&str> =
            self.programs().iter().copied().filter(|name| find(name).is_none()).collect();
        if !missing.is_empty() {
            return Some(format!("not installed: {}", missing.join(", ")));
        }
        let mock = Path::new("/usr/lib/python3/dist-packages/dbusmock");
        let model = Path::new("/usr/share/pocketsphinx/model/en-us");
        match self {
            Self::Voice if !model.is_dir() => {
                Some("not installed: the package pocketsphinx-en-us".to_owned())
            }
            Self::Capture if !rustix::process::geteuid().is_root() => {
                Some("only root may read packets".to_owned())
            }
            Self::Mock if !mock.is_dir() => {
                Some("not installed: the package python3-dbusmock".to_owned())
            }
            Self::Layers if !has_users() => {
                Some("no user namespaces: sway runs for nobody who could become root".to_owned())
            }
            Self::Links if !Path::new("/usr/lib/python3/dist-packages/dbus").is_dir() => {
                Some("not installed: the packages python3-dbus and python3-gi".to_owned())
            }
            Self::Gnome if !Path::new("/run/systemd/seats").is_dir() => {
                Some("no /run/systemd/seats: GNOME Shell cannot lock without a logind".to_owned())
            }
            Self::Voice
            | Self::Speech
            | Self::Capture
            | Self::Media
            | Self::Notify
            | Self::Mock
            | Self::Window
            | Self::Manager
            | Self::Gnome
            | Self::Mako
            | Self::Keys
            | Self::Layers
            | Self::Kwin
            | Self::Phosh
            | Self::Links => None,
        }
    }
}

/// Whether all needs are met. Where not, says so, and panics if `AHOY_REQUIRE` names one of them.
#[must_use]
#[expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "the runner counts the line; a required part that is missing is a failure"
)]
pub fn met(needs: &[Need]) -> bool {
    for need in needs {
        let Some(why) = need.missing() else { continue };
        println!("SKIPPED: {why}");
        let required = std::env::var("AHOY_REQUIRE").unwrap_or_default();
        if required.split(',').any(|word| word.trim() == need.as_str()) {
            panic!("AHOY_REQUIRE has {}, but: {why}", need.as_str());
        }
        return false;
    }
    true
}

/// Whether this system makes namespaces in which one is somebody else.
fn has_users() -> bool {
    let mut attempt = program("unshare");
    attempt.args(["--user", "--map-user=1000", "true"]);
    output("unshare", &mut attempt).is_ok()
}

/// A program on the search path.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
