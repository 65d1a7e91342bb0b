// The extension for GNOME Shell 45 and newer, whose modules are those of ECMAScript.
//
// Owns: where the parts and the Shell's modules come from. Does not own: anything they do.

import Atk from 'gi://Atk';
import Clutter from 'gi://Clutter';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import St from 'gi://St';

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';
import * as Layout from 'resource:///org/gnome/shell/ui/layout.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';

import {Ahoy} from './ahoy.js';
import {Calls} from './calls.js';
import {Lock} from './lock.js';
import {Pictures} from './pictures.js';
import {duration, present} from './present.js';
import {Sheet} from './sheet.js';
import {wordsFor} from './words.js';

export default class AhoyExtension extends Extension {
    enable() {
        this._ahoy = new Ahoy({
            Atk, Clutter, Gio, GLib, St, Layout, Main, global,
            Calls, Lock, Pictures, Sheet, duration, present, wordsFor,
        });
        this._ahoy.enable();
    }

    disable() {
        this._ahoy.disable();
        this._ahoy = null;
    }
}
