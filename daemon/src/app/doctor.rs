//! What works here and what is missing, as the daemon sees it.
//!
//! Owns: its findings. Does not own: what `ahoyctl doctor` can see by itself. Invariant: a finding
//! that is not ok says what to do.

use super::{
    App,
    keys::Home,
    request::{Answer, Dict, Plain},
};

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
        // Nobody waits any more: nothing to do.
        let _ = answer.send(Ok(findings));
    }
}
