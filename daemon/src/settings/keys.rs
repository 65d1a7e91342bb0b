//! Which settings there are.
//!
//! Owns: names, defaults, rules and what to tell people about each key. Does not own: the file.
//! Invariant: every default passes its own rule. A new setting is one entry here.

use std::{fmt, net::SocketAddr};

use ahoy_core::id::{Handle, ProviderId};

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(on) => write!(f, "{on}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Yes or no.
    Bool {
        /// If nothing is set.
        default: bool,
    },
    /// A whole number from `least` to `most`.
    Number {
        /// If nothing is set.
        default: i64,
        /// The smallest allowed.
        least: i64,
        /// The largest allowed.
        most: i64,
    },
    /// One of some words.
    Choice {
        /// If nothing is set.
        default: &'static str,
        /// All of them.
        words: &'static [&'static str],
    },
    /// Text of a form.
    Text {
        /// If nothing is set.
        default: &'static str,
        /// The form, in words.
        form: &'static str,
        /// Whether a text has it.
        fits: fn(&str) -> bool,
    },
}

impl Rule {
    /// The value if nothing is set.
    #[must_use]
    pub fn default(self) -> Value {
        match self {
            Self::Bool { default } => Value::Bool(default),
            Self::Number { default, .. } => Value::Number(default),
            Self::Choice { default, .. } | Self::Text { default, .. } => {
                Value::Text(default.to_owned())
            }
        }
    }

    /// What is allowed, in words.
    #[must_use]
    pub fn allowed(self) -> String {
        match self {
            Self::Bool { .. } => "true or false".to_owned(),
            Self::Number { least, most, .. } => format!("a whole number from {least} to {most}"),
            Self::Choice { words, .. } => format!("one of {}", words.join(", ")),
            Self::Text { form, .. } => form.to_owned(),
        }
    }

    /// Whether the key takes this value; if not, what it takes.
    ///
    /// # Errors
    /// [`Self::allowed`].
    pub fn check(self, value: &Value) -> Result<(), String> {
        let fits = match (self, value) {
            (Self::Bool { .. }, Value::Bool(_)) => true,
            (Self::Number { least, most, .. }, Value::Number(number)) => {
                (least..=most).contains(number)
            }
            (Self::Choice { words, .. }, Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Text { fits, .. }, Value::Text(text)) => fits(text),
            (Self::Bool { .. }, Value::Number(_) | Value::Text(_))
            | (Self::Number { .. }, Value::Bool(_) | Value::Text(_))
            | (Self::Choice { .. } | Self::Text { .. }, Value::Bool(_) | Value::Number(_)) => false,
        };
        if fits { Ok(()) } else { Err(self.allowed()) }
    }
}

/// A yes-or-no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub(super) Key);
/// A number key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub(super) Key);
/// A text key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(pub(super) Key);

macro_rules! keys {
    ($($kind:ident $constant:ident $variant:ident $name:literal $rule:expr, $doc:literal;)+) => {
        /// A setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = $doc] $variant),+ }

        impl Key {
            /// All settings, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            $(#[doc = $doc] pub const $constant: $kind = $kind(Self::$variant);)+

            /// The dotted name, on the bus and in the file.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What the setting does, for people.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc),+ }
            }

            /// What it takes.
            #[must_use]
            pub const fn rule(self) -> Rule {
                match self { $(Self::$variant => $rule),+ }
            }
        }
    };
}

