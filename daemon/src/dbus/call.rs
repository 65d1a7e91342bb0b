//! `.Call`: one call, at `/call/<uuid>`.
//!
//! Owns: its methods and properties on the bus. Does not own: the call. Invariant: a property never
//! disappears; for a call that is gone it keeps its empty value until the object goes.

use std::collections::HashMap;

use ahoy_core::{
    call::{CallView, Flags, Nodes},
    engine::Command,
    id::{CallId, Handle},
    media::Quality,
    written::Written,
};
use zbus::{ObjectPath, OwnedObjectPath, Variant, interface};

use super::{
    Properties, call_of,
    error::{Error, Result},
    group::group_path,
    provider::provider_path,
    value::{BusDict, from_bus},
};
use crate::app::request::{Front, Plain, Request};

/// The object.
pub(super) struct Call {
    id: CallId,
    front: Front,
}

/// Everything the bus shows of a call, fixed properties too.
pub(super) fn all_properties(front: &Front, id: CallId) -> Properties {
    let call = Call::new(id, front);
    let view = call.view();
    let mut all = properties(&view, &front.view.borrow().endpoint);
    all.extend([
        ("Id", id.to_string().into()),
        ("Provider", ObjectPath::from(provider_path(&view.provider)).into()),
        ("AppId", view.app_id.into()),
        ("AppVerified", view.app_verified.into()),
        ("Direction", view.direction.into()),
        ("AvatarPath", String::new().into()),
        ("CreatedAt", view.created_at.into()),
    ]);
    all
}

impl Call {
    pub(super) fn new(id: CallId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    fn view(&self) -> CallView {
        let gone = || CallView {
            id: self.id.to_string(),
            provider: String::new(),
            app_id: String::new(),
            app_verified: false,
            direction: "",
            state: "ended",
            pending_action: "",
            remote: Default::default(),
            display_name: String::new(),
            name_source: "none",
            contact_id: String::new(),
            flags: Flags::default(),
            group: None,
            endpoint: String::new(),
            capabilities: Vec::new(),
            encryption: "none",
            nodes: Nodes::default(),
            quality: Quality::default(),
            created_at: 0,
            connected_at: 0,
            ended_at: 0,
            end_reason: ("", String::new()),
        };
        let view = self.front.view.borrow();
        view.calls.get(&self.id).map_or_else(gone, |known| CallView::clone(known))
    }

    async fn command(&self, command: Command) -> Result<()> {
        self.front.ask(|answer| Request::Command(command, answer)).await?;
        Ok(())
    }
}

/// What was chosen for this call, else for all of them.
fn heard_at(view: &CallView, preferred: &str) -> String {
    let own = Some(view.endpoint.as_str()).filter(|own| !own.is_empty());
    own.unwrap_or(preferred).to_owned()
}

/// The properties that change, by name; calls are heard at the preferred endpoint where nothing else
/// was chosen.
pub(super) fn properties(view: &CallView, preferred: &str) -> Properties {
    let flags = view.flags;
    let capabilities: Vec<String> = view.capabilities.iter().map(|&one| one.to_owned()).collect();
    let reason = (view.end_reason.0.to_owned(), view.end_reason.1.clone());
    let entries: [(&'static str, Variant<'static>); 25] = [
        ("State", view.state.into()),
        ("PendingAction", view.pending_action.into()),
        ("Remote", view.remote.clone().into()),
        ("DisplayName", view.display_name.clone().into()),
        ("NameSource", view.name_source.into()),
        ("ContactId", view.contact_id.clone().into()),
        ("HasVideo", flags.video.into()),
        ("RemoteVideo", flags.remote_video.into()),
        ("Muted", flags.muted.into()),
        ("Held", flags.held.into()),
        ("RemoteHeld", flags.remote_held.into()),
        ("Silenced", flags.silenced.into()),
        ("Waiting", flags.waiting.into()),
        ("Reconnecting", flags.reconnecting.into()),
        ("Group", ObjectPath::from(group_of(view)).into()),
        ("Capabilities", capabilities.into()),
        ("Encryption", view.encryption.into()),
        ("Endpoint", heard_at(view, preferred).into()),
        ("Quality", quality(&view.quality).into()),
        ("RemoteVideoNode", view.nodes.remote_video.clone().into()),
        ("SelfViewNode", view.nodes.self_view.clone().into()),
        ("RemoteAudioNode", view.nodes.remote_audio.clone().into()),
        ("ConnectedAt", view.connected_at.into()),
        ("EndedAt", view.ended_at.into()),
        ("EndReason", reason.into()),
    ];
    entries.into_iter().collect()
}

fn group_of(view: &CallView) -> OwnedObjectPath {
    view.group.map_or_else(OwnedObjectPath::default, group_path)
}

/// Keys as the contract has them; what is not known has none.
fn quality(of: &Quality) -> HashMap<String, Variant<'static>> {
    let (width, height) = of.picture.unzip();
    let numbers = [
        ("bitrate-in", of.bitrate_in),
        ("bitrate-out", of.bitrate_out),
        ("jitter", of.jitter_ms),
        ("round-trip", of.round_trip_ms),
        ("playout-delay", of.playout_ms),
        ("width", width),
        ("height", height),
    ];
    let numbers = numbers.into_iter().filter_map(|(key, value)| Some((key, value?.into())));
    let loss = of.loss_permille.map(|loss| ("loss", (f64::from(loss) / 1000.0).into()));
    let words = [("codec", &of.codec), ("path", &of.path)];
    let words = words.into_iter().filter_map(|(key, word)| Some((key, word.clone()?.into())));
    numbers.chain(loss).chain(words).map(|(key, value)| (key.to_owned(), value)).collect()
}

