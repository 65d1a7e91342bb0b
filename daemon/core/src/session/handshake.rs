//! The first handshake of a session: IK with the pair's secret and ML-KEM-768.
//!
//! Owns: both sides of message 1 and 2 and the session keys that follow. Does not own: what the
//! payloads mean. Invariant: psk1 is known before message 1 is read (else "not my contact" could
//! not be told without work), and psk2 binds the ML-KEM share to its two public halves.
//!
//! Message 1 = Noise message 1 with payload {ek, caller's payload}. Message 2 = ct then Noise
//! message 2. Noise rev 34, section 9 (psk modifiers); construction measured in research/net.md.

use snow::{Builder, HandshakeState, StatelessTransportState, params::NoiseParams};

use super::{
    CT_LEN, DeviceKey, EK_LEN, ReplayWindow, Secret, SessionError, derive,
    kem::{self, KemSecret},
};

const SUITE: &str = "Noise_IKpsk1+psk2_25519_ChaChaPoly_BLAKE2s";
/// Version and suite: a peer that was made to believe in another one cannot finish.
const PROLOGUE: &[u8] = b"ahoy 1 Noise_IKpsk1+psk2_25519_ChaChaPoly_BLAKE2s ML-KEM-768";
/// A Noise message is at most 65,535 bytes (rev 34, section 3).
const MAX_NOISE: usize = 65_535;
/// After this many packets a key seals no more.
const EXHAUSTED: u64 = 1 << 32;

/// The secret that the next epoch's keys are chained to; keeps the ML-KEM share in all of them.
#[derive(Clone)]
pub struct Chain(pub(super) Secret);

pub(super) fn builder<'a>(
    suite: &str,
    prologue: &'a [u8],
    own: &'a Secret,
) -> Result<Builder<'a>, SessionError> {
    let params: NoiseParams = suite.parse().map_err(|_| SessionError::Authentication)?;
    Builder::new(params)
        .prologue(prologue)
        .and_then(|builder| builder.local_private_key(&own.0))
        .map_err(refused)
}

pub(super) fn refused(_: snow::Error) -> SessionError {
    SessionError::Authentication
}

/// psk2: HKDF of the ML-KEM secret, bound to the exchange it came from.
fn psk2(shared: &[u8], ek: &[u8], ct: &[u8]) -> Secret {
    let mut exchange = Vec::with_capacity(ek.len() + ct.len());
    exchange.extend_from_slice(ek);
    exchange.extend_from_slice(ct);
    derive(b"ahoy psk2", shared, &exchange)
}

/// The calling side between message 1 and message 2.
pub struct Initiator {
    noise: HandshakeState,
    kem: KemSecret,
    ek: Vec<u8>,
}

impl Initiator {
    /// Writes message 1 for the device `peer` of a pair that shares `pair`.
    ///
    /// # Errors
    /// [`SessionError`] when the system gives no randomness or the payload is too long.
    pub fn start(
        own: &Secret,
        peer: DeviceKey,
        pair: &Secret,
        payload: &[u8],
    ) -> Result<(Self, Vec<u8>), SessionError> {
        let (kem, ek) = kem::generate()?;
        let mut noise = builder(SUITE, PROLOGUE, own)?
            .remote_public_key(&peer.0)
            .and_then(|builder| builder.psk(1, &pair.0))
            .map_err(refused)?
            .build_initiator()
            .map_err(refused)?;
        let mut inner = ek.clone();
        inner.extend_from_slice(payload);
        let message = write(&mut noise, &inner)?;
        Ok((Self { noise, kem, ek }, message))
    }

    /// Reads message 2 and gives the session and the answer's payload.
    ///
    /// # Errors
    /// [`SessionError::Authentication`] for anything but the true answer.
    pub fn finish(mut self, message: &[u8]) -> Result<(Established, Vec<u8>), SessionError> {
        let (ct, noise) = message.split_at_checked(CT_LEN).ok_or(SessionError::Length)?;
        let psk = psk2(&self.kem.decapsulate(ct)?, &self.ek, ct);
        self.noise.set_psk(2, &psk.0).map_err(refused)?;
        let payload = read(&mut self.noise, noise)?;
        Ok((Established::new(self.noise, &psk)?, payload))
    }
}

/// The called side after message 1: the caller is who it says it is (its static key is proven by
/// `ss`), but may be a replay until the session's first packet.
pub struct Responder {
    noise: HandshakeState,
    ek: Vec<u8>,
    caller: DeviceKey,
}

/// Message 1, opened.
pub struct Opened {
    /// To answer with.
    pub responder: Responder,
    /// The caller's payload.
    pub payload: Vec<u8>,
}

