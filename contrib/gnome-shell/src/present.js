// What is to be seen of the calls while the session is locked, as plain values.
//
// Owns: which calls, which words, which buttons. Does not own: drawing, the bus, whether the session
// is locked. Invariant: a name or an address stands in what comes out only if `rules.caller`; no
// button promises what the service refuses on a lock.

/* exported present, duration */

const ANSWER = {id: 'answer', label: 'Answer', icon: 'call-start-symbolic', kind: 'yes'};
const VIDEO = {
    id: 'answer-video', label: 'Video', icon: 'camera-video-symbolic', kind: 'yes',
    says: 'Answer with video',
};
const DECLINE = {id: 'decline', label: 'Decline', icon: 'call-stop-symbolic', kind: 'no'};
const HANG_UP = {id: 'hang-up', label: 'Hang up', icon: 'call-stop-symbolic', kind: 'no'};
const MUTE = {
    id: 'mute', label: 'Mute', icon: 'audio-input-microphone-symbolic', kind: 'plain',
    says: 'Mute the microphone',
};
const MUTED = {
    id: 'unmute', label: 'Muted', icon: 'microphone-sensitivity-muted-symbolic', kind: 'on',
    says: 'The microphone is muted: unmute it',
};

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

function ringing(call, rules) {
    const named = who(call, rules);
    const what = call.showsVideo ? 'Incoming video call' : 'Incoming call';
    const marks = [call.isEncrypted && 'encrypted', call.isWaiting && 'waiting'];
    const buttons = call.offersVideo && rules.camera
        ? [ANSWER, VIDEO, DECLINE]
        : [ANSWER, DECLINE];
    return {
        path: call.path,
        rings: true,
        title: named || what,
        details: [named ? what : 'Ahoy', ...marks].filter(one => one),
        since: 0,
        buttons,
        isBusy: call.isPending,
    };
}

function talking(call, rules) {
    const isActive = call.state === 'active';
    const marks = [!isActive && 'connecting …', call.isHeld && 'on hold',
        call.isEncrypted && 'encrypted'];
    return {
        path: call.path,
        rings: false,
        title: who(call, rules) || 'Call',
        details: marks.filter(one => one),
        // In seconds, of the wall clock.
        since: isActive ? call.connectedAt / 1e6 : 0,
        buttons: isActive ? [call.isMuted ? MUTED : MUTE, HANG_UP] : [HANG_UP],
        isBusy: false,
    };
}

// What rings first, then what one talks in or, without such, what is held: one sheet each.
function present(calls, rules) {
    const rings = calls.filter(call => call.isIncoming && call.state === 'ringing');
    const others = calls.filter(call => !rings.includes(call) && call.state !== 'reported');
    const ring = rings.find(call => !call.isWaiting) ?? rings[0];
    const talk = others.find(call => !call.isHeld) ?? others[0];
    return [
        ...ring ? [ringing(ring, rules)] : [],
        ...talk ? [talking(talk, rules)] : [],
    ];
}
