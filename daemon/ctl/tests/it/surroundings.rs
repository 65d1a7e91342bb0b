//! More of the service of these tests: filters, endpoints, registered apps.
//!
//! Owns: names and signatures exactly as the contract has them. Does not own: policy. Invariant: every
//! request is recorded in the world.

use std::io::Read as _;

use zbus::{OwnedFd, interface};

use crate::service::{Dict, Shared, ask};

pub(crate) struct Filter(pub(crate) Shared);

#[interface(name = "org.ahoycall.Calls1.Filter")]
impl Filter {
    fn block(&self, scheme: String, pattern: String, why: String) {
        ask(&self.0, format!("Block {scheme}:{pattern} {why:?}"));
        self.0.lock().unwrap().blocked.push((scheme, pattern, why));
    }

    fn unblock(&self, scheme: String, pattern: String) {
        ask(&self.0, format!("Unblock {scheme}:{pattern}"));
        let is_it = |row: &(String, String, String)| row.0 == scheme && row.1 == pattern;
        self.0.lock().unwrap().blocked.retain(|row| !is_it(row));
    }

    fn list(&self) -> Vec<(String, String, String)> {
        self.0.lock().unwrap().blocked.clone()
    }

    fn set_policy(&self, policy: Dict) {
        let told: Vec<String> =
            policy.iter().map(|(key, value)| format!("{key}={}", **value)).collect();
        ask(&self.0, format!("SetPolicy {}", told.join(" ")));
    }

    fn add_directory(&self, id: String, file: OwnedFd) {
        let mut read = String::new();
        let fd: std::os::fd::OwnedFd = file.into();
        std::fs::File::from(fd).read_to_string(&mut read).unwrap();
        ask(&self.0, format!("AddDirectory {id} {read:?}"));
    }
}

pub(crate) struct Audio(pub(crate) Shared);

#[interface(name = "org.ahoycall.Calls1.Audio")]
impl Audio {
    fn set_preferred(&self, id: String) {
        ask(&self.0, format!("SetPreferred {id:?}"));
    }

    #[zbus(property)]
    fn endpoints(&self) -> Vec<(String, String, String, bool)> {
        let row = |id: &str, name: &str, kind: &str, there| {
            (id.to_owned(), name.to_owned(), kind.to_owned(), there)
        };
        vec![
            row("alsa.1", "Built-in Speaker", "speaker", true),
            row("bt.1", "Red Headset", "headset", true),
            row("bt.2", "Blue Headset", "headset", false),
        ]
    }

    #[zbus(property)]
    fn current(&self) -> String {
        "alsa.1".into()
    }
}

/// A registered app; only its object is seen from here.
pub(crate) struct Provider;

#[interface(name = "org.ahoycall.Calls1.Provider")]
impl Provider {
    fn unregister(&self) {}
}
