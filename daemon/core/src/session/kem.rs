//! ML-KEM-768 (FIPS 203) as two steps of the handshake.
//!
//! Owns: key generation, encapsulation, decapsulation behind plain byte arrays. Does not own: where
//! the result is mixed in. Invariant: a malformed key or ciphertext is an error, never a panic.

use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use super::SessionError;

/// Encapsulation key, bytes.
pub const EK_LEN: usize = 1184;
/// Ciphertext, bytes.
pub const CT_LEN: usize = 1088;

/// The secret half, kept by the initiator until the answer comes.
pub(super) struct KemSecret(DecapsulationKey);

/// The shared secret; wiped on drop.
pub(super) type Shared = Zeroizing<Vec<u8>>;

/// A fresh key pair.
///
/// # Errors
/// [`SessionError::Kem`] when the system gives no randomness.
pub(super) fn generate() -> Result<(KemSecret, Vec<u8>), SessionError> {
    let secret = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| SessionError::Kem)?;
    let public = secret.encapsulation_key().map_err(|_| SessionError::Kem)?;
    let bytes = public.key_bytes().map_err(|_| SessionError::Kem)?.as_ref().to_vec();
    Ok((KemSecret(secret), bytes))
}

/// The responder's step: a ciphertext for the initiator and the shared secret.
///
/// # Errors
/// [`SessionError::Kem`] where `ek` is not a valid encapsulation key.
pub(super) fn encapsulate(ek: &[u8]) -> Result<(Vec<u8>, Shared), SessionError> {
    let key = EncapsulationKey::new(&ML_KEM_768, ek).map_err(|_| SessionError::Kem)?;
    let (ct, shared) = key.encapsulate().map_err(|_| SessionError::Kem)?;
    Ok((ct.as_ref().to_vec(), Zeroizing::new(shared.as_ref().to_vec())))
}

impl KemSecret {
    /// The initiator's step.
    ///
    /// # Errors
    /// [`SessionError::Kem`] where `ct` has the wrong length. A ciphertext of the right length that
    /// was tampered with gives another secret (implicit rejection) and the handshake fails after.
    pub(super) fn decapsulate(&self, ct: &[u8]) -> Result<Shared, SessionError> {
        let shared = self.0.decapsulate(Ciphertext::from(ct)).map_err(|_| SessionError::Kem)?;
        Ok(Zeroizing::new(shared.as_ref().to_vec()))
    }
}
