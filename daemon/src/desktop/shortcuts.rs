//! Keys of the desktop's own (the GlobalShortcuts portal, `org.freedesktop.portal.GlobalShortcuts`).
//!
//! Owns: the session with the portal and which keys were pressed. Does not own: what a key does (the
//! app), or which keys they are (the user, in the desktop's settings). Invariant: only what the
//! portal itself says counts as pressed; nothing is asked of it before the user wants keys.

use std::{collections::HashMap, time::Duration};

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, Variant,
    message::Type,
};

use crate::bus::{Remote, is_absence, owner, owner_changes, start, words};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SHORTCUTS: &str = "org.freedesktop.portal.GlobalShortcuts";
const REQUEST: &str = "org.freedesktop.portal.Request";
const SESSION: &str = "org.freedesktop.portal.Session";
const REGISTRY: &str = "org.freedesktop.host.portal.Registry";
const APP: &str = "org.ahoycall.Ahoy";
/// The user is asked which keys they want.
const ASKING: Duration = Duration::from_secs(300);

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Talk to the assistant.
    Talk,
    /// Answer what rings, else hang up.
    Primary,
    /// Decline what rings, else hang up.
    Secondary,
    /// Silence what rings.
    Silence,
}

impl Shortcut {
    const ALL: [Self; 4] = [Self::Talk, Self::Primary, Self::Secondary, Self::Silence];

