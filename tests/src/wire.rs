//! What goes over the wire.
//!
//! Owns: the capture and reading it. Does not own: what may be in it. Invariant: it sees every
//! packet of the ports it was given, both ways.

use std::{fs, path::PathBuf};

use rustix::process::Signal;

use crate::{Result, Stage, Trouble, process::Running, until};

/// A capture that goes on.
#[derive(Debug)]
pub struct Capture {
    running: Running,
    file: PathBuf,
}

/// What was captured.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// Payloads of UDP.
    pub datagrams: Vec<Vec<u8>>,
    /// Payloads of TCP.
    pub segments: Vec<Vec<u8>>,
}

/// Payload types of RTP that calls use inside the encryption.
const TYPES: [u8; 2] = [96, 97];

impl Capture {
    /// Captures what goes to or from these ports on the loopback interface.
    ///
    /// # Errors
    /// tcpdump is missing or may not.
    pub fn start(stage: &Stage, ports: &[u16]) -> Result<Self> {
        let file = stage.path("wire.pcap");
        let filter: Vec<String> = ports.iter().map(|port| format!("port {port}")).collect();
        let (path, filter) = (file.display().to_string(), filter.join(" or "));
        // Immediately: what waits in the kernel's ring at the end would be lost.
        let words = ["-i", "lo", "--immediate-mode", "-Z", "root", "-s", "0", "-U", "-B", "16384"];
        let words = [&words[..], &["-w", &path, &filter]].concat();
        let mut running = stage.spawn("tcpdump", &words)?;
        until("tcpdump", || {
            let ready = fs::read_to_string(stage.path("tcpdump.log")).unwrap_or_default();
            (ready.contains("listening on") || running.ended().is_some()).then_some(())
        })?;
        if let Some(status) = running.ended() {
            let why = fs::read_to_string(stage.path("tcpdump.log")).unwrap_or_default();
            return Err(Trouble::program("tcpdump", format!("{status}: {}", why.trim())));
        }
        Ok(Self { running, file })
    }

    /// Ends it.
    ///
    /// # Errors
    /// tcpdump does not end, or wrote nothing.
    pub fn finish(mut self) -> Result<Packets> {
        self.running.signal(Signal::INT);
        self.running.wait()?;
        let bytes = fs::read(&self.file).map_err(Trouble::io("the capture"))?;
        Ok(packets(&bytes))
    }
}

fn packets(bytes: &[u8]) -> Packets {
    let mut packets = Packets::default();
    let mut rest = bytes.get(24..).unwrap_or_default();
    while let Some(length) = rest.get(8..).and_then(|it| it.first_chunk::<4>()) {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(packet) = rest.get(16..16 + length) else { break };
        rest = rest.get(16 + length..).unwrap_or_default();
        // Ethernet's header is 14 bytes on the loopback interface as well.
        if let Some((protocol, payload)) = packet.get(14..).and_then(payload) {
            match protocol {
                17 => packets.datagrams.push(payload.to_vec()),
                6 if !payload.is_empty() => packets.segments.push(payload.to_vec()),
                _ => {}
            }
        }
    }
    packets
}

/// The protocol and the payload of an IPv4 packet.
fn payload(packet: &[u8]) -> Option<(u8, &[u8])> {
    let first = *packet.first()?;
    if first >> 4 != 4 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk::<2>()?));
    let inner = packet.get(usize::from(first & 15) * 4..length.min(packet.len()))?;
    let protocol = *packet.get(9)?;
    let skip = match protocol {
        17 => 8,
        6 => usize::from(inner.get(12)? >> 4) * 4,
        _ => return None,
    };
    Some((protocol, inner.get(skip..)?))
}

impl Packets {
    /// Datagrams that read as RTP of ours in clear: version 2 and a payload type of ours.
    #[must_use]
    pub fn clear_rtp(&self) -> usize {
        let fits =
            |it: &&Vec<u8>| it.len() >= 12 && it[0] >> 6 == 2 && TYPES.contains(&(it[1] & 0x7f));
        self.datagrams.iter().filter(fits).count()
    }

    /// Datagrams that begin as sealed media does.
    #[must_use]
    pub fn sealed(&self) -> usize {
        self.datagrams
            .iter()
            .filter(|it| it.first().is_some_and(|it| *it >= 0xc0 && *it <= 0xc3))
            .count()
    }

    /// Whether the signalling has these words in clear, whatever their case. (In the far more bytes
    /// of sealed media a short word would turn up by chance.)
    #[must_use]
    pub fn say(&self, words: &str) -> bool {
        let words = words.to_lowercase().into_bytes();
        let has = |it: &Vec<u8>| it.to_ascii_lowercase().windows(words.len()).any(|it| it == words);
        self.segments.iter().any(has)
    }
}
