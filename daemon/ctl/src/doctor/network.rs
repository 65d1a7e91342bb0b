//! Hints about firewalls: which one is here, and what to open for calls on the local network.
//!
//! Owns: these hints. Invariant: rules are never read or changed (that needs root); a firewall
//! that is on is a hint, not a fault.

use std::path::Path;

use super::{Check, session};
use crate::bus::Bus;

/// Finding each other on the local network (RFC 6762).
const MDNS: u64 = 5353;

/// A firewall that is switched on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Firewall {
    Ufw,
    Firewalld,
    Nftables,
}

pub(super) async fn firewall(daemon: Option<&Bus>) -> Check {
    let port = match daemon {
        Some(bus) => session::port(bus).await,
        None => None,
    };
    describe(active(Path::new("/")), port)
}

fn describe(on: Option<Firewall>, port: Option<u64>) -> Check {
    let name = "firewall";
    let Some(firewall) = on else {
        return Check::ok(name, "none found that is on");
    };
    let word = match firewall {
        Firewall::Ufw => "ufw",
        Firewall::Firewalld => "firewalld",
        Firewall::Nftables => "nftables",
    };
    let mut fix = String::from("If people on your network cannot reach you:");
    let mut all = vec![("udp", MDNS)];
    all.extend(port.into_iter().flat_map(|port| [("tcp", port), ("udp", port)]));
    for (protocol, port) in all {
        fix.push_str("\n  ");
        fix.push_str(&match firewall {
            Firewall::Ufw => format!("sudo ufw allow {port}/{protocol}"),
            Firewall::Firewalld => {
                format!("sudo firewall-cmd --permanent --add-port={port}/{protocol}")
            }
            Firewall::Nftables => {
                format!("sudo nft add rule inet filter input {protocol} dport {port} accept")
            }
        });
    }
    if firewall == Firewall::Firewalld {
        fix.push_str("\n  sudo firewall-cmd --reload");
    }
    if port.is_none() {
        fix.push_str("\n  and the ports of ahoyd: ss -tulpn | grep ahoyd");
    }
    Check::warn(name, format!("{word} is on; it may keep calls on the local network away"), fix)
}

/// What the files say, as only root may ask the kernel. `root` is `/` outside tests.
fn active(root: &Path) -> Option<Firewall> {
    let has_line = |file: &str, wanted: &str| {
        std::fs::read_to_string(root.join(file))
            .is_ok_and(|text| text.lines().any(|line| line.trim().eq_ignore_ascii_case(wanted)))
    };
    let enabled = |unit: &str| {
        ["multi-user.target.wants", "sysinit.target.wants"]
            .iter()
            .any(|t| root.join("etc/systemd/system").join(t).join(unit).symlink_metadata().is_ok())
    };
    if has_line("etc/ufw/ufw.conf", "ENABLED=yes") {
        Some(Firewall::Ufw)
    } else if enabled("firewalld.service") || root.join("run/firewalld").exists() {
        Some(Firewall::Firewalld)
    } else if enabled("nftables.service") {
        Some(Firewall::Nftables)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn each_firewall_gets_its_own_commands() {
        for (firewall, command) in [
            (Firewall::Ufw, "sudo ufw allow 4242/udp"),
            (Firewall::Firewalld, "--add-port=4242/tcp"),
            (Firewall::Nftables, "udp dport 5353 accept"),
        ] {
            let check = describe(Some(firewall), Some(4242));
            assert_eq!(check.state, State::Warn);
            assert!(check.fix.contains(command), "{}", check.fix);
        }
        assert_eq!(describe(None, None).state, State::Ok);
    }

    #[test]
    fn a_firewall_that_is_installed_but_off_is_no_firewall() {
        let root = std::env::temp_dir().join(format!("ahoyctl-fw-{}", std::process::id()));
        std::fs::create_dir_all(root.join("etc/ufw")).unwrap();
        std::fs::write(root.join("etc/ufw/ufw.conf"), "ENABLED=no\n").unwrap();
        assert_eq!(active(&root), None);
        std::fs::write(root.join("etc/ufw/ufw.conf"), "# x\nENABLED=yes\n").unwrap();
        assert_eq!(active(&root), Some(Firewall::Ufw));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