impl Responder {
    /// Opens message 1 under the secret of one pair.
    ///
    /// # Errors
    /// [`SessionError::Authentication`] where it is not from someone who holds that secret.
    pub fn open(own: &Secret, pair: &Secret, message: &[u8]) -> Result<Opened, SessionError> {
        let mut noise = builder(SUITE, PROLOGUE, own)?
            .psk(1, &pair.0)
            .map_err(refused)?
            .build_responder()
            .map_err(refused)?;
        let mut inner = read(&mut noise, message)?;
        if inner.len() < EK_LEN {
            return Err(SessionError::Length);
        }
        let payload = inner.split_off(EK_LEN);
        let key = noise.get_remote_static().and_then(|key| key.try_into().ok());
        let caller = DeviceKey(key.ok_or(SessionError::Authentication)?);
        Ok(Opened { responder: Self { noise, ek: inner, caller }, payload })
    }

    /// The caller's device.
    #[must_use]
    pub const fn caller(&self) -> DeviceKey {
        self.caller
    }

    /// Writes message 2 and gives the session.
    ///
    /// # Errors
    /// [`SessionError::Kem`] where the caller's share is malformed.
    pub fn finish(mut self, payload: &[u8]) -> Result<(Established, Vec<u8>), SessionError> {
        let (mut message, shared) = kem::encapsulate(&self.ek)?;
        let psk = psk2(&shared, &self.ek, &message);
        self.noise.set_psk(2, &psk.0).map_err(refused)?;
        let noise = write(&mut self.noise, payload)?;
        message.extend_from_slice(&noise);
        Ok((Established::new(self.noise, &psk)?, message))
    }
}

pub(super) fn write(noise: &mut HandshakeState, payload: &[u8]) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![0; MAX_NOISE.min(payload.len() + 256)];
    let length = noise.write_message(payload, &mut message).map_err(|_| SessionError::Length)?;
    message.truncate(length);
    Ok(message)
}

pub(super) fn read(noise: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, SessionError> {
    if message.len() > MAX_NOISE {
        return Err(SessionError::Length);
    }
    let mut payload = vec![0; message.len()];
    let length = noise.read_message(message, &mut payload).map_err(refused)?;
    payload.truncate(length);
    Ok(payload)
}

/// Sealing and opening under the keys of one handshake, with our own counters.
pub(super) struct Keys {
    transport: StatelessTransportState,
    next: u64,
    window: ReplayWindow,
}

impl Keys {
    pub(super) fn new(noise: HandshakeState) -> Result<Self, SessionError> {
        let transport = noise.into_stateless_transport_mode().map_err(refused)?;
        Ok(Self { transport, next: 0, window: ReplayWindow::default() })
    }

    /// Seals `plain` onto the end of `out` and gives the counter it was sealed under.
    pub(super) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<u64, SessionError> {
        let counter = self.next;
        if counter >= EXHAUSTED {
            return Err(SessionError::Exhausted);
        }
        let start = out.len();
        out.resize(start + plain.len() + super::TAG_LEN, 0);
        let length = self
            .transport
            .write_message(counter, plain, &mut out[start..])
            .map_err(|_| SessionError::Length)?;
        out.truncate(start + length);
        self.next += 1;
        Ok(counter)
    }

    /// Opens `sealed` into `out`, replacing what was there.
    pub(super) fn open(
        &mut self,
        counter: u64,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        if counter >= EXHAUSTED {
            return Err(SessionError::Exhausted);
        }
        if !self.window.is_fresh(counter) {
            return Err(SessionError::Replay);
        }
        out.resize(sealed.len(), 0);
        let length = self.transport.read_message(counter, sealed, out).map_err(refused)?;
        out.truncate(length);
        self.window.mark(counter);
        Ok(())
    }

    pub(super) const fn sealed(&self) -> u64 {
        self.next
    }
}

/// The session that signalling runs in after the handshake.
pub struct Established {
    keys: Keys,
    chain: Chain,
}

impl Established {
    fn new(noise: HandshakeState, psk2: &Secret) -> Result<Self, SessionError> {
        let chain = Chain(derive(b"ahoy chain", &psk2.0, noise.get_handshake_hash()));
        Ok(Self { keys: Keys::new(noise)?, chain })
    }

    /// The secret that the first media epoch is chained to.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Seals one signalling message: counter (8 B, big-endian) and ciphertext.
    ///
    /// # Errors
    /// [`SessionError::Exhausted`] or [`SessionError::Length`].
    pub fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, SessionError> {
        let mut out = vec![0; 8];
        let counter = self.keys.seal(plain, &mut out)?;
        out[..8].copy_from_slice(&counter.to_be_bytes());
        Ok(out)
    }

    /// Opens one signalling message.
    ///
    /// # Errors
    /// [`SessionError`]; nothing changes.
    pub fn open(&mut self, message: &[u8]) -> Result<Vec<u8>, SessionError> {
        let (counter, sealed) = message.split_first_chunk::<8>().ok_or(SessionError::Length)?;
        let mut plain = Vec::new();
        self.keys.open(u64::from_be_bytes(*counter), sealed, &mut plain)?;
        Ok(plain)
    }
}
