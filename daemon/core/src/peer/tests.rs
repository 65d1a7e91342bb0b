//! Claims about identities and invites.

use super::*;
use crate::session::Secret;

const NOW: u64 = 1_000_000;

fn identity(byte: u8) -> Identity {
    Identity::from_seed(&Secret([byte; 32]))
}

fn invite(issuer: &Identity) -> Invite {
    let device = Secret([9; 32]).device_key();
    Invite {
        devices: issuer.certify(1, vec![device]),
        secret: [5; 32],
        hints: vec!["192.0.2.7:4711".parse().unwrap()],
        homes: vec![],
        expires_at: NOW + 100,
        single_use: true,
        name: "Alice".into(),
    }
}

#[test]
fn an_invite_survives_its_link() {
    let (alice, bob) = (identity(1), identity(2));
    let invite = invite(&alice);
    let link = invite.to_link(&alice).unwrap();
    assert!(link.starts_with("ahoy:"));
    assert!(link.len() < 700, "fits a QR code: {}", link.len());
    assert!(Invite::from_link(&link, bob.key(), NOW).unwrap() == invite);
    assert!(Invite::from_link(&format!(" {link}\n"), bob.key(), NOW).unwrap() == invite);
}

#[test]
fn an_expired_or_own_invite_says_so() {
    let alice = identity(1);
    let link = invite(&alice).to_link(&alice).unwrap();
    let late = Invite::from_link(&link, identity(2).key(), NOW + 100).err();
    assert_eq!(late, Some(InviteError::Expired));
    assert_eq!(Invite::from_link(&link, alice.key(), NOW).err(), Some(InviteError::Own));
}

#[test]
fn a_foreign_signature_is_refused() {
    let (alice, mallory) = (identity(1), identity(3));
    let forged = invite(&alice).to_link(&mallory).unwrap();
    let error = Invite::from_link(&forged, identity(2).key(), NOW).err();
    assert_eq!(error, Some(InviteError::Forged));
    let renamed = forged.replace(&mallory.key().to_string(), &alice.key().to_string());
    let error = Invite::from_link(&renamed, identity(2).key(), NOW).err();
    assert_eq!(error, Some(InviteError::Forged));
}

#[test]
fn a_damaged_invite_is_refused_whatever_byte_is_hit() {
    let (alice, bob) = (identity(1), identity(2));
    let link = invite(&alice).to_link(&alice).unwrap();
    for index in 0..link.len() {
        let mut damaged = link.clone().into_bytes();
        damaged[index] = if damaged[index] == b'A' { b'B' } else { b'A' };
        let Ok(damaged) = String::from_utf8(damaged) else {
            continue;
        };
        assert!(Invite::from_link(&damaged, bob.key(), NOW).is_err(), "byte {index}");
    }
    for length in 0..link.len() {
        assert!(Invite::from_link(&link[..length], bob.key(), NOW).is_err());
    }
}

#[test]
fn an_address_survives_its_text_and_bad_ones_are_refused() {
    let key = identity(4).key();
    assert_eq!(key.to_string().len(), 52);
    assert_eq!(key.to_string().parse::<IdentityKey>().unwrap(), key);
    assert!("abc".parse::<IdentityKey>().is_err());
}

#[test]
fn the_safety_number_is_the_same_for_both_and_differs_for_others() {
    let (a, b, c) = (identity(1).key(), identity(2).key(), identity(3).key());
    assert_eq!(safety_number(a, b), safety_number(b, a));
    assert_eq!(safety_number(a, b).len(), 60);
    assert_ne!(safety_number(a, b), safety_number(a, c));
}

#[test]
fn a_device_outside_the_signed_list_is_not_certified() {
    let alice = identity(1);
    let (mine, other) = (Secret([9; 32]).device_key(), Secret([8; 32]).device_key());
    let list = alice.certify(1, vec![mine]);
    assert!(list.certifies(mine));
    assert!(!list.certifies(other));
    let mut renumbered = list.clone();
    renumbered.number = 2;
    assert!(!renumbered.certifies(mine));
    let mut added = list;
    added.devices.push(other);
    assert!(!added.certifies(other));
}
