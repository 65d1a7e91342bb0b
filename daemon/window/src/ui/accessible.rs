//! What a widget is called for those who do not see it.
//!
//! Owns: the one call to GTK's C interface. Does not own: the words. The bindings have it for GTK 4.10 and
//! newer only; the library has had it since 4.0. Invariant: the widget outlives the call, which copies
//! the text.
#![expect(unsafe_code, reason = "the C interface of GTK")]

use std::ffi::{c_int, c_void};

use gtk::{ffi, glib, glib::translate::ToGlibPtr as _, prelude::*};

unsafe extern "C" {
    fn gtk_accessible_update_property_value(
        accessible: *mut c_void,
        count: c_int,
        properties: *mut c_int,
        values: *const glib::gobject_ffi::GValue,
    );
}

/// Names a widget.
pub(crate) fn label(widget: &impl IsA<gtk::Widget>, text: &str) {
    let mut property = ffi::GTK_ACCESSIBLE_PROPERTY_LABEL;
    let value = text.to_value();
    let widget: *mut ffi::GtkWidget = widget.as_ref().to_glib_none().0;
    // SAFETY: the widget is live, and every widget is a GtkAccessible; one property and one value are given
    // by pointers that live until the call returns, and it copies the value.
    unsafe {
        gtk_accessible_update_property_value(widget.cast(), 1, &raw mut property, value.as_ptr());
    }
}
