//! What baresip says and is told over ctrl_tcp, as values (checked against 1.0.0 of Debian 12).
//!
//! Owns: JSON and the texts in it. Does not own: what follows from them. Invariant: what is not
//! understood is nothing; no word of a peer is taken for one of baresip's.

use serde::Deserialize;

/// Which question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bridge) struct Token(pub u32);

/// A command, and the number its answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) struct Command {
    /// The number.
    pub token: Token,
    /// The command of baresip's menu.
    pub name: &'static str,
    /// What it is about; may be empty.
    pub about: String,
}

/// How a call is doing, from its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Kind {
    /// Somebody calls.
    Incoming,
    /// An invitation went out.
    Outgoing,
    /// The other side rings, or sends sound before it answers.
    Ringing,
    /// Both talk.
    Established,
    /// The other side holds (baresip 2 and newer tell).
    RemoteHold,
    /// And not any more.
    RemoteResume,
    /// It is over.
    Closed,
}

/// An event of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) struct CallEvent {
    /// What.
    pub kind: Kind,
    /// Call-ID; empty: baresip does not say.
    pub id: String,
    /// Address of our account.
    pub account: String,
    /// Whether the other side called.
    pub incoming: bool,
    /// Address of the other side.
    pub peer: String,
    /// How they call themselves.
    pub name: String,
    /// Details: of an end, its reason.
    pub detail: String,
}

/// Something that baresip says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Said {
    /// A call's event.
    Call(CallEvent),
    /// An answer to a command: whether it was done, and what it printed.
    Answer {
        /// To which.
        token: Token,
        /// Done.
        ok: bool,
        /// Printed.
        text: String,
    },
}

/// A frame as it comes. Answers and events are told apart by their keys.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    event: bool,
    r#type: String,
    response: bool,
    ok: bool,
    data: String,
    token: String,
    id: String,
    accountaor: String,
    direction: String,
    peeruri: String,
    peerdisplayname: String,
    param: String,
}

/// Reads a frame.
pub(super) fn read(payload: &[u8]) -> Option<Said> {
    // A peer's name may hold anything; one bad byte must not hide that a call came or ended.
    let clean: String = String::from_utf8_lossy(payload)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let frame: Frame = serde_json::from_str(&clean).ok()?;
    if frame.response {
        let token = Token(frame.token.parse().ok()?);
        return Some(Said::Answer { token, ok: frame.ok, text: frame.data });
    }
    let kind = kind(&frame.r#type).filter(|_| frame.event)?;
    Some(Said::Call(CallEvent {
        kind,
        id: frame.id,
        account: frame.accountaor,
        incoming: frame.direction == "incoming",
        peer: frame.peeruri,
        name: frame.peerdisplayname,
        detail: frame.param,
    }))
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "CALL_INCOMING" => Kind::Incoming,
        "CALL_OUTGOING" => Kind::Outgoing,
        "CALL_RINGING" | "CALL_PROGRESS" => Kind::Ringing,
        "CALL_ESTABLISHED" => Kind::Established,
        "CALL_HOLD" => Kind::RemoteHold,
        "CALL_RESUME" => Kind::RemoteResume,
        "CALL_CLOSED" => Kind::Closed,
        _ => return None,
    })
}

/// Writes a command. The address of a peer stands inside a JSON text and nowhere else.
pub(super) fn write(command: &Command) -> String {
    let token = command.token.0.to_string();
    let mut all = serde_json::Map::new();
    all.insert("command".to_owned(), command.name.into());
    if !command.about.is_empty() {
        all.insert("params".to_owned(), command.about.clone().into());
    }
    all.insert("token".to_owned(), token.into());
    serde_json::Value::Object(all).to_string()
}

/// The account in use, from what `reginfo` prints: the one marked, else the first.
pub(super) fn account(reginfo: &str) -> Option<String> {
    let address = |line: &str| {
        line.split_whitespace()
            .map(|word| word.trim_matches(['<', '>']))
            .find(|word| word.starts_with("sip:") || word.starts_with("sips:"))
            .map(str::to_owned)
    };
    let marked = reginfo.lines().filter(|line| line.split_whitespace().any(|word| word == ">"));
    marked.chain(reginfo.lines()).find_map(address)
}

/// The Call-ID of the call that `callstat` prints. Its heading and the address lines hold peers'
/// words, the line with the id does not: it begins with `af=`.
pub(super) fn call_id(callstat: &str) -> Option<String> {
    let line = callstat.lines().map(str::trim).find(|line| line.starts_with("af="))?;
    let id = line.split_whitespace().find_map(|word| word.strip_prefix("id="))?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_baresip_1_0_0_says_is_understood() {
        let closed = br#"{"event":true,"type":"CALL_CLOSED","class":"call","accountaor":"sip:alice@127.0.0.1:5070","direction":"incoming","peeruri":"sip:bob@127.0.0.1:5080","peerdisplayname":"bob Display","id":"da27815243b6d799","param":"Connection reset by peer"}"#;
        let Some(Said::Call(event)) = read(closed) else { panic!("an event") };
        assert_eq!((event.kind, event.incoming), (Kind::Closed, true));
        assert_eq!((event.id.as_str(), event.name.as_str()), ("da27815243b6d799", "bob Display"));
        let answer = br#"{"response":true,"ok":false,"data":"Invalid argument","token":"7"}"#;
        let text = "Invalid argument".to_owned();
        assert_eq!(read(answer), Some(Said::Answer { token: Token(7), ok: false, text }));
        let sound = br#"{"event":true,"type":"CALL_RTCP","class":"call","rtcp_stats":{"rtt":0}}"#;
        assert_eq!(read(sound), None);
    }

    #[test]
    fn a_bad_byte_in_a_name_does_not_hide_the_event() {
        let mut bytes =
            br#"{"event":true,"type":"CALL_CLOSED","id":"1","peerdisplayname":""#.to_vec();
        bytes.extend([0xff, 0x07, b'"', b'}']);
        assert!(matches!(read(&bytes), Some(Said::Call(event)) if event.id == "1"));
        for none in [&b"["[..], b"{}", b"{\"event\":1}", b"", b"null"] {
            assert_eq!(read(none), None);
        }
    }

    #[test]
    fn texts_meant_for_people_are_read_where_no_other_way_leads() {
        let info = "\n--- User Agents (2) ---\n  sip:a@x  OK\n> sip:b@x:5070     \n\n";
        assert_eq!(account(info).as_deref(), Some("sip:b@x:5070"));
        assert_eq!(account("--- User Agents (0) ---\n"), None);
        let stat = "\n===== Call debug (INCOMING) =====\n local_uri: Al <sip:al@x>\n peer_uri:  id=1 <sip:bob@x>\n af=AF_INET id=da27\n direction: Incoming\n";
        assert_eq!(call_id(stat).as_deref(), Some("da27"));
        assert_eq!(call_id("\n(no active calls)\n"), None);
    }

    #[test]
    fn an_address_cannot_become_a_second_command() {
        let about = "sip:a\"}\n{\"command\":\"quit".to_owned();
        let written = write(&Command { token: Token(1), name: "dial", about: about.clone() });
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["params"], about);
        assert!(!written.contains('\n'));
    }
}
