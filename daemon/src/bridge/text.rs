//! Words that come from outside: bounded and checked before anything uses them.
//!
//! Owns: names, numbers, SIP addresses, reasons. Does not own: what they mean. Invariant: what leaves
//! here passes the core's own checks, whatever came in.

use ahoy_core::id::{Handle, MAX_TEXT};

/// Longer names are cut: nobody reads more on a screen.
const LONGEST_NAME: usize = 128;

/// Whether a character may stand in a name: no control characters, and none of those that turn the
/// direction of what follows around and make one name look like another.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// A name or reason for people.
pub(super) fn plain(text: &str) -> String {
    let clean: String = text.chars().take(LONGEST_NAME).filter(|c| is_printable(*c)).collect();
    clean.trim().to_owned()
}

/// A telephone number; what is none is a withheld one.
pub(super) fn number(text: &str) -> Handle {
    let text = text.strip_prefix("tel:").unwrap_or(text);
    if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Handle::unknown();
    }
    Handle::new("tel", text).unwrap_or_else(|_| Handle::unknown())
}

/// A SIP address (RFC 3261, 19.1) without its parameters and headers: they say how it was reached,
/// not who it is. "anonymous.invalid" is who withholds theirs (RFC 3323).
pub(super) fn sip_address(uri: &str) -> Handle {
    let Some((scheme, rest)) = uri.split_once(':') else { return Handle::unknown() };
    let known = matches!(scheme.to_ascii_lowercase().as_str(), "sip" | "sips");
    let end = rest.rfind('@').unwrap_or_default();
    let stop = rest.get(end..).and_then(|host| host.find([';', '?', '>'])).map(|at| end + at);
    let address = stop.and_then(|at| rest.get(..at)).unwrap_or(rest);
    if !known || address.ends_with("anonymous.invalid") || !is_sip(address) {
        return Handle::unknown();
    }
    Handle::new(scheme, address).unwrap_or_else(|_| Handle::unknown())
}

/// Whether this can stand behind `sip:`. Nothing that would end it in a header or on a command line.
pub(super) fn is_sip(address: &str) -> bool {
    let legal = |c: char| is_printable(c) && !c.is_whitespace() && !matches!(c, '<' | '>' | '"');
    !address.is_empty() && address.chars().all(legal)
}

/// What a mobile network dials (3GPP TS 27.007, ATD; oFono and PipeWire take as much).
pub(super) fn is_dialable(number: &str) -> bool {
    (1..=80).contains(&number.len())
        && number.chars().all(|c| matches!(c, '0'..='9' | '+' | '*' | '#'))
}

/// Digits that can be sent during a call (ITU-T Q.23), and `,` for a pause.
pub(super) fn is_tones(tones: &str) -> bool {
    !tones.is_empty()
        && tones.chars().all(|c| matches!(c, '0'..='9' | '*' | '#' | ',' | 'A'..='D' | 'a'..='d'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_deceive_and_what_is_too_long() {
        assert_eq!(plain(" Ann\u{202e}\n\u{7} "), "Ann");
        assert_eq!(plain(&"ä".repeat(9000)).chars().count(), LONGEST_NAME);
        assert!(plain(&"\u{1F600}".repeat(9000)).len() <= MAX_TEXT);
    }

    #[test]
    fn numbers_are_normalised_and_anything_else_is_withheld() {
        assert_eq!(number("+49 (30) 12-34").value(), "+49301234");
        assert_eq!(number("tel:110").value(), "110");
        for none in ["", "anonymous", "\n", &"1".repeat(600)] {
            assert_eq!(number(none), Handle::unknown(), "{none:?}");
        }
    }

    #[test]
    fn sip_addresses_lose_their_parameters_and_bad_ones_reach_nobody() {
        let value = |uri| sip_address(uri).value().to_owned();
        assert_eq!(value("sip:bob@Example.ORG;transport=tcp?x=y"), "bob@example.org");
        assert_eq!(value("sip:bob;ext=1@example.org:5080"), "bob;ext=1@example.org:5080");
        assert_eq!(sip_address("sips:bob@example.org").scheme(), "sips");
        let long = format!("sip:{}@example.org", "b".repeat(600));
        for none in [
            "",
            "bob",
            "http://x",
            "sip:",
            "sip:a b@c",
            "sip:a\u{0}@c",
            "sip:anonymous@anonymous.invalid",
            long.as_str(),
        ] {
            assert_eq!(sip_address(none), Handle::unknown(), "{none:?}");
        }
    }

    #[test]
    fn only_keys_of_a_keypad_are_tones() {
        assert!(is_tones("0123456789*#,ABCD"));
        for none in ["", "1 2", "x", "1\n/quit"] {
            assert!(!is_tones(none), "{none:?}");
        }
    }
}