    /// Its id with the portal, which keeps keys by it: never changed.
    const fn id(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Primary => "answer-or-hang-up",
            Self::Secondary => "decline",
            Self::Silence => "silence",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Talk => "Talk to Ahoy",
            Self::Primary => "Answer or hang up",
            Self::Secondary => "Decline a call",
            Self::Silence => "Silence the ringer",
        }
    }

    /// In the form of the shortcuts specification of freedesktop.org; a wish, no more.
    const fn preferred(self) -> Option<&'static str> {
        match self {
            Self::Talk => Some("LOGO+c"),
            Self::Primary | Self::Secondary | Self::Silence => None,
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.id() == id)
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
enum ShortcutsError {
    #[error(transparent)]
    Bus(#[from] zbus::Error),
    #[error("the portal's answer to {0} makes no sense")]
    Answer(&'static str),
    #[error("{0} was not wanted by the user or the portal")]
    Refused(&'static str),
    #[error("nobody answered {0}")]
    Late(&'static str),
    #[error("the portal is gone")]
    Gone,
}

/// Binds keys while `wanted` says so, and tells of those that are pressed, until `token` is cancelled.
pub async fn run(
    bus: Connection,
    mut wanted: watch::Receiver<bool>,
    pressed: mpsc::Sender<Shortcut>,
    token: CancellationToken,
) {
    let mut warned = false;
    loop {
        while !*wanted.borrow_and_update() {
            tokio::select! {
                () = token.cancelled() => return,
                changed = wanted.changed() => if changed.is_err() { return },
            }
        }
        let mut unwanted = wanted.clone();
        let ended = tokio::select! {
            () = token.cancelled() => return,
            _ = unwanted.wait_for(|wanted| !wanted) => continue,
            ended = serve(&bus, &pressed) => ended,
        };
        match ended {
            Ok(()) => return,
            Err(error) if !std::mem::replace(&mut warned, true) => {
                let why = reason(&error);
                warn!(why, "no keys of the desktop: bind some to ahoyctl in its settings instead");
            }
            Err(error) => debug!(%error, "shortcuts"),
        }
        // A portal that comes, or comes back, is worth another try.
        tokio::select! {
            () = token.cancelled() => return,
            changed = wanted.changed() => if changed.is_err() { return },
            () = comes(&bus) => {}
        }
    }
}

fn reason(error: &ShortcutsError) -> String {
    match error {
        ShortcutsError::Bus(error) if is_absence(error) => "there is no portal".to_owned(),
        ShortcutsError::Bus(error) => words(error),
        other @ (ShortcutsError::Answer(_)
        | ShortcutsError::Refused(_)
        | ShortcutsError::Late(_)
        | ShortcutsError::Gone) => other.to_string(),
    }
}

/// Waits until somebody takes the portal's name.
async fn comes(bus: &Connection) {
    let Ok(rule) = owner_changes(Some(PORTAL)) else { return std::future::pending().await };
    let Ok(mut changes) = MessageStream::for_match_rule(rule, bus, None).await else {
        return std::future::pending().await;
    };
    while let Some(Ok(change)) = changes.next().await {
        let names: Result<(String, String, String), _> = change.body().deserialize();
        if names.is_ok_and(|(_, _, new)| !new.is_empty()) {
            return;
        }
    }
}

/// Binds the keys and tells of those that are pressed, for as long as the portal's session lives.
/// `Ok`: nobody listens any more.
async fn serve(bus: &Connection, pressed: &mpsc::Sender<Shortcut>) -> Result<(), ShortcutsError> {
    // One that is started by others still has its name taken here.
    let started = start(bus, PORTAL).await;
    let Some(portal) = owner(bus, PORTAL).await else {
        return Err(started.err().map_or(ShortcutsError::Gone, ShortcutsError::Bus));
    };
    // Portals before 1.20 know programs outside of sandboxes by their unit alone.
    let registry = Remote::new(bus, &portal, PATH, REGISTRY);
    if let Err(error) = registry.call("Register", &(APP, HashMap::<&str, Variant<'_>>::new())).await
    {
        debug!(%error, "the portal does not take our name");
    }
    let changes = owner_changes(Some(PORTAL))?;
    let mut gone = MessageStream::for_match_rule(changes, bus, None).await?;
    let session = create(bus, &portal).await?;
    let mut keys = said(bus, &portal, SHORTCUTS, "Activated", PATH).await?;
    let mut closed = said(bus, &portal, SESSION, "Closed", session.as_str()).await?;
    bind(bus, &portal, &session).await?;
    info!("keys of the desktop");
    loop {
        tokio::select! {
            _ = gone.next() => return Err(ShortcutsError::Gone),
            _ = closed.next() => return Err(ShortcutsError::Gone),
            key = keys.next() => {
                let Some(key) = key else { return Err(ShortcutsError::Gone) };
                let Some(shortcut) = which(&key?, &portal, &session) else { continue };
                if pressed.send(shortcut).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Which key a signal of the portal's means.
fn which(signal: &Message, portal: &str, session: &OwnedObjectPath) -> Option<Shortcut> {
    // Any client can send us a signal; only the portal's own counts.
    if signal.header().sender()?.as_str() != portal {
        return None;
    }
    let (of, id, _time, _options): (OwnedObjectPath, String, u64, HashMap<String, OwnedVariant>) =
        signal.body().deserialize().ok()?;
    (of == *session).then(|| Shortcut::from_id(&id)).flatten()
}

async fn create(bus: &Connection, portal: &str) -> Result<OwnedObjectPath, ShortcutsError> {
    let method = "CreateSession";
    let options = HashMap::from([("session_handle_token", Variant::from("ahoy"))]);
    let results = ask(bus, portal, method, |token| {
        let mut options = options.clone();
        options.insert("handle_token", token);
        (options,)
    })
    .await?;
    let handle = results.get("session_handle").ok_or(ShortcutsError::Answer(method))?;
    // A string by the portal's first version, a path by its documentation.
    let text = text(handle).ok_or(ShortcutsError::Answer(method))?;
    OwnedObjectPath::try_from(text).map_err(|_| ShortcutsError::Answer(method))
}

fn text(value: &Variant<'_>) -> Option<String> {
    if let Variant::ObjectPath(path) = value {
        return Some(path.to_string());
    }
    <&str>::try_from(value).ok().map(str::to_owned)
}

async fn bind(
    bus: &Connection,
    portal: &str,
    session: &OwnedObjectPath,
) -> Result<(), ShortcutsError> {
    let shortcuts: Vec<_> = Shortcut::ALL
        .into_iter()
        .map(|one| {
            let mut about = HashMap::from([("description", Variant::from(one.description()))]);
            about.extend(one.preferred().map(|keys| ("preferred_trigger", Variant::from(keys))));
            (one.id(), about)
        })
        .collect();
    ask(bus, portal, "BindShortcuts", |token| {
        (session, shortcuts.clone(), "", HashMap::from([("handle_token", token)]))
    })
    .await
    .map(drop)
}

/// Calls a method that answers by a signal, after the user perhaps.
async fn ask<B>(
    bus: &Connection,
    portal: &str,
    method: &'static str,
    body: impl FnOnce(Variant<'static>) -> B,
) -> Result<HashMap<String, OwnedVariant>, ShortcutsError>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    let name = bus.unique_name().map(ToString::to_string).unwrap_or_default();
    let token = format!("ahoy_{}", method.to_lowercase());
    let path = format!("{PATH}/request/{}/{token}", name.trim_start_matches(':').replace('.', "_"));
    // Subscribed before it is asked, so that a quick answer is not lost.
    let mut answers = said(bus, portal, REQUEST, "Response", &path).await?;
    let shortcuts = Remote::new(bus, portal, PATH, SHORTCUTS);
    shortcuts.call(method, &body(Variant::from(token))).await?;
    let answer = tokio::time::timeout(ASKING, async {
        while let Some(Ok(answer)) = answers.next().await {
            if answer.header().sender().is_some_and(|sender| sender.as_str() == portal) {
                return Some(answer);
            }
        }
        None
    });
    let answer = answer.await.map_err(|_| ShortcutsError::Late(method))?;
    let answer = answer.ok_or(ShortcutsError::Gone)?;
    let (code, results): (u32, HashMap<String, OwnedVariant>) =
        answer.body().deserialize().map_err(|_| ShortcutsError::Answer(method))?;
    if code == 0 { Ok(results) } else { Err(ShortcutsError::Refused(method)) }
}

/// The signals of one object of the portal's.
async fn said(
    bus: &Connection,
    portal: &str,
    interface: &'static str,
    member: &'static str,
    path: &str,
) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(portal)
        .interface(interface)
        .member(member)
        .path(path)
        .build()?;
    MessageStream::for_match_rule(rule, bus, None).await
}
