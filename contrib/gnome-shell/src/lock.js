// The calls on the lock screen.
//
// Owns: when they are shown there and where, the way of the keyboard to them and back. Does not own:
// what is shown (present.js), the unlocked session, which has notifications. Invariant: nothing of a
// call is on the screen unless the session is locked, and nothing is left of it when the call ends.
// The keyboard is never taken: who types a password when it begins to ring must not answer by it.

/* exported Lock */

const MARK = 'ahoy-lock';
// What the Shell calls the actor that the clock and the password lie in.
const DIALOGS = 'lockDialogGroup';
const SECOND = 1;

var Lock = class {
    constructor(env, calls) {
        this._env = env;
        this._calls = calls;
        this._sheets = new Map();
        this._shown = [];
        this._ticking = 0;
        this._before = null;
        const {GLib, Main} = env;
        this._words = env.wordsFor(GLib.get_language_names());
        this._build();
        this._mode = Main.sessionMode.connect('updated', () => this.sync());
        this._captured = this._group.connect('captured-event', (_, event) => this._key(event));
        Main.ctrlAltTabManager.addGroup(this._box, this._words.call, 'call-start-symbolic');
    }

    destroy() {
        const {Main} = this._env;
        this._show([]);
        this._group.disconnect(this._captured);
        Main.sessionMode.disconnect(this._mode);
        Main.ctrlAltTabManager.removeGroup(this._box);
        this._place.destroy();
    }

    // Makes the screen say what the calls are.
    sync() {
        const {present, Main} = this._env;
        const calls = Main.sessionMode.isLocked ? this._calls.all() : [];
        this._show(present(calls, this._calls.rules, this._words));
    }

    _build() {
        const {Clutter, Layout, Main, St} = this._env;
        const {screenShieldGroup} = Main.layoutManager;
        const dialogs = screenShieldGroup.get_children().find(one => one.name === DIALOGS);
        // Keys come by it on their way to the clock or the password; it is below a dark screen.
        this._group = dialogs ?? screenShieldGroup;
        this._box = new St.Widget({
            style_class: 'ahoy-box',
            layout_manager: new Clutter.BoxLayout({spacing: 18}),
            x_align: Clutter.ActorAlign.CENTER,
            y_align: Clutter.ActorAlign.START,
            x_expand: true,
            y_expand: true,
        });
        this._place = new St.Widget({
            name: MARK,
            layout_manager: new Clutter.BinLayout(),
            visible: false,
        });
        this._place.add_constraint(new Layout.MonitorConstraint({primary: true}));
        this._place.add_child(this._box);
        this._group.add_child(this._place);
    }

    _show(sheets) {
        const rang = new Set(this._shown.filter(one => one.rings).map(one => one.path));
        this._shown = sheets;
        const hadFocus = this._hasFocus();
        for (const [path, sheet] of this._sheets) {
            if (!sheets.some(one => one.path === path)) {
                sheet.destroy();
                this._sheets.delete(path);
            }
        }
        for (const sheet of sheets)
            this._draw(sheet);
        this._place.visible = sheets.length > 0;
        // The clock is made anew at each lock, and then lies above us.
        this._group.set_child_above_sibling(this._place, null);
        if (hadFocus && !this._hasFocus())
            this._giveBack();
        this._tick();
        if (sheets.some(one => one.rings && !rang.has(one.path)))
            this._wake();
    }

    _draw(sheet) {
        if (!this._sheets.has(sheet.path)) {
            const made = new this._env.Sheet(this._env, id => this._press(sheet.path, id));
            this._sheets.set(sheet.path, made);
            this._box.add_child(made.actor);
        }
        this._sheets.get(sheet.path).update(sheet, this._detail(sheet));
    }

    _detail({since, details}) {
        const {GLib, duration} = this._env;
        const now = GLib.get_real_time() / 1e6;
        return [...since ? [duration(now - since)] : [], ...details].join(' · ');
    }

    _press(path, id) {
        const does = {
            'answer': () => this._calls.answer(path, false),
            'answer-video': () => this._calls.answer(path, true),
            'decline': () => this._calls.decline(path),
            'hang-up': () => this._calls.hangUp(path),
            'mute': () => this._calls.setMuted(path, true),
            'unmute': () => this._calls.setMuted(path, false),
        };
        does[id]();
    }

    // A clock beside a call that is on needs a second hand; without one nothing ticks.
    _tick() {
        const {GLib} = this._env;
        const wanted = this._shown.some(sheet => sheet.since);
        if (wanted && !this._ticking) {
            this._ticking = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, SECOND, () => {
                this._shown.forEach(sheet => this._draw(sheet));
                return GLib.SOURCE_CONTINUE;
            });
        } else if (!wanted && this._ticking) {
            GLib.source_remove(this._ticking);
            this._ticking = 0;
        }
    }

    // Lights a dark screen, as the Shell does for a notification; not part of its public interface.
    _wake() {
        this._env.Main.screenShield?._wakeUpScreen?.();
    }

    _focus() {
        return this._env.global.stage.get_key_focus();
    }

    _hasFocus() {
        const focus = this._focus();
        return focus !== null && this._box.contains(focus);
    }

    // Tab comes to the calls from the clock and Escape goes back; from the password the way is
    // Ctrl+Alt+Tab, as Tab has other work there.
    _key(event) {
        const {Clutter} = this._env;
        if (event.type() !== Clutter.EventType.KEY_PRESS || !this._place.visible)
            return Clutter.EVENT_PROPAGATE;
        const symbol = event.get_key_symbol();
        const isIn = this._hasFocus();
        if (symbol === Clutter.KEY_Tab && !isIn && !this._isTyping())
            return this._take() ? Clutter.EVENT_STOP : Clutter.EVENT_PROPAGATE;
        if (symbol === Clutter.KEY_Escape && isIn) {
            this._giveBack();
            return Clutter.EVENT_STOP;
        }
        return isIn ? this._move(symbol) : Clutter.EVENT_PROPAGATE;
    }

    _move(symbol) {
        const {Clutter, St} = this._env;
        const ways = new Map([
            [Clutter.KEY_Tab, St.DirectionType.TAB_FORWARD],
            [Clutter.KEY_ISO_Left_Tab, St.DirectionType.TAB_BACKWARD],
            [Clutter.KEY_Left, St.DirectionType.LEFT],
            [Clutter.KEY_Right, St.DirectionType.RIGHT],
        ]);
        if (!ways.has(symbol))
            return Clutter.EVENT_PROPAGATE;
        this._box.navigate_focus(this._focus(), ways.get(symbol), true);
        return Clutter.EVENT_STOP;
    }

    _isTyping() {
        return this._focus() instanceof this._env.Clutter.Text;
    }

    _take() {
        const first = [...this._sheets.values()].map(sheet => sheet.first()).find(one => one);
        this._before = this._focus();
        first?.grab_key_focus();
        return first !== undefined;
    }

    _giveBack() {
        const {global} = this._env;
        const before = this._before;
        this._before = null;
        const isThere = before && this._group.contains(before);
        const dialog = this._group.get_children().find(one => one !== this._place) ?? null;
        global.stage.set_key_focus(isThere ? before : dialog);
    }
};
