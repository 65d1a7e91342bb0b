// The calls of org.ahoycall.Calls1, and what the person allows to be shown of them on a lock.
//
// Owns: following the bus, asking the service to do things. Does not own: what is shown.
// Invariant: when the service goes, so does everything that is known; a setting that could not be
// read counts as "no"; what a call is about (names, addresses) is never logged.

/* exported Calls */

const NAME = 'org.ahoycall.Calls1';
const ROOT = '/org/ahoycall/Calls1';
const CALL = `${NAME}.Call`;
// Longer than the service's own limit for an answer, 20 s.
const PATIENCE = 25000;

// The settings that concern a lock; the service gives them out while the session is open only.
const RULES = new Map([['lock.show-caller', 'caller'], ['lock.camera', 'camera']]);

var Calls = class {
    // `changed` is called after everything that may change what is to be shown.
    constructor({Gio, GLib}, changed) {
        this._gio = Gio;
        this._glib = GLib;
        this._changed = changed;
        this._cancellable = new Gio.Cancellable();
        this._subscriptions = [];
        this._handlers = [];
        this._manager = null;
        this._bus = Gio.DBus.session;
        this._forget();
        this._subscribe(`${NAME}.Settings`, 'Changed', null, values => this._learn(values));
        this._subscribe('org.freedesktop.DBus.Properties', 'PropertiesChanged', `${NAME}.Manager`,
            (_, values) => values.SessionLocked?.unpack() === false && this._ask());
        Gio.DBusObjectManagerClient.new_for_bus(Gio.BusType.SESSION,
            Gio.DBusObjectManagerClientFlags.DO_NOT_AUTO_START, NAME, ROOT, null,
            this._cancellable, (_, result) => this._connected(result));
    }

    destroy() {
        this._cancellable.cancel();
        this._subscriptions.forEach(id => this._bus.signal_unsubscribe(id));
        this._handlers.forEach(id => this._manager.disconnect(id));
        this._subscriptions = [];
        this._handlers = [];
        this._manager = null;
    }

    // Every call that is not over, in the order of their beginning.
    all() {
        const objects = this._manager?.get_objects() ?? [];
        const proxies = objects.map(object => object.get_interface(CALL)).filter(one => one);
        return proxies.map(proxy => this._read(proxy))
            .filter(call => call.state && call.state !== 'ended')
            .sort((one, other) => one.createdAt - other.createdAt);
    }

    answer(path, video) {
        this._do(path, 'Answer', '(a{sv})', [{video: this._glib.Variant.new_boolean(video)}]);
    }

    decline(path) {
        this._do(path, 'Decline', '(a{sv})', [{}]);
    }

    hangUp(path) {
        this._do(path, 'HangUp', '(a{sv})', [{}]);
    }

    setMuted(path, muted) {
        this._do(path, 'SetMuted', '(b)', [muted]);
    }

    _read(proxy) {
        const value = name => proxy.get_cached_property(name)?.recursiveUnpack();
        return {
            path: proxy.get_object_path(),
            state: value('State') ?? '',
            isIncoming: value('Direction') === 'incoming',
            isPending: (value('PendingAction') ?? '') !== '',
            name: value('DisplayName') ?? '',
            address: value('Remote')?.[1] ?? '',
            offersVideo: value('Capabilities')?.includes('video') ?? false,
            showsVideo: value('RemoteVideo') ?? false,
            isEncrypted: (value('Encryption') ?? '').startsWith('e2e'),
            isMuted: value('Muted') ?? false,
            isHeld: value('Held') ?? false,
            isWaiting: value('Waiting') ?? false,
            createdAt: value('CreatedAt') ?? 0,
            connectedAt: value('ConnectedAt') ?? 0,
        };
    }

    _subscribe(interfaceName, member, about, heard) {
        const id = this._bus.signal_subscribe(NAME, interfaceName, member, ROOT, about,
            this._gio.DBusSignalFlags.NONE,
            (...[, , , , , body]) => heard(...body.deepUnpack()));
        this._subscriptions.push(id);
    }

    _connected(result) {
        const {DBusObjectManagerClient} = this._gio;
        let manager;
        try {
            manager = DBusObjectManagerClient.new_for_bus_finish(result);
        } catch (error) {
            this._complain('following the calls', error);
            return;
        }
        if (this._cancellable.is_cancelled())
            return;
        this._manager = manager;
        const on = (signal, heard) => this._handlers.push(manager.connect(signal, heard));
        on('object-added', () => this._changed());
        on('object-removed', () => this._changed());
        on('interface-proxy-properties-changed', () => this._changed());
        on('notify::name-owner', () => this._ownerChanged());
        this._ownerChanged();
    }

    _ownerChanged() {
        this._forget();
        if (this._manager.get_name_owner())
            this._ask();
        this._changed();
    }

    _forget() {
        this.rules = {caller: false, camera: false};
    }

    _ask() {
        for (const key of RULES.keys()) {
            this._call(ROOT, `${NAME}.Settings`, 'Get', new this._glib.Variant('(s)', [key]),
                values => this._learn({[key]: values[0]}));
        }
    }

    _learn(values) {
        for (const [key, value] of Object.entries(values)) {
            if (RULES.has(key))
                this.rules[RULES.get(key)] = value.recursiveUnpack() === true;
        }
        this._changed();
    }

    _do(path, method, type, parameters) {
        this._call(path, CALL, method, new this._glib.Variant(type, parameters), () => {});
    }

    _call(path, interfaceName, method, parameters, done) {
        const finish = (bus, result) => {
            try {
                done(bus.call_finish(result).deepUnpack());
            } catch (error) {
                this._complain(method, error);
            }
        };
        this._bus.call(NAME, path, interfaceName, method, parameters, null,
            this._gio.DBusCallFlags.NO_AUTO_START, PATIENCE, this._cancellable, finish);
    }

    // The kind of the error only: its text may name somebody.
    _complain(what, error) {
        const {DBusError, IOErrorEnum} = this._gio;
        const kind = DBusError.get_remote_error(error) ?? 'no answer';
        const isExpected = error.matches?.(IOErrorEnum, IOErrorEnum.CANCELLED) ||
            kind.endsWith('.SessionLocked');
        if (!isExpected)
            console.warn(`Ahoy: ${what}: ${kind}`);
    }
};
