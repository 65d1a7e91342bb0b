//! The key file and backups.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::Fixture;
use crate::store::{
    Backup, BackupError, Contact, Micros, Peer, PeerState, Secret,
    backup::{Cost, write_with_cost},
    keys::{Keys, KeysError},
    read_backup, write_backup,
};

/// The least Argon2 takes: these tests are about the format, not the cost.
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn keys_are_made_once_and_only_their_owner_can_read_them() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("secret/keys");
    let made = Keys::load_or_create(&path).expect("made");
    assert!(made == Keys::load_or_create(&path).expect("read"));
    assert!(made != Keys::generate().expect("others"));
    assert_eq!((mode(&path), mode(path.parent().expect("parent"))), (0o600, 0o700));
    let names: Vec<_> = fs::read_dir(path.parent().expect("parent")).expect("list").collect();
    assert_eq!(names.len(), 1, "nothing but the key file is left");
}

#[test]
fn a_key_file_that_others_can_read_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("secret/keys");
    let made = Keys::load_or_create(&path).expect("made");
    set_mode(&path, 0o640);
    let error = Keys::load_or_create(&path).map(drop).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("640") && text.contains("chmod 600"), "{text}");
    set_mode(&path, 0o600);
    set_mode(path.parent().expect("parent"), 0o755);
    let error = Keys::load_or_create(&path).map(drop).expect_err("refused");
    assert!(matches!(error, KeysError::Exposed { wanted: 0o700, .. }), "{error}");
    set_mode(path.parent().expect("parent"), 0o700);
    assert!(made == Keys::load_or_create(&path).expect("read"));
}

#[test]
fn a_key_file_that_cannot_be_read_is_never_replaced() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("keys");
    set_mode(directory.path(), 0o700);
    for content in ["", "ahoy-keys 1\n", "ahoy-keys 2\n", &"x".repeat(500)] {
        fs::write(&path, content).expect("write");
        set_mode(&path, 0o600);
        let error = Keys::load_or_create(&path).map(drop).expect_err("refused");
        assert!(matches!(error, KeysError::Format { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("read"), content);
    }
    let exists = Keys::generate().expect("keys").store(&path);
    assert!(matches!(exists, Err(KeysError::Exists { .. })));
    fs::remove_file(&path).expect("remove");
    std::os::unix::fs::symlink("/dev/zero", &path).expect("link");
    assert!(Keys::load_or_create(&path).is_err(), "a link is not followed");
}

fn filled() -> (Fixture, Keys) {
    let mut fixture = Fixture::new();
    let contact = Contact { name: "Alice".to_owned(), ..Contact::default() };
    let contact = fixture.store.put_contact(&contact).expect("put");
    fixture
        .store
        .put_peer(&Peer {
            contact,
            identity: [1; 32],
            secret: Secret::new([3; 32]),
            state: PeerState::Joined,
            expires_at: Micros(0),
            devices: vec![5],
            hints: vec!["198.51.100.7:1".to_owned()],
            verified: true,
        })
        .expect("peer");
    (fixture, Keys::generate().expect("keys"))
}

#[test]
fn a_backup_restores_keys_contacts_and_peers_elsewhere() {
    let (fixture, keys) = filled();
    let mut file = Vec::new();
    let backup = Backup::collect(&keys, &fixture.store).expect("collect");
    write_with_cost(&backup, "correct horse", &mut file, CHEAP).expect("write");

    let mut elsewhere = Fixture::new();
    let read = read_backup(&mut &file[..], "correct horse").expect("read");
    assert!(read.keys == keys);
    read.restore(&mut elsewhere.store).expect("restore");
    assert!(elsewhere.store.peers().expect("peers") == fixture.store.peers().expect("peers"));
    assert_eq!(
        elsewhere.store.search_contacts("", 10).expect("contacts"),
        fixture.store.search_contacts("", 10).expect("contacts"),
    );
    assert!(!file.windows(5).any(|bytes| bytes == b"Alice"), "nothing is readable");
}

#[test]
fn a_wrong_passphrase_and_a_changed_file_are_refused() {
    let (fixture, keys) = filled();
    let backup = Backup::collect(&keys, &fixture.store).expect("collect");
    let mut file = Vec::new();
    write_with_cost(&backup, "right", &mut file, CHEAP).expect("write");
    let read = |file: &[u8], passphrase| read_backup(&mut &*file, passphrase).map(drop);
    assert!(matches!(read(&file, "wrong"), Err(BackupError::WrongPassphrase)));
    assert!(matches!(read(&file[..20], "right"), Err(BackupError::Format)));
    assert!(matches!(read(b"hello", "right"), Err(BackupError::Format)));
    for at in [30, 50, file.len() - 1] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(matches!(read(&changed, "right"), Err(BackupError::WrongPassphrase)), "{at}");
    }
    let mut hostile = file.clone();
    hostile[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read(&hostile, "right"), Err(BackupError::Cost { .. })));
    let empty = write_backup(&backup, "", &mut Vec::new());
    assert!(matches!(empty, Err(BackupError::EmptyPassphrase)));
}

#[test]
fn the_shipped_cost_is_at_least_what_rfc_9106_asks_for() {
    let (fixture, keys) = filled();
    let backup = Backup::collect(&keys, &fixture.store).expect("collect");
    let mut file = Vec::new();
    write_backup(&backup, "correct horse", &mut file).expect("write");
    let kib = u32::from_le_bytes(file[12..16].try_into().expect("four bytes"));
    let passes = u32::from_le_bytes(file[16..20].try_into().expect("four bytes"));
    assert!(kib >= 64 * 1024 && passes >= 3);
    assert!(read_backup(&mut &file[..], "correct horse").expect("read").keys == keys);
}
