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

/// Devices by the number of their node, with what the session manager thinks of it: of two it takes
/// the one with the higher priority. A headset's duplex node is two devices.
type Known = BTreeMap<u32, (i64, Vec<Device>)>;

#[derive(Default)]
struct List {
    known: RefCell<Known>,
    complete: Cell<bool>,
}

impl List {
    fn tell(&self, notes: &Notes) {
        if self.complete.get() {
            notes(Note::Devices(listed(&self.known.borrow())));
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
                if !devices.1.is_empty() {
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

/// The best first; of equals the one that came first.
fn listed(known: &Known) -> Vec<Device> {
    let mut all: Vec<&(i64, Vec<Device>)> = known.values().collect();
    all.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    all.into_iter().flat_map(|(_, devices)| devices).cloned().collect()
}

fn devices(global: &GlobalObject<&DictRef>) -> (i64, Vec<Device>) {
    let Some(props) = global.props.filter(|_| global.type_ == ObjectType::Node) else {
        return (0, Vec::new());
    };
    let (Some(class), Some(name)) = (props.get("media.class"), props.get("node.name")) else {
        return (0, Vec::new());
    };
    let number = |key: &str| props.get(key).and_then(|text| text.parse::<i64>().ok());
    let hardware = number("device.id").and_then(|id| u32::try_from(id).ok());
    let label = ["node.description", "node.nick"].into_iter().find_map(|key| props.get(key));
    let device = |kind| Device {
        kind,
        name: name.to_owned(),
        label: label.unwrap_or(name).to_owned(),
        hardware,
    };
    let devices = kinds(class).iter().copied().map(device).collect();
    (number("priority.session").unwrap_or(0), devices)
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
    fn the_one_that_the_session_prefers_is_first() {
        let device = |name: &str| Device {
            kind: DeviceKind::Camera,
            name: name.to_owned(),
            label: name.to_owned(),
            hardware: None,
        };
        let node = |priority, name| (priority, vec![device(name)]);
        let known = Known::from([(40, node(0, "a")), (41, node(900, "b")), (42, node(0, "c"))]);
        let names: Vec<String> = listed(&known).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["b", "a", "c"]);
    }

    #[test]
    fn only_device_nodes_count() {
        assert_eq!(kinds("Audio/Duplex").len(), 2);
        assert_eq!(kinds("Video/Source"), [DeviceKind::Camera]);
        assert!(kinds("Stream/Output/Audio").is_empty());
        assert!(kinds("Stream/Output/Video").is_empty());
    }
}
