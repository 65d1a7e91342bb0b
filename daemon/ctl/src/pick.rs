//! Calls as the bus shows them, and which of them a command means.
//!
//! Owns: the list of calls, the default for CALL. Does not own: doing anything with a call.
//! Invariant: a command never touches a call that is ambiguous.

use serde_json::{Value, json};

use crate::{
    bus::{Bus, CALL, Objects, ROOT},
    error::{Error, Result},
    out::clean,
    value::{self, Dict},
};

/// A call and its properties.
#[derive(Debug)]
pub struct Call {
    /// Object path.
    pub path: String,
    /// Properties of `.Call`.
    pub props: Dict,
    /// The other interfaces it has.
    pub interfaces: Vec<String>,
}

impl Call {
    /// The state, as the contract names it.
    pub fn state(&self) -> &str {
        value::text(&self.props, "State")
    }

    /// Is it ringing or on (not over)?
    pub fn is_on(&self) -> bool {
        self.state() != "ended"
    }

    /// Is it ringing here?
    pub fn rings(&self) -> bool {
        value::text(&self.props, "Direction") == "incoming"
            && matches!(self.state(), "reported" | "ringing")
    }

    /// Who it is, as a person reads it.
    pub fn who(&self) -> String {
        who(&self.props, "DisplayName", "Remote")
    }

    /// For scripts: the properties and the path.
    pub fn json(&self) -> Value {
        let mut object = value::object(&self.props);
        object["path"] = json!(self.path);
        object["interfaces"] = json!(self.interfaces);
        object
    }
}

/// A name, else a handle, else "unknown".
pub fn who(dict: &Dict, name: &str, remote: &str) -> String {
    let shown = value::text(dict, name);
    if !shown.is_empty() {
        return clean(shown);
    }
    match value::pair(dict, remote) {
        (_, value) if value.is_empty() => "unknown".into(),
        (scheme, value) => clean(&format!("{scheme}:{value}")),
    }
}

/// The calls, oldest first.
pub fn calls(objects: Objects) -> Vec<Call> {
    let mut calls: Vec<Call> = objects
        .into_iter()
        .filter_map(|(path, mut interfaces)| {
            let props = interfaces.remove(CALL)?;
            let own = interfaces.into_keys().filter(|i| i.starts_with(crate::bus::NAME)).collect();
            Some(Call { path: path.to_string(), props, interfaces: own })
        })
        .collect();
    calls.sort_by_key(|call| value::number(&call.props, "CreatedAt"));
    calls
}

/// Which calls a command is for when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// One that rings here.
    Ringing,
    /// One that is on, or dialling; not one that rings here.
    On,
    /// One that is on and held.
    Held,
    /// Any that is not over; one that is on before one that rings.
    Any,
}

/// The call that is meant: by path, id (or its beginning), name of the other side, or by default.
pub async fn find(bus: &Bus, typed: Option<&str>, fits: Fits) -> Result<Call> {
    let all: Vec<Call> = calls(bus.objects().await?).into_iter().filter(Call::is_on).collect();
    match typed {
        Some(typed) => by_name(all, typed),
        None => by_default(all, fits),
    }
}

fn by_name(all: Vec<Call>, typed: &str) -> Result<Call> {
    let wanted = typed.to_lowercase();
    let exact = |call: &Call| call.path == typed || value::text(&call.props, "Id") == typed;
    let near = |call: &Call| {
        value::text(&call.props, "Id").to_lowercase().starts_with(&wanted)
            || call.who().to_lowercase().contains(&wanted)
            || value::pair(&call.props, "Remote").1 == typed
    };
    let (exact, others): (Vec<_>, Vec<_>) = all.into_iter().partition(exact);
    let found = if exact.is_empty() { others.into_iter().filter(near).collect() } else { exact };
    single(found, || {
        Error::refused(
            "UnknownCall",
            format!("no call that is on fits \"{}\"", clean(typed)),
            "See what is on: ahoyctl status",
        )
    })
}

