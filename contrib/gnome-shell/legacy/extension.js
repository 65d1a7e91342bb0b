// The extension for GNOME Shell 43 and 44, whose modules are objects of `imports`.
//
// Owns: where the parts and the Shell's modules come from. Does not own: anything they do.

/* exported init */

const {Atk, Clutter, Gio, GLib, St} = imports.gi;
const Layout = imports.ui.layout;
const Main = imports.ui.main;
const {ahoy, calls, lock, pictures, present, sheet, words} =
    imports.misc.extensionUtils.getCurrentExtension().imports;

function init() {
    return new ahoy.Ahoy({
        Atk, Clutter, Gio, GLib, St, Layout, Main, global,
        ...calls, ...lock, ...pictures, ...present, ...sheet, ...words,
    });
}