fn flag(options: BusDict, name: &str) -> Result<bool> {
    match from_bus(options)?.remove(name) {
        None => Ok(false),
        Some(Plain::Bool(value)) => Ok(value),
        Some(_) => Err(Error::InvalidArgument(format!("options: {name} must be a boolean"))),
    }
}

/// What is said with a refusal.
fn message(options: BusDict) -> Result<Option<Written>> {
    let wrong = |why: &str| Error::InvalidArgument(format!("options: message {why}"));
    match from_bus(options)?.remove("message") {
        None => Ok(None),
        Some(Plain::Text(text)) => {
            let written = Written::new(text, true);
            written.map(Some).map_err(|error| wrong(&format!("is refused: {error}")))
        }
        Some(_) => Err(wrong("must be a string")),
    }
}

#[interface(name = "org.ahoycall.Calls1.Call", introspection_docs = false)]
impl Call {
    async fn answer(&self, options: BusDict) -> Result<()> {
        let video = flag(options, "video")?;
        self.command(Command::Answer { call: self.id, video }).await
    }

    async fn decline(&self, options: BusDict) -> Result<()> {
        let message = message(options)?;
        self.command(Command::Decline(self.id, message)).await
    }

    async fn hang_up(&self, options: BusDict) -> Result<()> {
        from_bus(options)?;
        self.command(Command::HangUp(self.id)).await
    }

    async fn set_muted(&self, muted: bool) -> Result<()> {
        self.command(Command::SetMuted(self.id, muted)).await
    }

    async fn set_held(&self, held: bool) -> Result<()> {
        self.command(Command::SetHeld(self.id, held)).await
    }

    async fn set_video(&self, video: bool) -> Result<()> {
        self.command(Command::SetVideo(self.id, video)).await
    }

    async fn switch_camera(&self, id: String) -> Result<()> {
        self.command(Command::SwitchCamera(self.id, id)).await
    }

    async fn send_dtmf(&self, tones: String) -> Result<()> {
        self.command(Command::SendDtmf(self.id, tones)).await
    }

    async fn silence(&self) -> Result<()> {
        self.command(Command::Silence(self.id)).await
    }

    async fn merge(&self, other: ObjectPath<'_>) -> Result<()> {
        let unknown = || Error::UnknownCall("other: there is no such call".to_owned());
        let other = call_of(other.as_str()).ok_or_else(unknown)?;
        self.command(Command::Merge(self.id, other)).await
    }

    async fn split(&self) -> Result<()> {
        self.command(Command::Split(self.id)).await
    }

