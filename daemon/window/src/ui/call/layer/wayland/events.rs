//! What the compositor tells the small picture.
//!
//! Owns: turning its events into what they mean. Does not own: what is done then (`screen`). Invariant: an event that is
//! not understood changes nothing.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what protocols will have more means nothing here"
)]

use std::sync::atomic::Ordering;

use wayland_client::{
    Connection, Dispatch, QueueHandle, WEnum, delegate_noop,
    globals::GlobalListContents,
    protocol::{
        wl_buffer::{self, WlBuffer},
        wl_compositor::WlCompositor,
        wl_pointer::{self, ButtonState, WlPointer},
        wl_region::WlRegion,
        wl_registry::{self, WlRegistry},
        wl_seat::{self, Capability, WlSeat},
        wl_shm::WlShm,
        wl_shm_pool::WlShmPool,
        wl_subcompositor::WlSubcompositor,
        wl_subsurface::WlSubsurface,
        wl_surface::WlSurface,
        wl_touch::{self, WlTouch},
    },
};
use wayland_protocols::wp::viewporter::client::{
    wp_viewport::WpViewport, wp_viewporter::WpViewporter,
};
use wayland_protocols_wlr::layer_shell::v1::client::{
    zwlr_layer_shell_v1::ZwlrLayerShellV1,
    zwlr_layer_surface_v1::{self, ZwlrLayerSurfaceV1},
};

use super::{screen::Screen, store::Busy};

/// `BTN_LEFT` of linux/input-event-codes.h.
const LEFT: u32 = 0x110;

impl Dispatch<ZwlrLayerSurfaceV1, ()> for Screen {
    fn event(
        own: &mut Self,
        _: &ZwlrLayerSurfaceV1,
        event: zwlr_layer_surface_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            zwlr_layer_surface_v1::Event::Configure { serial, width, height } => {
                if let Err(error) = own.configure(serial, (width, height)) {
                    tracing::warn!(%error, "picture-in-picture has no memory");
                    own.is_over = true;
                }
            }
            zwlr_layer_surface_v1::Event::Closed => own.is_over = true,
            _ => {}
        }
    }
}

impl Dispatch<WlSeat, ()> for Screen {
    fn event(
        own: &mut Self,
        seat: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_seat::Event::Capabilities { capabilities: WEnum::Value(has) } = event else {
            return;
        };
        // One that goes is dead, also when it comes again (wl_seat.capabilities); and what it held it holds no more.
        if !has.contains(Capability::Pointer) {
            own.lose_pointer();
        } else if own.pointer.is_none() {
            own.pointer = Some(seat.get_pointer(queue, ()));
        }
        if !has.contains(Capability::Touch) {
            own.lose_touch();
        } else if own.touch.is_none() {
            own.touch = Some(seat.get_touch(queue, ()));
        }
    }
}

impl Dispatch<WlPointer, ()> for Screen {
    fn event(
        own: &mut Self,
        _: &WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_pointer::Event::Enter { serial, surface_x, surface_y, .. } => {
                own.at = (surface_x, surface_y);
                own.entered = serial;
                own.point(true);
            }
            wl_pointer::Event::Motion { surface_x, surface_y, .. } => {
                own.at = (surface_x, surface_y);
                own.point(false);
                if own.finger.is_none() {
                    own.drag(own.at);
                }
            }
            // A finger has it, and a pointer is moved by its touch only.
            _ if own.finger.is_some() => {}
            // Whoever lets go of it elsewhere is not heard.
            wl_pointer::Event::Leave { .. } => own.release(),
            wl_pointer::Event::Button {
                time, button: LEFT, state: WEnum::Value(state), ..
            } => match state {
                ButtonState::Pressed => own.press(time, own.at),
                _ => own.release(),
            },
            _ => {}
        }
    }
}

impl Dispatch<WlTouch, ()> for Screen {
    fn event(
        own: &mut Self,
        _: &WlTouch,
        event: wl_touch::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_touch::Event::Down { time, id, x, y, .. } if own.finger.is_none() => {
                own.finger = Some(id);
                own.press(time, (x, y));
            }
            wl_touch::Event::Motion { id, x, y, .. } if own.finger == Some(id) => own.drag((x, y)),
            wl_touch::Event::Up { id, .. } if own.finger == Some(id) => {
                own.finger = None;
                own.release();
            }
            wl_touch::Event::Cancel => {
                own.finger = None;
                own.release();
            }
            _ => {}
        }
    }
}

impl Dispatch<WlBuffer, Busy> for Screen {
    fn event(
        own: &mut Self,
        _: &WlBuffer,
        event: wl_buffer::Event,
        busy: &Busy,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if matches!(event, wl_buffer::Event::Release) {
            busy.store(false, Ordering::Release);
            if let Err(error) = own.show_waiting() {
                tracing::debug!(%error, "a picture was not shown aside");
            }
        }
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for Screen {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

delegate_noop!(Screen: WlCompositor);
delegate_noop!(Screen: WlRegion);
delegate_noop!(Screen: WlShmPool);
delegate_noop!(Screen: WlSubcompositor);
delegate_noop!(Screen: WlSubsurface);
delegate_noop!(Screen: WpViewport);
delegate_noop!(Screen: WpViewporter);
delegate_noop!(Screen: ZwlrLayerShellV1);
// Formats, and which screens it is on: the two formats that every compositor has are enough, wherever it is.
delegate_noop!(Screen: ignore WlShm);
delegate_noop!(Screen: ignore WlSurface);
