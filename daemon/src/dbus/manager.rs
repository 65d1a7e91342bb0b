//! `.Manager`: calling, the buttons, and what is on.
//!
//! Owns: its methods, properties and signals on the bus. Does not own: any decision. Invariant:
//! every method checks its arguments here and nothing else.

use std::collections::{BTreeMap, HashMap};

use ahoy_core::engine::Command;
use zbus::{
    ObjectPath, OwnedObjectPath, Variant, interface, message::Header, object_server::SignalEmitter,
};

use super::{
    Properties, call_path,
    error::{Error, Result},
    optional_path,
    provider::sender,
    value::{BusDict, from_bus, to_bus},
};
use crate::app::request::{Caller, Front, Plain, Request, Snapshot, StartWish};

/// The object.
pub(super) struct Manager {
    front: Front,
}

impl Manager {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }

    async fn command(&self, command: Command) -> Result<()> {
        self.front.ask(|answer| Request::Command(command, answer)).await?;
        Ok(())
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    let chosen: HashMap<String, String> = view.default_providers.clone().into_iter().collect();
    let entries: [(&'static str, Variant<'static>); 6] = [
        ("DefaultProviders", chosen.into()),
        ("State", view.state.into()),
        ("RingingCall", ObjectPath::from(optional_path(view.ringing)).into()),
        ("ActiveCall", ObjectPath::from(optional_path(view.active)).into()),
        ("DoNotDisturb", view.do_not_disturb.clone().into()),
        ("SessionLocked", view.locked.into()),
    ];
    entries.into_iter().collect()
}

pub(super) fn wish(
    provider: String,
    mut handles: Vec<(String, String)>,
    options: BusDict,
) -> Result<StartWish> {
    if handles.len() > 1 {
        let why = "handles: group calls are not offered yet; give one handle".to_owned();
        return Err(Error::NotSupported(why));
    }
    let handle = handles.pop().unwrap_or_default();
    let mut wish = StartWish { provider, handle, ..StartWish::default() };
    for (key, value) in from_bus(options)? {
        match (key.as_str(), value) {
            ("video", Plain::Bool(video)) => wish.video = Some(video),
            ("display-name", Plain::Text(name)) => wish.name = name,
            ("contact-id", Plain::Text(id)) => wish.contact_id = id,
            ("uuid", Plain::Text(uuid)) => wish.uuid = uuid,
            // For a window to come forward with; the daemon has none.
            ("activation-token", Plain::Text(_)) => {}
            ("video" | "display-name" | "contact-id" | "uuid" | "activation-token", _) => {
                return Err(Error::InvalidArgument(format!("options: {key} has the wrong type")));
            }
            // Keys of newer controllers are theirs.
            (_, _) => {}
        }
    }
    if wish.handle.0.is_empty() && wish.contact_id.is_empty() && wish.name.is_empty() {
        let why = "handles: give one (scheme, value), or the option contact-id or display-name";
        let why = why.to_owned();
        return Err(Error::InvalidArgument(why));
    }
    Ok(wish)
}

#[interface(name = "org.ahoycall.Calls1.Manager", introspection_docs = false)]
impl Manager {
    #[zbus(out_args("call"))]
    async fn start_call(
        &self,
        provider: String,
        handles: Vec<(String, String)>,
        options: BusDict,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedObjectPath> {
        let wish = wish(provider, handles, options)?;
        let from = Caller::Host(sender(&header)?.to_string());
        let call = self.front.ask(|answer| Request::Start(wish, from, answer)).await?;
        Ok(call_path(call))
    }

    async fn press_primary(&self) -> Result<()> {
        self.command(Command::PressPrimary).await
    }

    async fn press_secondary(&self) -> Result<()> {
        self.command(Command::PressSecondary).await
    }

    async fn silence_ringer(&self) -> Result<()> {
        self.command(Command::SilenceRinger).await
    }

    async fn end_all(&self) -> Result<()> {
        self.command(Command::EndAll).await
    }

    async fn set_do_not_disturb(&self, mode: String, until: u64) -> Result<()> {
        self.front.ask(|answer| Request::SetDoNotDisturb(mode, until, answer)).await?;
        Ok(())
    }

    #[zbus(out_args("findings"))]
    async fn doctor(&self) -> Result<Vec<HashMap<String, Variant<'static>>>> {
        let findings = self.front.ask(Request::Doctor).await?;
        Ok(findings.into_iter().map(to_bus).collect())
    }

    #[zbus(property)]
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }
    #[zbus(property)]
    fn state(&self) -> String {
        self.front.view.borrow().state.to_owned()
    }
    #[zbus(property)]
    fn ringing_call(&self) -> OwnedObjectPath {
        optional_path(self.front.view.borrow().ringing)
    }
    #[zbus(property)]
    fn active_call(&self) -> OwnedObjectPath {
        optional_path(self.front.view.borrow().active)
    }
    #[zbus(property)]
    fn do_not_disturb(&self) -> String {
        self.front.view.borrow().do_not_disturb.clone()
    }
    #[zbus(property)]
    fn session_locked(&self) -> bool {
        self.front.view.borrow().locked
    }
    #[zbus(property)]
    fn default_providers(&self) -> BTreeMap<String, String> {
        self.front.view.borrow().default_providers.clone()
    }

    #[zbus(signal)]
    pub(super) async fn call_missed(
        emitter: &SignalEmitter<'_>,
        history_id: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn action_finished(
        emitter: &SignalEmitter<'_>,
        serial: u32,
        call: ObjectPath<'_>,
        action: &str,
        result: &str,
        error: &str,
    ) -> zbus::Result<()>;
}
