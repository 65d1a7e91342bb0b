//! An encrypted copy of keys, contacts and peers, for another disk or a new device.
//!
//! Owns: the format of the file. Does not own: where it lies or who asks for the passphrase.
//! Format: magic 12 B, Argon2id memory KiB, passes, lanes (u32 LE each), salt 16 B, nonce 12 B,
//! then JSON under ChaCha20-Poly1305 with all of the header as associated data.
//! Invariant: nothing of a file is used before all of it has been authenticated.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    contacts::Contact,
    error::StoreError,
    keys::Keys,
    open::Store,
    peers::{Peer, PeerState},
    types::{ContactId, Micros, Secret},
};

/// What the file begins with; the digit is the version of the format.
const MAGIC: &[u8; 12] = b"ahoy-backup1";
const HEADER: usize = 12 + 12 + 16 + 12;
/// RFC 9106's second recommendation (64 MiB, 3 passes, 4 lanes): fits a phone.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
/// What a file may ask of the reader: a hostile one must not take the machine's memory.
const MAX_COST: Cost = Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };
/// 10,000 contacts with long notes stay below this.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// How much work a guess of the passphrase takes.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

/// Why a backup could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Wrong passphrase, or someone changed the file: cryptography cannot tell which.
    #[error("the passphrase is wrong, or the file was changed")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty: choose one")]
    EmptyPassphrase,
    /// Not a backup, or one of a newer version.
    #[error("this is not a backup that this version can read")]
    Format,
    /// The header asks for more work or memory than any backup needs.
    #[error("the backup asks for {memory_kib} KiB of memory; it was not made by Ahoy")]
    Cost {
        /// What it asks for.
        memory_kib: u32,
    },
    /// Larger than any backup.
    #[error("the backup is larger than 64 MiB; it was not made by Ahoy")]
    TooLarge,
    /// Reading or writing failed.
    #[error("backup: {0}")]
    Io(#[from] io::Error),
    /// The kernel gave no random bytes.
    #[error("no random bytes from the kernel: {0}")]
    Random(#[from] getrandom::Error),
    /// The database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backup holds.
pub struct Backup {
    /// Identity and device.
    pub keys: Keys,
    /// The book.
    pub contacts: Vec<Contact>,
    /// The keys that go with it.
    pub peers: Vec<Peer>,
}

impl Backup {
    /// Everything that belongs into a backup.
    ///
    /// # Errors
    /// The database could not be read.
    pub fn collect(keys: &Keys, store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            keys: keys.clone(),
            contacts: store.search_contacts("", usize::MAX)?,
            peers: store.peers()?,
        })
    }

    /// Puts contacts and peers into the store, under the ids they had; what is there under other
    /// ids stays. The keys are the caller's to store.
    ///
    /// # Errors
    /// See [`StoreError`]; what was restored before it stays.
    pub fn restore(&self, store: &mut Store) -> Result<(), StoreError> {
        for contact in &self.contacts {
            store.restore_contact(contact)?;
        }
        for peer in &self.peers {
            store.put_peer(peer)?;
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    identity_seed: [u8; 32],
    device_secret: [u8; 32],
    contacts: Vec<Contact>,
    peers: Vec<PeerContent>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.identity_seed.zeroize();
        self.device_secret.zeroize();
        for peer in &mut self.peers {
            peer.secret.zeroize();
        }
    }
}

#[derive(Serialize, Deserialize)]
struct PeerContent {
    contact: ContactId,
    identity: [u8; 32],
    secret: [u8; 32],
    state: PeerState,
    expires_at: Micros,
    devices: Vec<u8>,
    hints: Vec<String>,
    /// Absent in copies of version 0.1.0.
    #[serde(default)]
    verified: bool,
}

/// Writes a backup under a passphrase.
///
/// # Errors
/// See [`BackupError`].
pub fn write_backup(
    backup: &Backup,
    passphrase: &str,
    out: &mut impl Write,
) -> Result<(), BackupError> {
    write_with_cost(backup, passphrase, out, COST)
}

pub(super) fn write_with_cost(
    backup: &Backup,
    passphrase: &str,
    out: &mut impl Write,
    cost: Cost,
) -> Result<(), BackupError> {
    if passphrase.is_empty() {
        return Err(BackupError::EmptyPassphrase);
    }
    let mut header = [0; HEADER];
    let (fixed, random) = header.split_at_mut(24);
    fixed[..12].copy_from_slice(MAGIC);
    fixed[12..16].copy_from_slice(&cost.memory_kib.to_le_bytes());
    fixed[16..20].copy_from_slice(&cost.passes.to_le_bytes());
    fixed[20..24].copy_from_slice(&cost.lanes.to_le_bytes());
    getrandom::fill(random)?;
    // The whole text is made before it is encrypted: a Vec that grows would leave copies behind.
    let content = content(backup);
    let mut json = Zeroizing::new(Vec::with_capacity(json_length(&content)?));
    serde_json::to_writer(&mut *json, &content).map_err(io::Error::from)?;
    let sealed = cipher(passphrase, &header, cost)?
        .encrypt(&nonce(&header), Payload { msg: &json, aad: &header })
        .map_err(|_| BackupError::TooLarge)?;
    out.write_all(&header)?;
    out.write_all(&sealed)?;
    Ok(out.flush()?)
}

/// Reads a backup.
///
/// # Errors
/// [`BackupError::WrongPassphrase`] and others; nothing was changed.
pub fn read_backup(input: &mut impl Read, passphrase: &str) -> Result<Backup, BackupError> {
    let mut file = Vec::new();
    input.take(MAX_FILE + 1).read_to_end(&mut file)?;
    if file.len() as u64 > MAX_FILE {
        return Err(BackupError::TooLarge);
    }
    let (header, sealed) = file
        .split_first_chunk::<HEADER>()
        .filter(|(header, _)| header.starts_with(MAGIC))
        .ok_or(BackupError::Format)?;
    let cost = Cost {
        memory_kib: number(header, 12),
        passes: number(header, 16),
        lanes: number(header, 20),
    };
    if cost.memory_kib > MAX_COST.memory_kib
        || cost.passes > MAX_COST.passes
        || cost.lanes > MAX_COST.lanes
    {
        return Err(BackupError::Cost { memory_kib: cost.memory_kib });
    }
    let json = cipher(passphrase, header, cost)?
        .decrypt(&nonce(header), Payload { msg: sealed, aad: header })
        .map(Zeroizing::new)
        .map_err(|_| BackupError::WrongPassphrase)?;
    let content: Content = serde_json::from_slice(&json).map_err(|_| BackupError::Format)?;
    Ok(backup(&content))
}

fn cipher(
    passphrase: &str,
    header: &[u8; HEADER],
    cost: Cost,
) -> Result<ChaCha20Poly1305, BackupError> {
    let mut key = Zeroizing::new([0; 32]);
    let refused = |_| BackupError::Cost { memory_kib: cost.memory_kib };
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(refused)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &header[24..40], &mut *key)
        .map_err(refused)?;
    Ok(ChaCha20Poly1305::new((&*key).into()))
}

