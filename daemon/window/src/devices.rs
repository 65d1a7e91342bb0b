//! The microphones, speakers and cameras that PipeWire has now.
//!
//! Owns: one look at them. Does not own: which one is used (the call service's settings). Invariant: a look
//! ends, with what was found until then, within [`LONGEST`].

use std::{cell::RefCell, rc::Rc, time::Duration};

use pipewire::{
    context::Context, core::PW_ID_CORE, main_loop::MainLoop, registry::GlobalObject,
    spa::utils::dict::DictRef, types::ObjectType,
};

/// A PipeWire that does not answer is as good as none.
const LONGEST: Duration = Duration::from_secs(3);

/// What a device is to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Microphone,
    Speaker,
    Camera,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) kind: Kind,
    /// The name of its node, as the settings have it.
    pub(crate) node: String,
    /// For people.
    pub(crate) label: String,
}

/// Looks. Takes a moment: not for the thread that draws.
pub(crate) fn look() -> Result<Vec<Device>, pipewire::Error> {
    pipewire::init();
    let main_loop = MainLoop::new(None)?;
    let core = Context::new(&main_loop)?.connect(None)?;
    let registry = core.get_registry()?;
    let found: Rc<RefCell<Vec<(i64, Device)>>> = Rc::default();
    let into = found.clone();
    let listed = registry
        .add_listener_local()
        .global(move |global| into.borrow_mut().extend(devices(global)))
        .register();
    // Everything that is there is told before the answer to this.
    let pending = core.sync(0)?;
    let (quit, gone) = (main_loop.clone(), main_loop.clone());
    let answered = core
        .add_listener_local()
        .done(move |id, seq| {
            if id == PW_ID_CORE && seq == pending {
                quit.quit();
            }
        })
        .error(move |_, _, _, _| gone.quit())
        .register();
    let late = main_loop.clone();
    let timer = main_loop.loop_().add_timer(move |_| late.quit());
    // Where there is no timer, PipeWire is not asked at all.
    timer.update_timer(Some(LONGEST), None).into_result()?;
    main_loop.run();
    drop((timer, answered, listed));
    let mut found = found.take();
    found.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    Ok(found.into_iter().map(|(_, device)| device).collect())
}

/// What a node is, with what the session manager thinks of it: it takes the highest where nobody chose.
fn devices(global: &GlobalObject<&DictRef>) -> Vec<(i64, Device)> {
    let Some(props) = global.props.filter(|_| global.type_ == ObjectType::Node) else {
        return Vec::new();
    };
    let (Some(class), Some(node)) = (props.get("media.class"), props.get("node.name")) else {
        return Vec::new();
    };
    let priority = props.get("priority.session").and_then(|text| text.parse().ok());
    let label = ["node.description", "node.nick"].into_iter().find_map(|key| props.get(key));
    let device = |kind: &Kind| Device {
        kind: *kind,
        node: node.to_owned(),
        label: label.unwrap_or(node).to_owned(),
    };
    kinds(class, node).iter().map(|kind| (priority.unwrap_or(0), device(kind))).collect()
}

fn kinds(class: &str, node: &str) -> &'static [Kind] {
    match class {
        // The pictures of calls are nodes of this class, too.
        _ if node.starts_with("ahoy") => &[],
        "Audio/Source" | "Audio/Source/Virtual" => &[Kind::Microphone],
        "Audio/Sink" => &[Kind::Speaker],
        "Audio/Duplex" => &[Kind::Microphone, Kind::Speaker],
        "Video/Source" | "Video/Source/Virtual" => &[Kind::Camera],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headset_is_two_devices_and_the_picture_of_a_call_is_none() {
        assert_eq!(kinds("Audio/Duplex", "headset"), [Kind::Microphone, Kind::Speaker]);
        assert_eq!(kinds("Video/Source", "camera"), [Kind::Camera]);
        assert!(kinds("Video/Source", "ahoy-remote-1").is_empty());
        assert!(kinds("Stream/Output/Audio", "player").is_empty());
    }
}