    async fn transfer(&self, scheme: String, value: String) -> Result<()> {
        let to = Handle::new(&scheme, &value)
            .map_err(|error| Error::InvalidArgument(error.to_string()))?;
        self.command(Command::Transfer(self.id, to)).await
    }

    async fn set_endpoint(&self, id: String) -> Result<()> {
        self.command(Command::SetEndpoint(self.id, id)).await
    }

    async fn set_local_silence(&self, silent: bool) -> Result<()> {
        self.command(Command::SetLocalSilence(self.id, silent)).await
    }

    async fn set_screen_share(&self, shared: bool) -> Result<()> {
        self.command(Command::SetScreenShare(self.id, shared)).await
    }

    #[zbus(property)]
    fn id(&self) -> String {
        self.id.to_string()
    }
    #[zbus(property)]
    fn provider(&self) -> OwnedObjectPath {
        provider_path(&self.view().provider)
    }
    #[zbus(property)]
    fn app_id(&self) -> String {
        self.view().app_id
    }
    #[zbus(property)]
    fn app_verified(&self) -> bool {
        self.view().app_verified
    }
    #[zbus(property)]
    fn direction(&self) -> String {
        self.view().direction.to_owned()
    }
    #[zbus(property)]
    fn state(&self) -> String {
        self.view().state.to_owned()
    }
    #[zbus(property)]
    fn pending_action(&self) -> String {
        self.view().pending_action.to_owned()
    }
    #[zbus(property)]
    fn remote(&self) -> (String, String) {
        self.view().remote
    }
    #[zbus(property)]
    fn display_name(&self) -> String {
        self.view().display_name
    }
    #[zbus(property)]
    fn name_source(&self) -> String {
        self.view().name_source.to_owned()
    }
    #[zbus(property)]
    fn contact_id(&self) -> String {
        self.view().contact_id
    }
    #[zbus(property)]
    fn avatar_path(&self) -> String {
        String::new()
    }
    #[zbus(property)]
    fn has_video(&self) -> bool {
        self.view().flags.video
    }
    #[zbus(property)]
    fn remote_video(&self) -> bool {
        self.view().flags.remote_video
    }
    #[zbus(property)]
    fn muted(&self) -> bool {
        self.view().flags.muted
    }
    #[zbus(property)]
    fn held(&self) -> bool {
        self.view().flags.held
    }
    #[zbus(property)]
    fn remote_held(&self) -> bool {
        self.view().flags.remote_held
    }
    #[zbus(property)]
    fn silenced(&self) -> bool {
        self.view().flags.silenced
    }
    #[zbus(property)]
    fn waiting(&self) -> bool {
        self.view().flags.waiting
    }
    #[zbus(property)]
    fn reconnecting(&self) -> bool {
        self.view().flags.reconnecting
    }
    #[zbus(property)]
    fn group(&self) -> OwnedObjectPath {
        group_of(&self.view())
    }
    #[zbus(property)]
    fn capabilities(&self) -> Vec<String> {
        self.view().capabilities.into_iter().map(str::to_owned).collect()
    }
    #[zbus(property)]
    fn encryption(&self) -> String {
        self.view().encryption.to_owned()
    }
    #[zbus(property)]
    fn endpoint(&self) -> String {
        heard_at(&self.view(), &self.front.view.borrow().endpoint)
    }
    #[zbus(property)]
    fn quality(&self) -> HashMap<String, Variant<'static>> {
        quality(&self.view().quality)
    }
    #[zbus(property)]
    fn remote_video_node(&self) -> String {
        self.view().nodes.remote_video
    }
    #[zbus(property)]
    fn self_view_node(&self) -> String {
        self.view().nodes.self_view
    }
    #[zbus(property)]
    fn remote_audio_node(&self) -> String {
        self.view().nodes.remote_audio
    }
    #[zbus(property)]
    fn created_at(&self) -> u64 {
        self.view().created_at
    }
    #[zbus(property)]
    fn connected_at(&self) -> u64 {
        self.view().connected_at
    }
    #[zbus(property)]
    fn ended_at(&self) -> u64 {
        self.view().ended_at
    }
    #[zbus(property)]
    fn end_reason(&self) -> (String, String) {
        let reason = self.view().end_reason;
        (reason.0.to_owned(), reason.1)
    }
}
