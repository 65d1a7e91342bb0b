//! What works here and what is missing, as the daemon sees it.
//!
//! Owns: its findings. Does not own: what `ahoyctl doctor` can see by itself. Invariant: a finding
//! that is not ok says what to do.

use super::{
    App,
    keys::Home,
    request::{Answer, Dict, Plain},
};
use crate::{desktop::headset, settings::Key};

/// The rule lets whoever sits at the machine open devices that sound comes from, and no keyboard.
const HEADSET_FIX: &str = "sudo cp ~/.local/share/ahoy/71-ahoy-headset.rules /etc/udev/rules.d/\n\
                           sudo udevadm control --reload\n\
                           then plug it in again";

fn finding(name: &str, ok: bool, detail: &str, fix: &str) -> Dict {
    [
        ("name", Plain::Text(name.to_owned())),
        ("ok", Plain::Bool(ok)),
        ("detail", Plain::Text(detail.to_owned())),
        ("fix", Plain::Text(fix.to_owned())),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

impl App {
    pub(super) fn doctor(&self, answer: Answer<Vec<Dict>>) {
        let mut findings = vec![
            finding("listening", true, &self.listens, ""),
            finding(
                "found-on-lan",
                self.mdns.is_some(),
                if self.mdns.is_some() {
                    "contacts find this machine by mDNS"
                } else {
                    "mDNS is off"
                },
                if self.mdns.is_some() { "" } else { "ahoyctl settings set link.mdns true" },
            ),
            finding(
                "keys",
                true,
                match self.key_home.home() {
                    Home::File => "in a file that only you can read",
                    Home::SecretService => "in the Secret Service",
                },
                "",
            ),
            match &self.server {
                Some(server) => {
                    let buttons = server.can("actions");
                    let fix = "answer with `ahoyctl answer` or the headset button";
                    let detail = format!("{} {}", server.name, server.version);
                    finding("notifications", buttons, &detail, if buttons { "" } else { fix })
                }
                None => finding(
                    "notifications",
                    false,
                    "no notification server on the bus",
                    "start one, such as dunst or mako; calls ring all the same",
                ),
            },
        ];
        let media = if self.media.version.is_empty() {
            "starts with the first call".to_owned()
        } else {
            format!("GStreamer {}", self.media.version)
        };
        let running = if self.media.is_running() { ", running" } else { "" };
        findings.push(finding("media", true, &format!("{media}{running}"), ""));
        for (worker, (lock, lacks)) in &self.locks {
            findings.push(finding(&format!("lock of {worker}"), lacks.is_empty(), lock, lacks));
        }
        for (part, why) in &self.media.missing {
            findings.push(finding(part, false, why, "see the line beside it; calls go on without"));
        }
        findings.push(self.headsets());
        // Nobody waits any more: nothing to do.
        let _ = answer.send(Ok(findings));
    }
    /// Whether the buttons of headsets can be read.
    fn headsets(&self) -> Dict {
        let name = "headset buttons";
        let headset::State { open, denied } = self.manners.headsets();
        if self.settings.text(Key::HEADSET_BUTTON) == "off" {
            return finding(name, true, "off (headset.button)", "");
        }
        if denied > 0 {
            let detail = format!("{denied} with buttons may not be opened");
            return finding(name, false, &detail, HEADSET_FIX);
        }
        match open {
            0 => finding(name, true, "no headset with buttons for calls is plugged in", ""),
            _ => finding(name, true, &format!("read, of {open}"), ""),
        }
    }
}