fn by_default(all: Vec<Call>, fits: Fits) -> Result<Call> {
    let (ringing, on): (Vec<_>, Vec<_>) = all.into_iter().partition(Call::rings);
    let (found, what) = match fits {
        Fits::Ringing => (ringing, "nothing is ringing"),
        Fits::On => (front(on), "no call is on"),
        Fits::Held => {
            let held = on.into_iter().filter(|call| value::flag(&call.props, "Held")).collect();
            (held, "no call is on hold")
        }
        Fits::Any if on.is_empty() => (ringing, "no call is on"),
        Fits::Any => (front(on), "no call is on"),
    };
    single(found, || {
        Error::refused(
            "InvalidState",
            what,
            "See: ahoyctl status; call somebody: ahoyctl call NAME",
        )
    })
}

/// Of several that are on, the one that is not held: that is the one being talked in.
fn front(on: Vec<Call>) -> Vec<Call> {
    let (held, open): (Vec<_>, Vec<_>) =
        on.into_iter().partition(|call| value::flag(&call.props, "Held"));
    if open.is_empty() { held } else { open }
}

fn single(mut found: Vec<Call>, none: impl FnOnce() -> Error) -> Result<Call> {
    if found.len() > 1 {
        let mut cause = format!("{} calls fit:", found.len());
        for call in &found {
            let id = value::text(&call.props, "Id");
            cause.push_str(&format!("\n  {}  {}  {}", call.who(), call.state(), clean(id)));
        }
        return Err(Error::refused("UnknownCall", cause, "Name one of them, or its id."));
    }
    found.pop().ok_or_else(none)
}

/// Is this the path of a call object?
pub fn is_call_path(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with("/call/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::entry;

    fn call(id: &str, name: &str, direction: &str, state: &str, held: bool) -> Call {
        let props = Dict::from([
            entry("Id", id).unwrap(),
            entry("DisplayName", name).unwrap(),
            entry("Direction", direction).unwrap(),
            entry("State", state).unwrap(),
            entry("Held", held).unwrap(),
        ]);
        Call { path: format!("{ROOT}/call/{id}"), props, interfaces: vec![] }
    }

    fn both() -> Vec<Call> {
        vec![
            call("a1", "Alice", "outgoing", "active", false),
            call("b2", "Bob", "incoming", "ringing", false),
        ]
    }

    #[test]
    fn answer_means_the_ringing_call_and_hangup_the_one_that_is_on() {
        assert_eq!(by_default(both(), Fits::Ringing).unwrap().who(), "Bob");
        assert_eq!(by_default(both(), Fits::On).unwrap().who(), "Alice");
        assert_eq!(by_default(both(), Fits::Any).unwrap().who(), "Alice");
    }

    #[test]
    fn the_held_call_is_not_the_one_in_front() {
        let mut all = both();
        all.push(call("c3", "Carol", "outgoing", "active", true));
        assert_eq!(by_default(all, Fits::On).unwrap().who(), "Alice");
    }

    #[test]
    fn nothing_that_fits_is_an_error_not_another_call() {
        let ringing = vec![call("b2", "Bob", "incoming", "ringing", false)];
        assert_eq!(by_default(ringing, Fits::On).unwrap_err().name(), "InvalidState");
        assert_eq!(by_default(vec![], Fits::Ringing).unwrap_err().exit_code(), 1);
    }

    #[test]
    fn two_that_fit_are_listed() {
        let mut all = both();
        all.push(call("d4", "Dora", "outgoing", "dialing", false));
        let error = by_default(all, Fits::On).unwrap_err();
        assert!(error.to_string().contains("Alice") && error.to_string().contains("d4"));
    }

    #[test]
    fn a_call_is_named_by_person_id_or_path() {
        for typed in ["bob", "b2", "b", "/org/ahoycall/Calls1/call/b2"] {
            assert_eq!(by_name(both(), typed).unwrap().who(), "Bob", "{typed}");
        }
        assert_eq!(by_name(both(), "zoe").unwrap_err().name(), "UnknownCall");
    }
}
