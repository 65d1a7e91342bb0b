// Every word that is shown or read out, in each language.
//
// Owns: the words, and which language is meant. Does not own: where they stand. Invariant: each language
// has every word. A table and not gettext: with fifteen words, a program to compile them at each
// installation would be one more thing that may be missing, and the lock would speak English without a
// hint why.

/* exported wordsFor, LANGUAGES */

var LANGUAGES = {
    en: {
        call: 'Call',
        incoming: 'Incoming call',
        incomingVideo: 'Incoming video call',
        encrypted: 'encrypted',
        waiting: 'waiting',
        connecting: 'connecting …',
        held: 'on hold',
        // `says` is read out instead of `label`, where that is too short for who does not see the icon.
        buttons: {
            'answer': {label: 'Answer'},
            'answer-video': {label: 'Video', says: 'Answer with video'},
            'decline': {label: 'Decline'},
            'hang-up': {label: 'Hang up'},
            'mute': {label: 'Mute', says: 'Mute the microphone'},
            'unmute': {label: 'Muted', says: 'The microphone is muted: unmute it'},
        },
    },
    de: {
        call: 'Anruf',
        incoming: 'Eingehender Anruf',
        incomingVideo: 'Eingehender Videoanruf',
        encrypted: 'verschlüsselt',
        waiting: 'wartet',
        connecting: 'wird verbunden …',
        held: 'gehalten',
        buttons: {
            'answer': {label: 'Annehmen'},
            'answer-video': {label: 'Video', says: 'Mit Video annehmen'},
            'decline': {label: 'Ablehnen'},
            'hang-up': {label: 'Auflegen'},
            'mute': {label: 'Stumm', says: 'Das Mikrofon stummschalten'},
            'unmute': {label: 'Stumm', says: 'Das Mikrofon ist stumm: wieder einschalten'},
        },
    },
    ko: {
        call: '통화',
        incoming: '전화가 왔습니다',
        incomingVideo: '영상 통화가 왔습니다',
        encrypted: '암호화됨',
        waiting: '통화 대기',
        connecting: '연결 중 …',
        held: '보류 중',
        buttons: {
            'answer': {label: '받기'},
            'answer-video': {label: '영상', says: '영상으로 받기'},
            'decline': {label: '거절'},
            'hang-up': {label: '끊기'},
            'mute': {label: '음소거', says: '마이크 음소거'},
            'unmute': {label: '음소거됨', says: '마이크가 음소거되었습니다. 음소거 해제'},
        },
    },
};

// The words for names of languages as GLib lists them, the most wanted first: "de_AT.UTF-8", "de_AT", "de", "C". English
// wanted before another one is English, and so is what nobody translated.
function wordsFor(names) {
    const languages = names.map(name => name.split(/[_.@]/)[0]);
    return LANGUAGES[languages.find(language => Object.hasOwn(LANGUAGES, language)) ?? 'en'];
}
