//! The identity key of a person and the signed list of their devices.
//!
//! Owns: Ed25519 signatures and their contexts, the address, the safety number. Does not own: the
//! keys' storage. Invariant: every signature is over a context string of its own, so none can stand
//! for another.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha512};

use crate::{
    id::TextError,
    session::{DeviceKey, Secret},
};

/// A person has at most this many devices.
pub const MAX_DEVICES: usize = 8;
/// Rounds of the safety number's hash: slows the search for a look-alike key.
const SAFETY_ROUNDS: u32 = 5200;

/// A person: the public half of their identity key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentityKey(pub [u8; 32]);

impl IdentityKey {
    /// Checks `signature` over `context` and `message`.
    #[must_use]
    pub fn verifies(&self, context: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else {
            return false;
        };
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        key.verify_strict(&with_context(context, message), &signature).is_ok()
    }
}

/// The address without its scheme: z-base-32 of the key.
impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&z32::encode(&self.0))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identity {}…", &z32::encode(&self.0)[..4])
    }
}

impl FromStr for IdentityKey {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let bytes = z32::decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let why = "an Ahoy address is 52 characters of z-base-32";
        bytes.map(Self).ok_or(TextError::Form { what: "address", why })
    }
}

fn with_context(context: &[u8], message: &[u8]) -> Vec<u8> {
    let mut signed = b"ahoy 1 ".to_vec();
    signed.extend_from_slice(context);
    signed.push(0);
    signed.extend_from_slice(message);
    signed
}

/// Our own identity: the secret half. The signing key wipes itself; never printed.
pub struct Identity {
    signing: SigningKey,
}

impl Identity {
    /// From the 32-byte seed that the store keeps.
    #[must_use]
    pub fn from_seed(seed: &Secret) -> Self {
        Self { signing: SigningKey::from_bytes(&seed.0) }
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> IdentityKey {
        IdentityKey(self.signing.verifying_key().to_bytes())
    }

    /// Signs `message` for one purpose.
    #[must_use]
    pub fn sign(&self, context: &[u8], message: &[u8]) -> Vec<u8> {
        self.signing.sign(&with_context(context, message)).to_bytes().to_vec()
    }

    /// Signs a device list. `number` must grow with every change.
    #[must_use]
    pub fn certify(&self, number: u64, devices: Vec<DeviceKey>) -> SignedDevices {
        let identity = self.key();
        let signature = self.sign(DEVICES, &SignedDevices::message(number, &devices));
        SignedDevices { identity, number, devices, signature }
    }
}

const DEVICES: &[u8] = b"device list";

/// A person's devices, signed by their identity key: the certificate of each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDevices {
    /// Whose devices.
    pub identity: IdentityKey,
    /// Grows with every change; an older list never replaces a newer one.
    pub number: u64,
    /// At most [`MAX_DEVICES`].
    pub devices: Vec<DeviceKey>,
    /// Ed25519, 64 bytes.
    signature: Vec<u8>,
}

impl SignedDevices {
    fn message(number: u64, devices: &[DeviceKey]) -> Vec<u8> {
        let mut message = number.to_be_bytes().to_vec();
        for device in devices {
            message.extend_from_slice(&device.0);
        }
        message
    }

    /// Its bytes, for the store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A list of at most eight keys always has an encoding.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` where it is damaged.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Whether the list is signed by its identity and names `device`.
    #[must_use]
    pub fn certifies(&self, device: DeviceKey) -> bool {
        self.devices.len() <= MAX_DEVICES
            && self.devices.contains(&device)
            && self.identity.verifies(
                DEVICES,
                &Self::message(self.number, &self.devices),
                &self.signature,
            )
    }
}

/// Sixty digits that are the same on both sides exactly when both see each other's true key.
#[must_use]
pub fn safety_number(a: IdentityKey, b: IdentityKey) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut digits = String::with_capacity(60);
    for key in [low, high] {
        let mut hash = Sha512::digest(key.0);
        for _ in 1..SAFETY_ROUNDS {
            let mut next = Sha512::new();
            next.update(hash);
            next.update(key.0);
            hash = next.finalize();
        }
        for chunk in hash.chunks_exact(5).take(6) {
            let value = chunk.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            digits.push_str(&format!("{:05}", value % 100_000));
        }
    }
    digits
}