keys! {
    Text DO_NOT_DISTURB DoNotDisturb "do-not-disturb"
        Rule::Choice { default: "off", words: &["off", "on", "favourites"] },
        "Whether calls ring: off lets all ring, on none, favourites only those on the list.";
    Text FILTER_UNKNOWN FilterUnknown "filter.unknown"
        Rule::Choice { default: "ring", words: &["ring", "silent", "reject"] },
        "What happens to callers who are no contacts.";
    Text FILTER_SPAM FilterSpam "filter.spam"
        Rule::Choice { default: "reject", words: &["silent", "reject"] },
        "What happens to callers whom a directory knows as spam.";
    Text FILTER_DO_NOT_DISTURB FilterDoNotDisturb "filter.do-not-disturb"
        Rule::Choice { default: "silent", words: &["silent", "reject"] },
        "What happens to callers whom Do Not Disturb does not let through.";
    Text FILTER_DESKTOP FilterDesktop "filter.desktop"
        Rule::Choice { default: "favourites", words: &["off", "on", "favourites"] },
        "Who rings while the desktop's own Do Not Disturb is on: as do-not-disturb.";
    Flag FILTER_REPEATED FilterRepeated "filter.repeated"
        Rule::Bool { default: true },
        "Whether who calls again within 3 minutes rings as favourites do.";
    Number RING_TIMEOUT RingTimeout "ring.timeout-s"
        // 60 s is the cap of the bus contract; below 5 s nobody reaches the phone.
        Rule::Number { default: 60, least: 5, most: 60 },
        "How long an incoming call rings, in seconds.";
    Text RING_REPLIES RingReplies "ring.replies"
        Rule::Text {
            default: "I can't talk now. I'll call you later.|I'm on my way.|Can I call you back?",
            form: "up to 9 texts of up to 200 characters each on one line with | between, or empty",
            fits: is_replies,
        },
        "Ready-made texts for a call that is declined with a message, with | between.";
    Flag RING_FLASH RingFlash "ring.flash"
        Rule::Bool { default: false },
        "Whether a ring is shown by light, too: the keyboard's, a phone's, and a notification that blinks.";
    Text DEFAULT_MEDIA DefaultMedia "call.default-media"
        Rule::Choice { default: "voice", words: &["voice", "video"] },
        "What a call is made with when nobody says.";
    Text DEFAULT_PROVIDERS DefaultProviders "call.providers"
        Rule::Text {
            default: "",
            form: "words such as tel=org.example.Phone with spaces between, or empty",
            fits: is_providers,
        },
        "Which app calls by which scheme where several can, by their provider ids.";
    Number KEEP_DAYS KeepDays "history.keep-days"
        Rule::Number { default: 0, least: 0, most: 36_500 },
        "After how many days calls are taken out of the log; 0 keeps them for ever.";
    Text KEYS_STORE KeysStore "keys.store"
        Rule::Choice { default: "auto", words: &["auto", "file", "secret-service"] },
        "Where your keys rest from the next start on; auto is the Secret Service where one is open.";
    Flag LOCK_CAMERA LockCamera "lock.camera"
        Rule::Bool { default: false },
        "Whether the camera may be switched on while the session is locked.";
    Flag LOCK_SHOW_CALLER LockShowCaller "lock.show-caller"
        Rule::Bool { default: false },
        "Whether notifications name the caller while the session is locked.";
    Text MICROPHONE Microphone "audio.microphone" NODE,
        "Microphone for calls, as a PipeWire node name; empty is the session's default.";
    Text SPEAKER Speaker "audio.speaker" NODE,
        "Speaker for calls, as a PipeWire node name; empty is the session's default.";
    Text RINGER Ringer "audio.ringer" NODE,
        "Where it rings, as a PipeWire node name; empty is the session's default.";
    Text CAMERA Camera "video.camera" NODE,
        "Camera for calls, as a PipeWire node name; empty is the session's default.";
    Text VOICE_ENGINE VoiceEngine "voice.engine"
        Rule::Choice { default: "auto", words: &["auto", "pocketsphinx", "vosk"] },
        "Which recogniser hears commands; auto takes Vosk where a model and memory for it are there and no power is saved.";
    Text VOICE_LOCALE VoiceLocale "voice.locale"
        Rule::Text { default: "en-US", form: "a language tag such as en-US", fits: is_locale },
        "The language of voice commands.";
    Text VOICE_MICROPHONE VoiceMicrophone "voice.microphone" NODE,
        "Microphone for voice commands, as a PipeWire node name; empty is the session's default.";
    Flag CAPTIONS Captions "call.captions"
        Rule::Bool { default: false },
        "Whether what the other side says is written along in every call.";
    Flag VOICE_SPEAK VoiceSpeak "voice.speak"
        Rule::Bool { default: true },
        "Whether what is said by voice is answered aloud, by speech-dispatcher or espeak-ng.";
    Text VOICE_ANNOUNCE VoiceAnnounce "voice.announce"
        Rule::Choice { default: "off", words: &["off", "headset", "on"] },
        "Whether who calls is said aloud while it rings; headset: only where nobody else hears it.";
    Flag VOICE_RING_WINDOW VoiceRingWindow "voice.ring-window"
        Rule::Bool { default: false },
        "Whether it listens for answer, decline and the like while it rings, for seconds at a time.";
    Text VOICE_WAKE_WORD VoiceWakeWord "voice.wake-word"
        Rule::Text { default: "", form: "one or two words of letters, such as ahoy, or empty", fits: is_word },
        "Said before a command, it needs no key; the microphone is open for it all the time. Empty is off.";
    Text LISTEN Listen "link.listen"
        // 24690 spells AHOY on a keypad (2469); outside the range the kernel hands out itself.
        Rule::Text {
            default: "24690",
            form: "a port, or an address with a port such as 192.168.1.5:24690 or [::]:24690",
            fits: is_listen,
        },
        "Where other people's Ahoy reaches this one on the network; port 0 picks a free one.";
    Flag MDNS Mdns "link.mdns"
        Rule::Bool { default: true },
        "Whether contacts on the same network find this machine by themselves.";
    Text INTERFACE Interface "link.interface"
        Rule::Text { default: "", form: "the name of a network interface, or empty", fits: is_node },
        "The only network interface to be found on; empty is all of them.";
    Text LAN_NAME LanName "lan.name"
        Rule::Text { default: "", form: "up to 64 characters on one line", fits: is_name },
        "The name that those you invite see first; empty is your user name.";
    Text BRIDGE_SIP BridgeSip "bridge.sip"
        // It has no passwords: an address that others reach would let them call.
        Rule::Text {
            default: "",
            form: "an address of this machine with a port such as 127.0.0.1:4444, or empty",
            fits: is_own_address,
        },
        "Where baresip's ctrl_tcp listens, for SIP calls; empty is off.";
    Flag BRIDGE_MODEM BridgeModem "bridge.modem"
        Rule::Bool { default: true },
        "Whether calls of the mobile network are Ahoy's, too, where ModemManager or oFono has a modem.";
    Flag BRIDGE_PHONE BridgePhone "bridge.phone"
        Rule::Bool { default: true },
        "Whether calls of a phone paired over Bluetooth are Ahoy's, too, where PipeWire has one.";
    Flag SHORTCUTS Shortcuts "shortcuts.global"
        Rule::Bool { default: false },
        "Whether keys of the desktop talk to Ahoy, answer and hang up; the desktop asks you which.";
    Text HEADSET_BUTTON HeadsetButton "headset.button"
        Rule::Choice { default: "on", words: &["on", "calls", "off"] },
        "What a headset's buttons are for: on is answer, hang up, mute and, without a call, talk to Ahoy.";
    Flag HEADSET_MEDIA_KEYS HeadsetMediaKeys "headset.media-keys"
        Rule::Bool { default: false },
        "Whether media keys of keyboards and Bluetooth headsets answer, mute and hang up while there are calls.";
    Flag TRAY_SHOW TrayShow "tray.show"
        Rule::Bool { default: true },
        "Whether Ahoy stands in the tray, where the desktop has one; folded away while nothing happens.";
    Flag MENU_FAVOURITES MenuFavourites "menu.favourites"
        Rule::Bool { default: true },
        "Whether favourites are in the desktop's menu, below Ahoy's own entry (a right click shows them).";
    Flag PAUSE_PLAYERS PausePlayers "call.pause-players"
        Rule::Bool { default: true },
        "Whether music and films (MPRIS) pause while it rings and in calls.";
}

