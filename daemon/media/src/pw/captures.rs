//! Capture streams of other programs: which there are, and keeping some of them silent.
//!
//! Owns: what PipeWire says of them, and their `softMute`. Does not own: whose may be heard (the
//! parent). Invariant: a stream that is to hear nothing hears nothing as soon as it is known, also
//! where its program turns it up again; one that is not, and was silenced by us before, is heard.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use ahoy_core::media::CaptureStream;
use pipewire::{
    core::Core,
    node::{Node, NodeListener},
    registry::{GlobalObject, Listener, Registry},
    spa::{param::ParamType, pod::Pod, utils::dict::DictRef},
    types::ObjectType,
};

use super::{Note, Notes, formats};

/// Streams that are looked at; a program that opens more is not one that people talk with.
const MOST: usize = 256;
/// How often a stream that somebody turns up again is silenced again: two who never stop would keep
/// PipeWire busy.
const AGAIN: u32 = 1000;

/// What is known of a stream.
#[derive(Default)]
struct Facts {
    /// PipeWire id of its program's connection.
    client: Option<u32>,
    /// It speaks the protocol of PulseAudio: then the connection is not the program's own.
    by_pulse: bool,
    /// What the program says of its process.
    claimed: Option<u32>,
    app: String,
    /// It hears what a speaker plays, not people.
    of_speaker: bool,
    volumes: Vec<f32>,
    silenced: bool,
    again: u32,
}

/// One capture stream.
struct Stream {
    // The listener goes before what it listens to.
    _listener: NodeListener,
    node: Node,
    facts: Rc<RefCell<Facts>>,
}

impl Stream {
    fn silence(&self, shut: bool) {
        let volumes = std::mem::take(&mut self.facts.borrow_mut().volumes);
        let pod = formats::silence(shut, &volumes);
        if let Some(pod) = Pod::from_bytes(&pod) {
            self.node.set_param(ParamType::Props, 0, pod);
        }
        let mut facts = self.facts.borrow_mut();
        facts.volumes = volumes;
        facts.silenced = shut;
    }
}

#[derive(Default)]
struct State {
    streams: RefCell<BTreeMap<u32, Stream>>,
    /// Process of each connection to PipeWire, as the kernel says.
    clients: RefCell<BTreeMap<u32, u32>>,
    shut: RefCell<BTreeSet<u32>>,
    complete: Cell<bool>,
    told: RefCell<Vec<CaptureStream>>,
}

impl State {
    fn tell(&self, notes: &Notes) {
        let clients = self.clients.borrow();
        let all: Vec<CaptureStream> = (self.streams.borrow().iter())
            .filter(|(_, stream)| !stream.facts.borrow().of_speaker)
            .map(|(node, stream)| {
                let facts = stream.facts.borrow();
                let known = facts.client.and_then(|id| clients.get(&id).copied());
                let process = if facts.by_pulse { facts.claimed } else { known.or(facts.claimed) };
                CaptureStream { node: *node, process, app: facts.app.clone() }
            })
            .collect();
        if self.complete.get() && *self.told.borrow() != all {
            self.told.borrow_mut().clone_from(&all);
            notes(Note::Captures(all));
        }
    }

    /// A stream says how loud it is.
    fn heard(&self, node: u32, props: &Pod) {
        let streams = self.streams.borrow();
        let Some(stream) = streams.get(&node) else { return };
        let (silenced, volumes) = formats::loudness(props);
        let shut = self.shut.borrow().contains(&node);
        let wrong = {
            let mut facts = stream.facts.borrow_mut();
            // Volumes that are set anew undo the silence, whatever the property says.
            let turned = volumes.is_some_and(|volumes| {
                let differ = facts.volumes != volumes && !facts.volumes.is_empty();
                facts.volumes = volumes;
                differ
            });
            let silenced = silenced.unwrap_or(facts.silenced);
            facts.silenced = silenced;
            let wrong = shut != silenced || (shut && turned);
            facts.again += u32::from(wrong);
            if facts.again == AGAIN {
                tracing::warn!(node, "a program does not let its microphone be shut");
            }
            wrong && facts.again < AGAIN
        };
        if wrong {
            stream.silence(shut);
        }
    }
}

