//! The devices that PipeWire offers.
//!
//! Owns: which nodes count as devices and what they are called. Does not own: which one is used.
//! Invariant: a list is sent only after PipeWire has listed everything, then at every change.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use ahoy_core::media::{Device, DeviceKind};
use pipewire::{
    core::Core,
    registry::{GlobalObject, Listener, Registry},
    spa::utils::dict::DictRef,
    types::ObjectType,
};

use super::{Note, Notes};

/// Devices by the number of their node. A headset's duplex node is two devices.
type Known = BTreeMap<u32, Vec<Device>>;

#[derive(Default)]
struct List {
    known: RefCell<Known>,
    complete: Cell<bool>,
}

impl List {
    fn tell(&self, notes: &Notes) {
        if self.complete.get() {
            let devices = self.known.borrow().values().flatten().cloned().collect();
            notes(Note::Devices(devices));
        }
    }
}

/// Watches the registry of one connection.
pub(super) struct Watch {
    _listener: Listener,
    _registry: Registry,
    list: Rc<List>,
    notes: Notes,
}

impl Watch {
    /// Starts watching.
    pub(super) fn new(core: &Core, notes: Notes) -> Result<Self, pipewire::Error> {
        let registry = core.get_registry()?;
        let list = Rc::new(List::default());
        let (added, added_notes) = (list.clone(), notes.clone());
        let (removed, removed_notes) = (list.clone(), notes.clone());
        let listener = registry
            .add_listener_local()
            .global(move |global| {
                let devices = devices(global);
                if !devices.is_empty() {
                    added.known.borrow_mut().insert(global.id, devices);
                    added.tell(&added_notes);
                }
            })
            .global_remove(move |id| {
                if removed.known.borrow_mut().remove(&id).is_some() {
                    removed.tell(&removed_notes);
                }
            })
            .register();
        Ok(Self { _listener: listener, _registry: registry, list, notes })
    }

    /// To be called once everything has been listed.
    pub(super) fn listed(&self) -> impl Fn() + 'static {
        let (list, notes) = (self.list.clone(), self.notes.clone());
        move || {
            list.complete.set(true);
            list.tell(&notes);
        }
    }
}

fn devices(global: &GlobalObject<&DictRef>) -> Vec<Device> {
    let Some(props) = global.props.filter(|_| global.type_ == ObjectType::Node) else {
        return Vec::new();
    };
    let (Some(class), Some(name)) = (props.get("media.class"), props.get("node.name")) else {
        return Vec::new();
    };
    let label = ["node.description", "node.nick"].into_iter().find_map(|key| props.get(key));
    let device =
        |kind| Device { kind, name: name.to_owned(), label: label.unwrap_or(name).to_owned() };
    kinds(class).iter().copied().map(device).collect()
}

/// What a node of this media class is to a call. Monitors of speakers are no microphones: they
/// have no node of their own. Streams of programs are no devices.
fn kinds(class: &str) -> &'static [DeviceKind] {
    match class {
        "Audio/Source" | "Audio/Source/Virtual" => &[DeviceKind::Microphone],
        "Audio/Sink" => &[DeviceKind::Speaker],
        "Audio/Duplex" => &[DeviceKind::Microphone, DeviceKind::Speaker],
        "Video/Source" | "Video/Source/Virtual" => &[DeviceKind::Camera],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_device_nodes_count() {
        assert_eq!(kinds("Audio/Duplex").len(), 2);
        assert_eq!(kinds("Video/Source"), [DeviceKind::Camera]);
        assert!(kinds("Stream/Output/Audio").is_empty());
        assert!(kinds("Stream/Output/Video").is_empty());
    }
}