/// A PipeWire node name. Whether the node exists changes with every plug that is pulled.
const NODE: Rule = Rule::Text {
    default: "",
    form: "a PipeWire node name of up to 256 characters, or empty",
    fits: is_node,
};

impl Key {
    /// The key of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }
}

fn is_node(text: &str) -> bool {
    text.len() <= 256 && !text.contains(char::is_control)
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= 64 && !text.contains(char::is_control)
}

/// As many as there are digits on a keypad; as long as a notification shows on the other side.
fn is_replies(text: &str) -> bool {
    let fits = |reply: &str| !reply.trim().is_empty() && reply.chars().count() <= 200;
    text.is_empty()
        || (!text.contains(char::is_control)
            && text.split('|').count() <= 9
            && text.split('|').all(fits))
}

fn is_providers(text: &str) -> bool {
    text.len() <= 4096
        && text.split_whitespace().all(|word| {
            word.split_once('=').is_some_and(|(scheme, id)| {
                Handle::new(scheme, "x").is_ok() && id.parse::<ProviderId>().is_ok()
            })
        })
}

fn is_word(text: &str) -> bool {
    text.len() <= 40
        && text.split(' ').count() <= 2
        && text.chars().all(|c| c.is_alphabetic() || c == ' ' || c == '\'')
}

fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

fn is_listen(text: &str) -> bool {
    parse_listen(text).is_some()
}

fn is_own_address(text: &str) -> bool {
    let address = text.parse::<SocketAddr>();
    text.is_empty() || address.is_ok_and(|one| one.ip().is_loopback() && one.port() != 0)
}

/// The address that a value of `link.listen` means: a bare port is on every interface.
#[must_use]
pub(super) fn parse_listen(text: &str) -> Option<SocketAddr> {
    match text.parse::<u16>() {
        // A dual-stack socket takes IPv4 too.
        Ok(port) => Some(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port))),
        Err(_) => text.parse().ok(),
    }
}

impl super::Settings {
    /// The address of [`Key::BRIDGE_SIP`]; none: off.
    #[must_use]
    pub fn baresip(&self) -> Option<SocketAddr> {
        // The rule of the key has let only addresses through.
        self.text(Key::BRIDGE_SIP).parse().ok()
    }

    /// The address of [`Key::LISTEN`].
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        let unspecified = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
        // The rule of the key has let only addresses through.
        parse_listen(&self.text(Key::LISTEN)).unwrap_or(unspecified)
    }
}
