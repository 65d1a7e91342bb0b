//! What other programs capture, and closing it.
//!
//! Owns: their capture streams as PipeWire lists them, which programs are muted. Does not own: who is
//! to be muted. Invariant: a muted program's stream is muted from the moment it is listed; nothing
//! but the soft mute is touched, which session managers do not remember for the next time.
//!
//! A stream belongs to the process that its connection belongs to, or that it names itself (programs
//! that come through PulseAudio's protocol have another's connection).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use pipewire::{
    node::{Node, NodeListener},
    registry::{GlobalObject, Registry},
    spa::{
        param::ParamType,
        pod::{Pod, Value},
        utils::dict::DictRef,
    },
    types::ObjectType,
};

use super::formats;

/// One stream. The listener is dropped before what it listens to.
struct Capture {
    _listener: NodeListener,
    node: Rc<Node>,
    client: Option<u32>,
    named: Rc<Cell<Option<u32>>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Captures {
    /// The process behind each connection.
    clients: RefCell<BTreeMap<u32, u32>>,
    streams: RefCell<BTreeMap<u32, Capture>>,
    muted: RefCell<BTreeSet<u32>>,
}

fn number(props: &DictRef, key: &str) -> Option<u32> {
    props.get(key)?.parse().ok()
}

impl Captures {
    /// Something is listed.
    pub(super) fn add(self: &Rc<Self>, registry: &Registry, global: &GlobalObject<&DictRef>) {
        let Some(props) = global.props else { return };
        if global.type_ == ObjectType::Client {
            if let Some(process) = number(props, "pipewire.sec.pid") {
                self.clients.borrow_mut().insert(global.id, process);
            }
        } else if global.type_ == ObjectType::Node
            && props.get("media.class") == Some("Stream/Input/Audio")
            && let Ok(node) = registry.bind::<Node, _>(global)
        {
            self.follow(global.id, Rc::new(node), number(props, "client.id"));
        }
    }

    fn follow(self: &Rc<Self>, id: u32, node: Rc<Node>, client: Option<u32>) {
        let named = Rc::new(Cell::new(None));
        let (all, says) = (Rc::downgrade(self), named.clone());
        let listener = node
            .add_listener_local()
            .info(move |info| {
                says.set(info.props().and_then(|props| number(props, "application.process.id")));
                if let Some(all) = all.upgrade() {
                    all.close(id);
                }
            })
            .register();
        let capture = Capture { _listener: listener, node, client, named };
        self.streams.borrow_mut().insert(id, capture);
        self.close(id);
    }

    /// Something is gone.
    pub(super) fn remove(&self, id: u32) {
        self.clients.borrow_mut().remove(&id);
        self.streams.borrow_mut().remove(&id);
    }

    /// Mutes a program, or opens what it captures again.
    pub(super) fn set(&self, process: u32, muted: bool) {
        let changed = if muted {
            self.muted.borrow_mut().insert(process)
        } else {
            self.muted.borrow_mut().remove(&process)
        };
        if changed {
            for stream in self.streams.borrow().values().filter(|one| self.is_of(one, process)) {
                mute(&stream.node, muted);
            }
        }
    }

    fn is_of(&self, stream: &Capture, process: u32) -> bool {
        let clients = self.clients.borrow();
        let owner = stream.client.and_then(|client| clients.get(&client).copied());
        owner == Some(process) || stream.named.get() == Some(process)
    }

    /// Mutes a stream if its program is.
    fn close(&self, id: u32) {
        let streams = self.streams.borrow();
        let muted = self.muted.borrow();
        if let Some(stream) = streams.get(&id)
            && muted.iter().any(|process| self.is_of(stream, *process))
        {
            mute(&stream.node, true);
        }
    }
}

fn mute(node: &Node, muted: bool) {
    let bytes = formats::soft_mute(Value::Bool(muted));
    if let Some(pod) = Pod::from_bytes(&bytes) {
        node.set_param(ParamType::Props, 0, pod);
    }
}
