//! What an app's own ringtone may be.
//!
//! Owns: its size and which files are known. Does not own: reading or decoding one. Invariant: a
//! file is known by its first bytes alone, and whatever they are, looking at them ends.

/// Bytes of a file: half a minute of stereo music in Ogg Vorbis, ten seconds as WAV.
pub const MAX_RINGTONE: usize = 2 * 1024 * 1024;

/// Files that are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingtoneFormat {
    /// Vorbis in Ogg (RFC 5215 names the first packet), as in sound themes.
    OggVorbis,
    /// Opus in Ogg (RFC 7845).
    OggOpus,
    /// Samples in RIFF WAVE.
    Wav,
}

impl RingtoneFormat {
    /// What a file begins as.
    #[must_use]
    pub fn of(file: &[u8]) -> Option<Self> {
        if file.starts_with(b"RIFF") {
            return file.get(8..)?.starts_with(b"WAVE").then_some(Self::Wav);
        }
        if !file.starts_with(b"OggS") {
            return None;
        }
        // RFC 3533, 6: 27 bytes, of which the last counts the entries that follow; then the packet.
        let entries = usize::from(*file.get(26)?);
        let packet = file.get(27 + entries..)?;
        if packet.starts_with(b"\x01vorbis") {
            Some(Self::OggVorbis)
        } else {
            packet.starts_with(b"OpusHead").then_some(Self::OggOpus)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ogg(packet: &[u8]) -> Vec<u8> {
        let mut page = b"OggS".to_vec();
        page.resize(26, 0);
        page.extend([2, 30, 30]);
        page.extend(packet);
        page
    }

    #[test]
    fn what_is_played_is_known_by_its_beginning() {
        let of = RingtoneFormat::of;
        assert_eq!(of(b"RIFF\x24\0\0\0WAVEfmt "), Some(RingtoneFormat::Wav));
        assert_eq!(of(&ogg(b"\x01vorbis...")), Some(RingtoneFormat::OggVorbis));
        assert_eq!(of(&ogg(b"OpusHead...")), Some(RingtoneFormat::OggOpus));
        assert_eq!(of(&ogg(b"\x80theora")), None);
        assert_eq!(of(b"ID3\x04 an mp3"), None);
    }

    proptest! {
        #[test]
        fn any_beginning_is_looked_at_without_harm(mut file in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = RingtoneFormat::of(&file);
            file.splice(0..0, *b"OggS");
            let _ = RingtoneFormat::of(&file);
        }
    }
}
