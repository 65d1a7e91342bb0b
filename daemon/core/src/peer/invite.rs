//! The invite: one link that lets its reader become a contact.
//!
//! Owns: its content, text form, signature, expiry. Does not own: whether it was used (the issuer's
//! store knows). Invariant: a link that parses was signed by the identity it names and has not been
//! altered in any byte.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::identity::{Identity, IdentityKey, SignedDevices};
use crate::session::{DeviceKey, Secret};

const CONTEXT: &[u8] = b"invite";
const MARK: &str = "#v1.";
/// The longest link we read, bytes; ours have about 500 characters.
const MAX_LINK: usize = 4096;
/// The longest name hint, bytes.
const MAX_NAME: usize = 100;

/// Why an invite is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Not an invite link at all, or damaged.
    #[error(
        "this is not a whole Ahoy invite link; copy it again from its first to its last character"
    )]
    Damaged,
    /// Signed by another key than it names, or altered.
    #[error("this invite was altered or is not from the person it names; ask them for a new one")]
    Forged,
    /// Its time is over.
    #[error("this invite has expired; ask for a new one")]
    Expired,
    /// It was single-use and somebody has used it.
    #[error("this invite has been used already; ask for a new one")]
    Used,
    /// It is our own.
    #[error("this invite is your own; send it to the person you want to call")]
    Own,
    /// The issuer does not know it: revoked, or of another machine.
    #[error("the other side does not know this invite; ask for a new one")]
    Unknown,
}

/// What an invite says. Its secret is wiped on drop and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Invite {
    /// Who invites, and their devices; the first is the issuing one.
    #[zeroize(skip)]
    pub devices: SignedDevices,
    /// The first secret of the pair.
    pub secret: [u8; 32],
    /// Where the issuer's device listened when it wrote this.
    #[zeroize(skip)]
    pub hints: Vec<SocketAddr>,
    /// Homes of the issuer; none on a LAN.
    pub homes: Vec<String>,
    /// Seconds since the epoch.
    pub expires_at: u64,
    /// Whether it serves one person only.
    pub single_use: bool,
    /// How the issuer calls themselves.
    pub name: String,
}

/// What the issuer keeps of an invite.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedInvite {
    /// The first secret of the pair; found by its tag.
    pub secret: Secret,
    /// Seconds since the epoch.
    pub expires_at: u64,
    /// Whether it serves one person only.
    pub single_use: bool,
    /// Whether somebody used it.
    pub used: bool,
    /// Who used it last: their repeated join (a lost welcome) is let through.
    pub used_by: Option<IdentityKey>,
    /// How the issuer signed it.
    pub name: String,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    invite: Vec<u8>,
    signature: Vec<u8>,
}

impl Invite {
    /// The link, signed by the issuer.
    ///
    /// # Errors
    /// [`InviteError::Damaged`] where the content has no encoding.
    pub fn to_link(&self, issuer: &Identity) -> Result<String, InviteError> {
        let invite = postcard::to_allocvec(self).map_err(|_| InviteError::Damaged)?;
        let signature = issuer.sign(CONTEXT, &invite);
        let signed = postcard::to_allocvec(&Signed { invite, signature })
            .map_err(|_| InviteError::Damaged)?;
        Ok(format!("ahoy:{}{MARK}{}", issuer.key(), URL_SAFE_NO_PAD.encode(signed)))
    }

    /// Reads a link and checks its signature, at `unix_s` seconds since the epoch.
    ///
    /// # Errors
    /// [`InviteError`] says what is wrong and what to do.
    pub fn from_link(link: &str, own: IdentityKey, unix_s: u64) -> Result<Self, InviteError> {
        let link = link.trim();
        if link.len() > MAX_LINK {
            return Err(InviteError::Damaged);
        }
        let rest = link.strip_prefix("ahoy:").ok_or(InviteError::Damaged)?;
        let (address, payload) = rest.split_once(MARK).ok_or(InviteError::Damaged)?;
        let issuer: IdentityKey = address.parse().map_err(|_| InviteError::Damaged)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| InviteError::Damaged)?;
        let signed: Signed = postcard::from_bytes(&bytes).map_err(|_| InviteError::Damaged)?;
        if !issuer.verifies(CONTEXT, &signed.invite, &signed.signature) {
            return Err(InviteError::Forged);
        }
        let invite: Self =
            postcard::from_bytes(&signed.invite).map_err(|_| InviteError::Damaged)?;
        invite.check(issuer, own, unix_s)?;
        Ok(invite)
    }

    fn check(&self, issuer: IdentityKey, own: IdentityKey, now: u64) -> Result<(), InviteError> {
        let device = self.device().ok_or(InviteError::Damaged)?;
        if self.devices.identity != issuer || !self.devices.certifies(device) {
            return Err(InviteError::Forged);
        }
        if self.name.len() > MAX_NAME || self.hints.len() > 8 || self.homes.len() > 3 {
            return Err(InviteError::Damaged);
        }
        if issuer == own {
            return Err(InviteError::Own);
        }
        if self.expires_at <= now {
            return Err(InviteError::Expired);
        }
        Ok(())
    }

    /// The device that wrote the invite.
    #[must_use]
    pub fn device(&self) -> Option<DeviceKey> {
        self.devices.devices.first().copied()
    }
}

impl IssuedInvite {
    /// Whether `by` may use it now.
    ///
    /// # Errors
    /// [`InviteError::Used`] or [`InviteError::Expired`].
    pub fn check(&self, unix_s: u64, by: IdentityKey) -> Result<(), InviteError> {
        if self.single_use && self.used && self.used_by != Some(by) {
            return Err(InviteError::Used);
        }
        if self.expires_at <= unix_s {
            return Err(InviteError::Expired);
        }
        Ok(())
    }

    /// Whether somebody may still come with it.
    #[must_use]
    pub const fn is_open(&self, unix_s: u64) -> bool {
        self.expires_at > unix_s && !(self.single_use && self.used)
    }
}