fn nonce(header: &[u8; HEADER]) -> chacha20poly1305::Nonce {
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&header[40..]);
    nonce.into()
}

fn number(header: &[u8; HEADER], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

fn json_length(content: &Content) -> Result<usize, BackupError> {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, content).map_err(io::Error::from)?;
    Ok(count.0)
}

fn content(backup: &Backup) -> Content {
    Content {
        identity_seed: *backup.keys.identity_seed.expose(),
        device_secret: *backup.keys.device_secret.expose(),
        contacts: backup.contacts.clone(),
        peers: backup
            .peers
            .iter()
            .map(|peer| PeerContent {
                contact: peer.contact.clone(),
                identity: peer.identity,
                secret: *peer.secret.expose(),
                state: peer.state,
                expires_at: peer.expires_at,
                devices: peer.devices.clone(),
                hints: peer.hints.clone(),
                verified: peer.verified,
            })
            .collect(),
    }
}

fn backup(content: &Content) -> Backup {
    Backup {
        keys: Keys {
            identity_seed: Secret::new(content.identity_seed),
            device_secret: Secret::new(content.device_secret),
        },
        contacts: content.contacts.clone(),
        peers: content
            .peers
            .iter()
            .map(|peer| Peer {
                contact: peer.contact.clone(),
                identity: peer.identity,
                secret: Secret::new(peer.secret),
                state: peer.state,
                expires_at: peer.expires_at,
                devices: peer.devices.clone(),
                hints: peer.hints.clone(),
                verified: peer.verified,
            })
            .collect(),
    }
}
