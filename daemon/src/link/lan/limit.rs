//! How many strangers may come, and how fast.
//!
//! Owns: a token bucket per network and a number of places. Does not own: a socket or the clock;
//! the time since the start is an argument. 64 places and 20 new connections/s per /24 or /64, as
//! link.md says; a handshake costs 0.25 ms, so even 64 networks at full rate leave a core idle.
//! Invariant: memory is bounded by [`NETWORKS`], whoever comes.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

/// Incoming connections at the same time.
pub const PLACES: usize = 64;
/// New connections per second of one network, also the most at once.
pub const RATE: u32 = 20;
/// Networks remembered. Beyond that the fullest buckets, which mean nothing, are forgotten.
const NETWORKS: usize = 1024;
/// Tokens are counted in these parts, so that no fraction is lost.
const PARTS: u64 = 1_000_000;

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All places are taken.
    Full,
    /// Its network comes too fast.
    TooFast,
}

/// A place that is free again when this is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "counted by being held")] Arc<()>);

#[derive(Debug)]
struct Bucket {
    parts: u64,
    filled_at: Duration,
}

/// Admits connections.
#[derive(Debug, Default)]
pub struct Limiter {
    places: Arc<()>,
    buckets: HashMap<IpAddr, Bucket>,
}

impl Limiter {
    /// Whether a connection from `address` may come now; `now` never goes back.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn admit(&mut self, address: IpAddr, now: Duration) -> Result<Place, Refused> {
        if Arc::strong_count(&self.places) > PLACES {
            return Err(Refused::Full);
        }
        let network = network(address);
        if !self.buckets.contains_key(&network) && self.buckets.len() >= NETWORKS {
            self.forget(now);
        }
        let full = u64::from(RATE) * PARTS;
        let bucket = self.buckets.entry(network).or_insert(Bucket {
            parts: full,
            filled_at: now,
        });
        bucket.parts = filled(bucket, now);
        bucket.filled_at = now;
        if bucket.parts < PARTS {
            return Err(Refused::TooFast);
        }
        bucket.parts -= PARTS;
        Ok(Place(Arc::clone(&self.places)))
    }

    /// Forgets networks whose bucket is full again; if none is, the one that is nearest to it.
    fn forget(&mut self, now: Duration) {
        let full = u64::from(RATE) * PARTS;
        self.buckets.retain(|_, bucket| filled(bucket, now) < full);
        if self.buckets.len() >= NETWORKS {
            let fullest = self
                .buckets
                .iter()
                .max_by_key(|(_, bucket)| filled(bucket, now))
                .map(|(network, _)| *network);
            if let Some(network) = fullest {
                self.buckets.remove(&network);
            }
        }
    }
}

/// What a bucket holds now: one token is [`PARTS`], and comes in 1/[`RATE`] s.
fn filled(bucket: &Bucket, now: Duration) -> u64 {
    let passed = now.saturating_sub(bucket.filled_at);
    let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
    let gained = micros.saturating_mul(u64::from(RATE));
    bucket
        .parts
        .saturating_add(gained)
        .min(u64::from(RATE) * PARTS)
}

/// The /24 or /64 that an address belongs to.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & 0xffff_ff00).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_network_gets_20_at_once_and_then_one_every_50_ms() {
        let mut limiter = Limiter::default();
        for host in 0..20_u8 {
            limiter
                .admit(IpAddr::from([192, 0, 2, host]), at(0))
                .expect("within the rate");
        }
        assert_eq!(
            limiter.admit(ip("192.0.2.200"), at(49)).err(),
            Some(Refused::TooFast)
        );
        limiter.admit(ip("192.0.2.200"), at(50)).expect("one more");
        assert_eq!(
            limiter.admit(ip("192.0.2.201"), at(50)).err(),
            Some(Refused::TooFast)
        );
        limiter
            .admit(ip("192.0.3.1"), at(50))
            .expect("another network");
        for _ in 0..20 {
            limiter
                .admit(ip("192.0.2.1"), at(5_000))
                .expect("full again, and no fuller");
        }
        assert_eq!(
            limiter.admit(ip("192.0.2.1"), at(5_000)).err(),
            Some(Refused::TooFast)
        );
    }

    #[test]
    fn a_64_counts_as_one_and_mapped_addresses_as_their_ipv4() {
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:2")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:192.0.2.7")), ip("192.0.2.0"));
    }

    #[test]
    fn the_65th_waits_until_a_place_is_free() {
        let mut limiter = Limiter::default();
        let mut held: Vec<Place> = (0..64_u8)
            .map(|net| {
                limiter
                    .admit(IpAddr::from([10, 0, net, 1]), at(0))
                    .expect("a place")
            })
            .collect();
        assert_eq!(
            limiter.admit(ip("192.0.2.1"), at(0)).err(),
            Some(Refused::Full)
        );
        held.pop();
        limiter.admit(ip("192.0.2.1"), at(0)).expect("free again");
    }

    #[test]
    fn memory_is_bounded_and_a_flooder_is_not_forgotten_for_others() {
        let mut limiter = Limiter::default();
        for _ in 0..20 {
            limiter
                .admit(ip("198.51.100.1"), at(0))
                .expect("within the rate");
        }
        for number in 0..5_000_u32 {
            let network = IpAddr::from((0x0a00_0000 | number << 8).to_be_bytes());
            drop(limiter.admit(network, at(0)));
        }
        assert!(limiter.buckets.len() <= NETWORKS);
        assert_eq!(
            limiter.admit(ip("198.51.100.9"), at(0)).err(),
            Some(Refused::TooFast)
        );
    }
}
