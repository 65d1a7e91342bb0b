// What is to be seen of the calls while the session is locked, as plain values.
//
// Owns: which calls, which words, which buttons. Does not own: the words' languages (words.js), drawing, the
// bus, whether the session is locked. Invariant: a name or an address stands in what comes out only if `rules.caller`; no
// button promises what the service refuses on a lock.

/* exported present, duration */

// What a button is; what it is called stands in the words.
const ANSWER = {id: 'answer', icon: 'call-start-symbolic', kind: 'yes'};
const VIDEO = {id: 'answer-video', icon: 'camera-video-symbolic', kind: 'yes'};
const DECLINE = {id: 'decline', icon: 'call-stop-symbolic', kind: 'no'};
const HANG_UP = {id: 'hang-up', icon: 'call-stop-symbolic', kind: 'no'};
const MUTE = {id: 'mute', icon: 'audio-input-microphone-symbolic', kind: 'plain'};
const MUTED = {id: 'unmute', icon: 'microphone-sensitivity-muted-symbolic', kind: 'on'};

// 83 -> "1:23", 3723 -> "1:02:03"
function duration(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const two = number => String(number).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return hours > 0
        ? `${hours}:${two(minutes)}:${two(whole % 60)}`
        : `${minutes}:${two(whole % 60)}`;
}

function who(call, rules) {
    return rules.caller ? call.name || call.address : '';
}

function named(buttons, words) {
    return buttons.map(button => ({...button, ...words.buttons[button.id]}));
}

function ringing(call, rules, words) {
    const name = who(call, rules);
    const what = call.showsVideo ? words.incomingVideo : words.incoming;
    const marks = [call.isEncrypted && words.encrypted, call.isWaiting && words.waiting];
    const buttons = call.offersVideo && rules.camera
        ? [ANSWER, VIDEO, DECLINE]
        : [ANSWER, DECLINE];
    return {
        path: call.path,
        rings: true,
        title: name || what,
        details: [name ? what : 'Ahoy', ...marks].filter(one => one),
        since: 0,
        buttons: named(buttons, words),
        isBusy: call.isPending,
    };
}

function talking(call, rules, words) {
    const isActive = call.state === 'active';
    const marks = [!isActive && words.connecting, call.isHeld && words.held,
        call.isEncrypted && words.encrypted];
    const buttons = isActive ? [call.isMuted ? MUTED : MUTE, HANG_UP] : [HANG_UP];
    return {
        path: call.path,
        rings: false,
        title: who(call, rules) || words.call,
        details: marks.filter(one => one),
        // In seconds, of the wall clock.
        since: isActive ? call.connectedAt / 1e6 : 0,
        buttons: named(buttons, words),
        isBusy: false,
    };
}

// What rings first, then what one talks in or, without such, what is held: one sheet each.
function present(calls, rules, words) {
    const rings = calls.filter(call => call.isIncoming && call.state === 'ringing');
    const others = calls.filter(call => !rings.includes(call) && call.state !== 'reported');
    const ring = rings.find(call => !call.isWaiting) ?? rings[0];
    const talk = others.find(call => !call.isHeld) ?? others[0];
    return [
        ...ring ? [ringing(ring, rules, words)] : [],
        ...talk ? [talking(talk, rules, words)] : [],
    ];
}
