//! What an app says to the service, read from its messages.
//!
//! Owns: the members of Registry and Provider, and the types of their options. Does not own: whether
//! they may be said now (`book`). Invariant: a message that is not of the contract is an error that
//! names the member or the key.

use std::collections::BTreeMap;

use zbus::{Message, OwnedObjectPath, OwnedVariant};

use crate::value::Dict;

/// A message of an app.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Register {
        id: String,
        object: String,
        options: Options,
    },
    Incoming {
        uuid: String,
        options: Options,
    },
    Outgoing {
        uuid: String,
        options: Options,
    },
    Update {
        call: String,
        options: Options,
    },
    State {
        call: String,
        state: String,
    },
    Text {
        call: String,
    },
    Ended {
        call: String,
        reason: String,
    },
    Unregister,
    /// Something that is nobody's to report: properties, introspection, a ping.
    Other,
}

/// Options as far as the book needs them, and what is wrong with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Keys whose value has another type than the contract's, as "key: t expected".
    pub(super) wrong: Vec<String>,
    pub(super) flags: BTreeMap<String, bool>,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) lists: BTreeMap<String, Vec<String>>,
    pub(super) numbers: BTreeMap<String, u64>,
    /// The scheme of `remote`.
    pub(super) remote: Option<String>,
}

type Types = [(&'static str, &'static str)];

const REGISTER: &Types = &[
    ("name", "s"),
    ("icon", "s"),
    ("schemes", "as"),
    ("max-calls", "u"),
    ("max-groups", "u"),
    ("video", "b"),
    ("hold", "b"),
    ("log", "b"),
    ("ringtone-fd", "h"),
    ("media", "s"),
];
const NEW_CALL: &Types = &[
    ("remote", "(ss)"),
    ("name", "s"),
    ("video", "b"),
    ("capabilities", "as"),
    ("expires-at", "t"),
    ("state", "s"),
    ("connected-at", "t"),
    ("encryption", "s"),
    ("log", "b"),
];
const UPDATE: &Types = &[
    ("name", "s"),
    ("encryption", "s"),
    ("capabilities", "as"),
    ("muted", "b"),
    ("held", "b"),
    ("remote-held", "b"),
    ("video", "b"),
    ("remote-video", "b"),
    ("reconnecting", "b"),
    ("quality", "a{sv}"),
];

impl Options {
    fn read(options: Dict, types: &Types) -> Self {
        let mut read = Self::default();
        for (key, value) in options {
            let Some((_, wanted)) = types.iter().find(|(known, _)| *known == key) else {
                // Keys of newer apps are theirs.
                continue;
            };
            if value.value_signature().to_string() == *wanted {
                read.keep(key, value);
            } else {
                let came = value.value_signature();
                read.wrong.push(format!("{key}: type {wanted} expected, {came} came"));
            }
        }
        read
    }

    fn keep(&mut self, key: String, value: OwnedVariant) {
        if let Ok(flag) = bool::try_from(&value) {
            self.flags.insert(key, flag);
        } else if let Ok(text) = <&str>::try_from(&value) {
            let text = text.to_owned();
            self.texts.insert(key, text);
        } else if let Ok(number) = u64::try_from(&value) {
            self.numbers.insert(key, number);
        } else if let Ok(number) = u32::try_from(&value) {
            self.numbers.insert(key, number.into());
        } else if key == "remote" {
            self.remote = <(String, String)>::try_from(value).ok().map(|(scheme, _)| scheme);
        } else if let Ok(list) = Vec::<String>::try_from(value) {
            self.lists.insert(key, list);
        }
    }
}

/// Reads a method call.
///
/// # Errors
/// A method of Registry or Provider that does not exist, or has other arguments.
pub(super) fn read(message: &Message) -> Result<Said, String> {
    let header = message.header();
    let interface = header.interface().map(ToString::to_string).unwrap_or_default();
    let member = header.member().map(ToString::to_string).unwrap_or_default();
    let short = interface.strip_prefix("org.ahoycall.Calls1.").unwrap_or_default();
    let body = message.body();
    let wrong = |error: zbus::Error| format!("{short}.{member}: {error}");
    Ok(match (short, member.as_str()) {
        ("Registry", "Register") => {
            let (id, object, options): (String, OwnedObjectPath, Dict) =
                body.deserialize().map_err(wrong)?;
            let options = Options::read(options, REGISTER);
            Said::Register { id, object: object.to_string(), options }
        }
        ("Provider", "ReportIncoming") => {
            let (uuid, options): (String, Dict) = body.deserialize().map_err(wrong)?;
            Said::Incoming { uuid, options: Options::read(options, NEW_CALL) }
        }
        ("Provider", "ReportOutgoing") => {
            let (uuid, options): (String, Dict) = body.deserialize().map_err(wrong)?;
            Said::Outgoing { uuid, options: Options::read(options, NEW_CALL) }
        }
        ("Provider", "Update") => {
            let (call, options): (OwnedObjectPath, Dict) = body.deserialize().map_err(wrong)?;
            Said::Update { call: call.to_string(), options: Options::read(options, UPDATE) }
        }
        ("Provider", "ReportState") => {
            let (call, state, _): (OwnedObjectPath, String, u64) =
                body.deserialize().map_err(wrong)?;
            Said::State { call: call.to_string(), state }
        }
        ("Provider", "ReportText") => {
            let (call, ..): (OwnedObjectPath, String, bool) = body.deserialize().map_err(wrong)?;
            Said::Text { call: call.to_string() }
        }
        ("Provider", "ReportEnded") => {
            let (call, reason, ..): (OwnedObjectPath, String, String, u64) =
                body.deserialize().map_err(wrong)?;
            Said::Ended { call: call.to_string(), reason }
        }
        ("Provider", "Unregister") => Said::Unregister,
        ("Registry" | "Provider", _) => return Err(format!("{short}.{member} does not exist")),
        _ => Said::Other,
    })
}
