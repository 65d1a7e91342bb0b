//! Epochs of media keys: a fresh KKpsk0 handshake for each, chained to the one before.
//!
//! Owns: the handshake of an epoch and its sealing state. Does not own: when a new epoch is due or
//! which one a packet belongs to. Invariant: an epoch's psk depends on every handshake before it,
//! so that the ML-KEM share of the first protects them all (design/link.md, "rekey").

use snow::HandshakeState;

use super::{
    DeviceKey, Secret, SessionError, derive,
    handshake::{Chain, Keys, builder, read, refused, write},
};

const SUITE: &str = "Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s";

/// Sealing and opening the media of one epoch.
pub struct EpochKeys {
    keys: Keys,
    number: u32,
}

/// The initiating side between the two messages.
pub struct EpochInitiator {
    noise: HandshakeState,
    psk: Secret,
    number: u32,
}

fn prologue(number: u32) -> Vec<u8> {
    let mut prologue = b"ahoy 1 epoch ".to_vec();
    prologue.extend_from_slice(&number.to_be_bytes());
    prologue
}

fn psk(chain: &Chain, number: u32) -> Secret {
    derive(b"ahoy epoch psk", &chain.0.0, &number.to_be_bytes())
}

fn finish(
    noise: HandshakeState,
    psk: &Secret,
    number: u32,
) -> Result<(EpochKeys, Chain), SessionError> {
    let chain = Chain(derive(b"ahoy chain", &psk.0, noise.get_handshake_hash()));
    Ok((EpochKeys { keys: Keys::new(noise)?, number }, chain))
}

impl EpochInitiator {
    /// Starts epoch `number` with `peer`; gives the message for the other side.
    ///
    /// # Errors
    /// [`SessionError`] when the system gives no randomness.
    pub fn start(
        own: &Secret,
        peer: DeviceKey,
        chain: &Chain,
        number: u32,
    ) -> Result<(Self, Vec<u8>), SessionError> {
        let psk = psk(chain, number);
        let prologue = prologue(number);
        let mut noise = builder(SUITE, &prologue, own)?
            .remote_public_key(&peer.0)
            .and_then(|builder| builder.psk(0, &psk.0))
            .map_err(refused)?
            .build_initiator()
            .map_err(refused)?;
        let message = write(&mut noise, &[])?;
        Ok((Self { noise, psk, number }, message))
    }

    /// Which epoch this is.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`SessionError::Authentication`] for anything but the true answer.
    pub fn finish(mut self, message: &[u8]) -> Result<(EpochKeys, Chain), SessionError> {
        read(&mut self.noise, message)?;
        finish(self.noise, &self.psk, self.number)
    }
}

/// The responding side: reads the first message, gives the keys, the next chain and the answer.
///
/// # Errors
/// [`SessionError::Authentication`] where the message is not from `peer` in this chain.
pub fn respond_epoch(
    own: &Secret,
    peer: DeviceKey,
    chain: &Chain,
    number: u32,
    message: &[u8],
) -> Result<(EpochKeys, Chain, Vec<u8>), SessionError> {
    let psk = psk(chain, number);
    let prologue = prologue(number);
    let mut noise = builder(SUITE, &prologue, own)?
        .remote_public_key(&peer.0)
        .and_then(|builder| builder.psk(0, &psk.0))
        .map_err(refused)?
        .build_responder()
        .map_err(refused)?;
    read(&mut noise, message)?;
    let answer = write(&mut noise, &[])?;
    let (keys, chain) = finish(noise, &psk, number)?;
    Ok((keys, chain, answer))
}

impl EpochKeys {
    /// Which epoch this is; the first of a session is 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Packets sealed so far.
    #[must_use]
    pub const fn sealed(&self) -> u64 {
        self.keys.sealed()
    }

    /// Seals `plain` onto the end of `out`; gives the counter that must travel with it.
    ///
    /// # Errors
    /// [`SessionError::Exhausted`] or [`SessionError::Length`].
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<u64, SessionError> {
        self.keys.seal(plain, out)
    }

    /// Opens `sealed` into `out`, replacing what was there.
    ///
    /// # Errors
    /// [`SessionError`]; nothing changes then.
    pub fn open(
        &mut self,
        counter: u64,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.keys.open(counter, sealed, out)
    }
}