/// Watches the capture streams of one connection.
pub(super) struct Captures {
    _listener: Listener,
    _registry: Rc<Registry>,
    state: Rc<State>,
    notes: Notes,
}

impl Captures {
    /// Starts watching.
    pub(super) fn new(core: &Core, notes: Notes) -> Result<Self, pipewire::Error> {
        let registry = Rc::new(core.get_registry()?);
        let state = Rc::new(State::default());
        let (added, added_notes, binds) = (state.clone(), notes.clone(), registry.clone());
        let (removed, removed_notes) = (state.clone(), notes.clone());
        let listener = registry
            .add_listener_local()
            .global(move |global| added_global(&added, &added_notes, &binds, global))
            .global_remove(move |id| {
                removed.clients.borrow_mut().remove(&id);
                let gone = removed.streams.borrow_mut().remove(&id);
                if gone.is_some() {
                    removed.tell(&removed_notes);
                }
            })
            .register();
        Ok(Self { _listener: listener, _registry: registry, state, notes })
    }

    /// To be called once everything has been listed.
    pub(super) fn listed(&self) -> impl Fn() + 'static {
        let (state, notes) = (self.state.clone(), self.notes.clone());
        move || {
            state.complete.set(true);
            state.tell(&notes);
        }
    }

    /// These hear nothing, all others do.
    pub(super) fn shut(&self, nodes: &BTreeSet<u32>) {
        self.state.shut.borrow_mut().clone_from(nodes);
        for (node, stream) in &*self.state.streams.borrow() {
            let (shut, silenced) = (nodes.contains(node), stream.facts.borrow().silenced);
            stream.facts.borrow_mut().again = 0;
            if shut != silenced {
                stream.silence(shut);
            }
        }
    }
}

fn added_global(
    state: &Rc<State>,
    notes: &Notes,
    registry: &Registry,
    global: &GlobalObject<&DictRef>,
) {
    let Some(props) = global.props else { return };
    if global.type_ == ObjectType::Client {
        if let Some(process) = number(props, "pipewire.sec.pid") {
            state.clients.borrow_mut().insert(global.id, process);
            state.tell(notes);
        }
        return;
    }
    let captures = props.get("media.class") == Some("Stream/Input/Audio");
    if global.type_ != ObjectType::Node || !captures || state.streams.borrow().len() >= MOST {
        return;
    }
    if let Ok(node) = registry.bind::<Node, _>(global) {
        let stream = follow(node, global.id, state, notes);
        state.streams.borrow_mut().insert(global.id, stream);
    }
}

fn follow(node: Node, id: u32, state: &Rc<State>, notes: &Notes) -> Stream {
    let facts = Rc::new(RefCell::new(Facts::default()));
    let (known, told, tells) = (facts.clone(), Rc::downgrade(state), notes.clone());
    let hears = told.clone();
    let listener = node
        .add_listener_local()
        .info(move |info| {
            if let (Some(props), Some(state)) = (info.props(), told.upgrade()) {
                learn(&mut known.borrow_mut(), props);
                state.tell(&tells);
            }
        })
        .param(move |_, kind, _, _, props| {
            if let (ParamType::Props, Some(props), Some(state)) = (kind, props, hears.upgrade()) {
                state.heard(id, props);
            }
        })
        .register();
    node.subscribe_params(&[ParamType::Props]);
    Stream { _listener: listener, node, facts }
}

fn number(props: &DictRef, key: &str) -> Option<u32> {
    props.get(key)?.parse().ok()
}

/// What is told later may be told in part.
fn learn(facts: &mut Facts, props: &DictRef) {
    facts.client = number(props, "client.id").or(facts.client);
    facts.by_pulse |= props.get("client.api") == Some("pipewire-pulse");
    facts.claimed = number(props, "application.process.id").or(facts.claimed);
    facts.of_speaker |= props.get("stream.capture.sink") == Some("true");
    if let Some(app) = props.get("pipewire.access.portal.app_id") {
        app.clone_into(&mut facts.app);
    }
}
