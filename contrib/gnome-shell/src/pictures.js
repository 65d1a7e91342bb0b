// Picture-in-picture: a small window of a call that stays in sight.
//
// Owns: keeping such windows above the others and on every workspace. Does not own: the windows.
// Invariant: what was done to a window is undone when it is no such window any more; what the person
// did to it is not. The contract with the window program is MARK and APP and nothing else.

/* exported Pictures */

// Windows of this application ...
const APP = 'org.ahoycall.Ahoy';
// ... whose title begins so.
const MARK = 'Ahoy picture-in-picture';
// On Wayland a window is there before it says whose it is and what it is called.
const TOLD = ['notify::title', 'notify::wm-class', 'notify::gtk-application-id'];

var Pictures = class {
    constructor({global}) {
        this._display = global.display;
        this._windows = new Map();
        this._created = this._display.connect('window-created', (_, window) => this._follow(window));
        global.get_window_actors().forEach(actor => this._follow(actor.meta_window));
    }

    destroy() {
        this._display.disconnect(this._created);
        for (const [window, known] of this._windows) {
            this._release(window, known);
            known.handlers.forEach(id => window.disconnect(id));
        }
        this._windows.clear();
    }

    _follow(window) {
        if (this._windows.has(window))
            return;
        const known = {raised: false, stuck: false, handlers: []};
        this._windows.set(window, known);
        const look = () => this._look(window, known);
        known.handlers = TOLD.map(signal => window.connect(signal, look));
        known.handlers.push(window.connect('unmanaged', () => {
            known.handlers.forEach(id => window.disconnect(id));
            this._windows.delete(window);
        }));
        look();
    }

    _look(window, known) {
        const isOurs = [window.get_gtk_application_id(), window.get_wm_class()].includes(APP);
        if (isOurs && (window.get_title() ?? '').startsWith(MARK))
            this._keep(window, known);
        else
            this._release(window, known);
    }

    _keep(window, known) {
        if (!known.raised && !window.is_above()) {
            window.make_above();
            known.raised = true;
        }
        if (!known.stuck && !window.is_on_all_workspaces()) {
            window.stick();
            known.stuck = true;
        }
    }

    _release(window, known) {
        if (known.raised)
            window.unmake_above();
        if (known.stuck)
            window.unstick();
        known.raised = known.stuck = false;
    }
};
