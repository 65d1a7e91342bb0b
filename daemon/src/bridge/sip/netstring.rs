//! Netstrings: `5:hello,`, the frames of baresip's ctrl_tcp.
//!
//! Owns: cutting a stream of bytes into frames, and making them. Does not own: what is in them.
//! Invariant: nothing grows past [`LARGEST`]; a stream that is none is an error once and for all.

/// The largest frame taken, bytes. What `callstat` prints is about 2 KB.
pub(super) const LARGEST: usize = 64 * 1024;
/// Digits of the length of the largest frame.
const DIGITS: usize = 5;

/// The stream is not one of netstrings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what answers at bridge.sip does not speak netstrings: is it baresip's ctrl_tcp?")]
pub(super) struct NotNetstrings;

/// A frame around `payload`.
pub(super) fn frame(payload: &str) -> Vec<u8> {
    format!("{}:{payload},", payload.len()).into_bytes()
}

/// Bytes that have come in and make no frame yet.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// More bytes; to be drained by [`Self::poll_frame`] before the next ones.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(super) fn poll_frame(&mut self) -> Result<Option<Vec<u8>>, NotNetstrings> {
        let head = self.bytes.iter().take(DIGITS + 1).position(|byte| *byte == b':');
        let Some(colon) = head else {
            let digits = self.bytes.iter().all(u8::is_ascii_digit);
            return if digits && self.bytes.len() <= DIGITS {
                Ok(None)
            } else {
                Err(NotNetstrings)
            };
        };
        let digits = self.bytes.get(..colon).unwrap_or_default();
        let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|length| *length <= LARGEST).ok_or(NotNetstrings)?;
        let start = colon + 1;
        let Some(end) = self.bytes.get(start + length) else { return Ok(None) };
        if *end != b',' {
            return Err(NotNetstrings);
        }
        let payload = self.bytes.get(start..start + length).unwrap_or_default().to_vec();
        self.bytes.drain(..=start + length);
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_were_cut() {
        let mut stream = frame("hello");
        stream.extend(frame(""));
        stream.extend(frame("ä,:1"));
        for piece in 1..stream.len() {
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            for bytes in stream.chunks(piece) {
                frames.push(bytes);
                while let Some(one) = frames.poll_frame().unwrap() {
                    out.push(String::from_utf8(one).unwrap());
                }
            }
            assert_eq!(out, ["hello", "", "ä,:1"], "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_netstring_or_too_large_is_refused_before_it_is_kept() {
        for bytes in ["HTTP/1.1", "5:hellox", "-1:", "99999:", "123456", "65537:", ":", "1 :a,"] {
            let mut frames = Frames::default();
            frames.push(bytes.as_bytes());
            assert_eq!(frames.poll_frame(), Err(NotNetstrings), "{bytes}");
        }
    }
}
