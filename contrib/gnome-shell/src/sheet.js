// One call as actors: a card with words and buttons.
//
// Owns: the actors of one call, their names for assistive technology. Does not own: what they say
// (present.js), where they are (lock.js). Invariant: the actor of a button stays the same as long as
// what it does stays the same, so that neither the keyboard's focus nor a press that is under way is
// lost when something else changes.

/* exported Sheet */

const CLASS = 'ahoy';

var Sheet = class {
    // `press` is called with the id of a button.
    constructor(env, press) {
        const {Atk, Clutter, St} = env;
        this._env = env;
        this._press = press;
        this._made = [];
        this._title = new St.Label({style_class: `${CLASS}-title`});
        this._detail = new St.Label({style_class: `${CLASS}-detail`});
        for (const label of [this._title, this._detail])
            label.x_align = Clutter.ActorAlign.CENTER;
        this._buttons = new St.Widget({
            style_class: `${CLASS}-buttons`,
            layout_manager: new Clutter.BoxLayout({homogeneous: true, spacing: 12}),
            x_expand: true,
        });
        this.actor = new St.Widget({
            style_class: `${CLASS}-card`,
            layout_manager: new Clutter.BoxLayout({orientation: Clutter.Orientation.VERTICAL}),
            accessible_role: Atk.Role.ALERT,
            // What is clicked beside the buttons is not for the screen below.
            reactive: true,
        });
        for (const child of [this._title, this._detail, this._buttons])
            this.actor.add_child(child);
    }

    destroy() {
        this.actor.destroy();
    }

    // `text`: the second line.
    update(sheet, text) {
        this._title.text = sheet.title;
        this._detail.text = text;
        this._detail.visible = text !== '';
        this.actor.accessible_name = sheet.rings
            ? [sheet.title, ...sheet.details].join(', ')
            : sheet.title;
        this._replace(sheet.buttons);
        for (const button of this._made) {
            button.reactive = !sheet.isBusy;
            button.can_focus = !sheet.isBusy;
        }
    }

    // The button that the keyboard comes to first.
    first() {
        return this._made.find(button => button.can_focus);
    }

    _replace(buttons) {
        const focused = this._made.findIndex(button => button.has_key_focus());
        const named = id => this._made.find(button => button.name === `${CLASS}-${id}`);
        const wanted = buttons.map(button => named(button.id) ?? this._button(button));
        this._made.filter(button => !wanted.includes(button)).forEach(button => button.destroy());
        wanted.forEach((button, index) => {
            if (button.get_parent() === null)
                this._buttons.insert_child_at_index(button, index);
        });
        // Mute became unmute: the next press of the same key undoes it.
        if (focused >= 0 && wanted.length === this._made.length)
            wanted[focused].grab_key_focus();
        this._made = wanted;
    }

    _button({id, label, icon, kind, says}) {
        const {Clutter, St} = this._env;
        const content = new St.Widget({
            layout_manager: new Clutter.BoxLayout({spacing: 8}),
            x_align: Clutter.ActorAlign.CENTER,
        });
        content.add_child(new St.Icon({icon_name: icon, style_class: `${CLASS}-icon`}));
        content.add_child(new St.Label({text: label, y_align: Clutter.ActorAlign.CENTER}));
        const button = new St.Button({
            style_class: `${CLASS}-button ${CLASS}-${kind}`,
            child: content,
            name: `${CLASS}-${id}`,
            accessible_name: says ?? label,
            can_focus: true,
            reactive: true,
            track_hover: true,
            x_expand: true,
        });
        button.connect('clicked', () => this._press(id));
        return button;
    }
};
