// The extension, whichever style of modules the Shell has.
//
// Owns: beginning and end of its parts. Does not own: what they do; where they come from (`env`, of
// legacy/extension.js or esm/extension.js). Invariant: after disable() nothing of it is left.

/* exported Ahoy */

var Ahoy = class {
    constructor(env) {
        this._env = env;
    }

    enable() {
        const {Calls, Lock, Pictures} = this._env;
        this._calls = new Calls(this._env, () => this._lock.sync());
        this._lock = new Lock(this._env, this._calls);
        this._pictures = new Pictures(this._env);
        this._lock.sync();
    }

    disable() {
        this._pictures.destroy();
        this._lock.destroy();
        this._calls.destroy();
        this._pictures = this._lock = this._calls = null;
    }
};
