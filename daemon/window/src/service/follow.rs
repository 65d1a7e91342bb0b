//! What the call service tells, as one state.
//!
//! Owns: reading objects, properties and signals into it. Does not own: the connection's thread. Invariant:
//! whatever the service does, also when it goes and comes, the state becomes true again.

use std::{collections::BTreeMap, time::Duration};

use ahoy_client::{
    AUDIO, Bus, CALL, CAPTIONS, CONTACTS, HISTORY, MANAGER, ROOT, SETTINGS, TEXT, VOICE, named,
    value::{self, Dict},
};
use tokio::sync::watch;
use zbus::{Message, OwnedObjectPath};

use crate::state::{Call, State};

/// Between two tries to find the service: first, and at most.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Follows the service for ever, also after it went and came again.
pub(super) async fn run(found: &watch::Sender<Option<Bus>>, tell: &watch::Sender<State>) {
    let [first, most] = AGAIN;
    let mut pause = first;
    loop {
        let result = follow_one(found, tell).await;
        found.send_replace(None);
        let before = tell.send_replace(State::default());
        if let Err(error) = result {
            tracing::debug!(%error, "the call service");
        }
        pause = if before.there { first } else { (pause * 2).min(most) };
        tokio::time::sleep(pause).await;
    }
}

async fn follow_one(
    found: &watch::Sender<Option<Bus>>,
    tell: &watch::Sender<State>,
) -> ahoy_client::Result<()> {
    let bus = Bus::connect().await?;
    // From before the look: what changes meanwhile is told again.
    let mut signals = bus.signals().await?;
    let mut state = look(&bus).await?;
    found.send_replace(Some(bus));
    tell.send_replace(state.clone());
    loop {
        let message = signals.next().await?;
        hear(&mut state, &message);
        // As much as has come is one change for the windows.
        while let Some(message) = signals.queued().await {
            hear(&mut state, &message);
        }
        tell.send_if_modified(|told| {
            *told != state && {
                *told = state.clone();
                true
            }
        });
    }
}

async fn look(bus: &Bus) -> ahoy_client::Result<State> {
    let mut state = State { there: true, ..State::default() };
    for (path, interfaces) in bus.objects().await? {
        added(&mut state, path.to_string(), &interfaces);
    }
    state.read_audio(&bus.properties_of(AUDIO).await?);
    state.read_voice(&bus.properties_of(VOICE).await?);
    state.locked = value::flag(&bus.properties_of(MANAGER).await?, "SessionLocked");
    let unseen = bus.properties_of(HISTORY).await.map(|told| value::number(&told, "Unseen"));
    // Closed while the session is locked.
    state.unseen = unseen.ok().and_then(|number| number.try_into().ok()).unwrap_or_default();
    Ok(state)
}

/// Takes over what a signal tells. One of another shape than the contract's changes nothing.
fn hear(state: &mut State, message: &Message) {
    let (named, body) = (named(message), message.body());
    match named.member.as_str() {
        "InterfacesAdded" => {
            let told = body.deserialize::<(OwnedObjectPath, BTreeMap<String, Dict>)>();
            let Ok((path, interfaces)) = told else { return };
            added(state, path.to_string(), &interfaces);
        }
        "InterfacesRemoved" => {
            let Ok((path, gone)) = body.deserialize::<(OwnedObjectPath, Vec<String>)>() else {
                return;
            };
            let Some(call) = state.calls.get_mut(path.as_str()) else { return };
            gone.iter().for_each(|interface| call.lose(interface));
            if gone.iter().any(|interface| interface == CALL) {
                state.calls.remove(path.as_str());
            }
        }
        "PropertiesChanged" => {
            let Ok((interface, told, _)) = body.deserialize::<(String, Dict, Vec<String>)>() else {
                return;
            };
            changed(state, (&named.path, &interface), &told);
        }
        "Heard" if named.interface == VOICE.interface() => {
            let Ok((text, _)) = body.deserialize::<(String, bool)>() else { return };
            state.voice.heard = text;
        }
        "Prompt" if named.interface == VOICE.interface() => {
            let Ok((text, choices)) = body.deserialize::<(String, Vec<String>)>() else { return };
            (state.voice.prompt, state.voice.choices) = (text, choices);
        }
        "Caption" | "Received" => {
            let Ok((text, is_final)) = body.deserialize::<(String, bool)>() else { return };
            said(state, (&named.path, &named.interface), (&text, is_final));
        }
        "Changed" if named.interface == CONTACTS.interface() => state.people += 1,
        "Changed" if named.interface == HISTORY.interface() => state.log += 1,
        "Changed" if named.interface == SETTINGS.interface() => state.settings += 1,
        _ => {}
    }
}

/// An object came, or has more interfaces than before.
fn added(state: &mut State, path: String, interfaces: &BTreeMap<String, Dict>) {
    if interfaces.contains_key(CALL) {
        state.calls.insert(path.clone(), Call::default());
    }
    let Some(call) = state.calls.get_mut(&path) else { return };
    for (interface, told) in interfaces {
        call.read_beside(interface, told);
    }
}

/// The other side spoke or wrote.
fn said(state: &mut State, (path, interface): (&str, &str), (text, is_final): (&str, bool)) {
    let Some(call) = state.calls.get_mut(path) else { return };
    match interface {
        CAPTIONS => call.captions.get_or_insert_default().hear(text, is_final),
        TEXT => call.text.get_or_insert_default().hear(text, is_final),
        _ => {}
    }
}

fn changed(state: &mut State, (path, interface): (&str, &str), told: &Dict) {
    if let Some(call) = state.calls.get_mut(path) {
        return call.read_beside(interface, told);
    }
    if path != ROOT {
        return;
    }
    state.read_audio(told);
    state.read_voice(told);
    if told.contains_key("SessionLocked") {
        state.locked = value::flag(told, "SessionLocked");
    }
    if told.contains_key("Unseen") {
        state.unseen = value::number(told, "Unseen").try_into().unwrap_or_default();
    }
}
