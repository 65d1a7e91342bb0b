//! What may be done while the session is locked (design/dbus.md, "Rules").
//!
//! Owns: the one table of it, by request, by command and by spoken word. Does not own: whether the
//! session is locked (`desktop/session`). Invariant: every way from a person to the engine (bus,
//! click, voice) goes through [`App::carry_out`]; providers do not: they work as always.

use std::time::Duration;

use ahoy_core::{
    engine::{Command, Lock as EngineLock},
    id::Now,
    voice::{Bare, Kind},
};
use tokio::sync::watch;

use super::{
    App, Setup, Waiter,
    desk::Shown,
    request::{Fault, FaultKind, Request},
};
use crate::{
    desktop::session::Place,
    settings::{Key, Settings},
};

/// The services that know of the lock answer in milliseconds; a start must not hang on them.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// What is said of everything else.
pub(super) const WHY: &str = "the session is locked: unlock it first";

/// Whether a request is carried out while the session is locked; `camera`: the person lets it on
/// all the same.
#[must_use]
fn may_while_locked(request: &Request, camera: bool) -> bool {
    match request {
        Request::Command(command, _) => command_may_while_locked(command, camera),
        // Providers work as always.
        Request::Register(..)
        | Request::ReadRingtone(..)
        | Request::Report(..)
        | Request::Unregister(..)
        | Request::PeerGone(..)
        | Request::DiallerGone(_)
        | Request::Performed(..)
        | Request::WakeFailed(..) => true,
        // The device that a call that is on is heard on; and what works says nothing of people.
        Request::SetEndpoint(..) | Request::Doctor(_) => true,
        // Of what is heard, few words count: `may_be_said`.
        Request::Listen(..) | Request::StopListening(_) => true,
        // Dialling.
        Request::Start(..) => false,
        // The log.
        Request::History(..)
        | Request::HistoryRemove(..)
        | Request::HistoryClear(..)
        | Request::HistorySeen(..) => false,
        // Contacts; a reading of words names them too.
        Request::ContactSearch(..)
        | Request::ContactQuery(..)
        | Request::ContactResolve(..)
        | Request::ContactPut(..)
        | Request::ContactRemove(..)
        | Request::ContactFavourite(..)
        | Request::ContactImport(..)
        | Request::Interpret(..)
        | Request::Teach(..)
        | Request::ForgetSounds(..)
        | Request::VoiceDoctor(_) => false,
        // What is said in a call is not for a lock screen.
        Request::Captions(..) => false,
        // Who we are, and whom we let in.
        Request::Invite(..)
        | Request::Confirm(..)
        | Request::Accept(..)
        | Request::Devices(_)
        | Request::Backup(..)
        | Request::Restore(..) => false,
        // Who gets through.
        Request::Block(..)
        | Request::Unblock(..)
        | Request::Blocked(_)
        | Request::SetPolicy(..)
        | Request::AddDirectory(..) => false,
        // Settings.
        Request::SetDoNotDisturb(..)
        | Request::SettingGet(..)
        | Request::SettingSet(..)
        | Request::SettingList(_) => false,
    }
}

/// The same for a command on calls: the core has the table.
#[must_use]
const fn command_may_while_locked(command: &Command, camera: bool) -> bool {
    !command.needs_open_session() || (camera && matches!(command, Command::SetVideo(..)))
}

/// Whether a spoken command is carried out while the session is locked (design/voice.md: answer,
/// decline, hang up, mute only).
#[must_use]
pub(super) const fn may_be_said(kind: Kind) -> bool {
    let Kind::Bare(bare) = kind else { return false };
    // Of others, whoever stands before a locked machine must not open a microphone that was closed.
    matches!(
        bare,
        Bare::Answer
            | Bare::AnswerVideo
            | Bare::Decline
            | Bare::HangUp
            | Bare::Mute
            // Declines what rings or hangs up what is on.
            | Bare::Stop
    )
}

/// An answer with the camera off.
fn without_camera(command: Command) -> Command {
    if let Command::Answer { call, .. } = command {
        Command::Answer { call, video: false }
    } else {
        command
    }
}

fn fault() -> Fault {
    Fault::new(FaultKind::SessionLocked, WHY)
}

/// The lock, as the app sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lock {
    pub(super) is_locked: bool,
}

impl Lock {
    /// Whether this request may be carried out now.
    pub(super) fn check(self, request: &Request, settings: &Settings) -> Result<(), Fault> {
        let may = !self.is_locked || may_while_locked(request, settings.flag(Key::LOCK_CAMERA));
        if may { Ok(()) } else { Err(fault()) }
    }

    /// The command as it may be carried out now.
    fn admit(self, command: Command, settings: &Settings) -> Result<Command, Fault> {
        let camera = settings.flag(Key::LOCK_CAMERA);
        if !self.is_locked {
            return Ok(command);
        }
        if !command_may_while_locked(&command, camera) {
            return Err(fault());
        }
        Ok(if camera { command } else { without_camera(command) })
    }

    /// What a notification may show now.
    pub(super) fn shown(self, settings: &Settings) -> Shown {
        let when_locked = settings.flag(Key::LOCK_SHOW_CALLER);
        Shown {
            caller: !self.is_locked || when_locked,
            when_locked,
            camera: !self.is_locked || settings.flag(Key::LOCK_CAMERA),
            // To be named is not to be read: what somebody wrote is for the one it was written to.
            words: !self.is_locked,
        }
    }
}

/// Where the session is, by the environment.
pub(super) fn place(setup: &Setup) -> Place {
    let variable = |name| (setup.variable)(name).and_then(|value| value.into_string().ok());
    Place { system_bus: variable("DBUS_SYSTEM_BUS_ADDRESS"), id: variable("XDG_SESSION_ID") }
}

/// Whether the session is locked now. Calls come and go all the same where nobody says.
pub(super) async fn first_lock(locked: &mut watch::Receiver<Option<bool>>) -> bool {
    match tokio::time::timeout(FIRST_LOOK, locked.wait_for(Option::is_some)).await {
        Ok(Ok(locked)) => locked.unwrap_or_default(),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("nobody says whether the session is locked: taken as open until then");
            false
        }
    }
}

impl App {
    /// Hands a person's command to the engine, as far as the lock lets it.
    pub(super) async fn carry_out(&mut self, now: Now, waiter: Waiter, command: Command) {
        match self.lock.admit(command, &self.settings) {
            Ok(command) => {
                let id = self.command_id(waiter);
                self.service.handle_command(now, id, command);
            }
            Err(fault) => self.tell_waiter(waiter, Err(fault)).await,
        }
    }

    /// The session was locked or unlocked.
    pub(super) async fn lock_changed(&mut self, now: Now, locked: bool) {
        self.lock.is_locked = locked;
        let video = self.settings.flag(Key::LOCK_CAMERA);
        self.service.set_lock(if locked { EngineLock::Locked { video } } else { EngineLock::Open });
        tracing::info!(locked, "session");
        // Before anything else is told, so that nobody sees an answer of the time before.
        let effects = self.talk.set_locked(locked);
        self.voice_effects(now, effects).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use ahoy_core::{
        call::{Marks, NameSource, Party},
        id::{CallId, GroupId, Handle, SenderId},
        written::Written,
    };
    use tokio::sync::oneshot;

    use super::*;
    use crate::app::request::{Answer, Caller, Plain, StartWish};

    fn answer<T>() -> Answer<T> {
        oneshot::channel().0
    }

    fn later() -> Written {
        Written::new("Later".to_owned(), true).expect("a text")
    }

    fn commands() -> Vec<(&'static str, Command)> {
        let call = CallId([7; 16]);
        let handle = Handle::new("tel", "+49301").expect("a handle");
        let party = Party {
            handle: handle.clone(),
            name: String::new(),
            source: NameSource::None,
            contact: None,
            marks: Marks::default(),
        };
        let start =
            Command::Start { sender: SenderId::OWN, provider: None, party, video: false, id: None };
        vec![
            ("Manager.StartCall", start),
            ("Call.SwitchCamera", Command::SwitchCamera(call, String::new())),
            ("Call.SetLocalSilence", Command::SetLocalSilence(call, true)),
            ("Call.Merge", Command::Merge(call, CallId([8; 16]))),
            ("Call.Split", Command::Split(call)),
            ("Call.Transfer", Command::Transfer(call, handle)),
            ("Call.SetEndpoint", Command::SetEndpoint(call, String::new())),
            ("Call.SetScreenShare", Command::SetScreenShare(call, true)),
            ("Group.HangUp", Command::GroupHangUp(GroupId(1))),
            ("Group.SetMuted", Command::GroupSetMuted(GroupId(1), true)),
            ("Group.SetHeld", Command::GroupSetHeld(GroupId(1), true)),
            ("Call.Answer", Command::Answer { call, video: true }),
            ("Call.Decline", Command::Decline(call, Some(later()))),
            ("Call.HangUp", Command::HangUp(call)),
            ("Call.SetHeld", Command::SetHeld(call, false)),
            ("Call.SetMuted", Command::SetMuted(call, false)),
            ("Call.SetVideo", Command::SetVideo(call, true)),
            ("Call.SendDtmf", Command::SendDtmf(call, "1".to_owned())),
            ("Call.Silence", Command::Silence(call)),
            ("Manager.SilenceRinger", Command::SilenceRinger),
            ("Manager.PressPrimary", Command::PressPrimary),
            ("Manager.PressSecondary", Command::PressSecondary),
            ("Manager.EndAll", Command::EndAll),
        ]
    }

    /// Every request with the method that makes it. The compiler keeps the table complete: a new
    /// request has no arm there, and no method here.
    fn requests() -> Vec<(&'static str, Request)> {
        let text = || "x".to_owned();
        let file = || fs::File::open("/dev/null").expect("a file").into();
        let host = Caller::Host(":1.1".to_owned());
        let mut all = vec![
            ("Manager.StartCall", Request::Start(StartWish::default(), host, answer())),
            ("Manager.SetDoNotDisturb", Request::SetDoNotDisturb(text(), 0, answer())),
            ("Manager.Doctor", Request::Doctor(answer())),
            ("History.Query", Request::History(Default::default(), 1, text(), answer())),
            ("History.Remove", Request::HistoryRemove(Vec::new(), answer())),
            ("History.Clear", Request::HistoryClear(Default::default(), answer())),
            ("History.MarkSeen", Request::HistorySeen(Vec::new(), answer())),
            ("Contacts.Search", Request::ContactSearch(text(), 1, answer())),
            ("Contacts.Query", Request::ContactQuery(text(), 1, text(), answer())),
            ("Contacts.Resolve", Request::ContactResolve((text(), text()), answer())),
            ("Contacts.Put", Request::ContactPut(Default::default(), answer())),
            ("Contacts.Remove", Request::ContactRemove(text(), answer())),
            ("Contacts.SetFavourite", Request::ContactFavourite(text(), true, answer())),
            ("Contacts.Import", Request::ContactImport(file(), text(), answer())),
            ("Identity.Invite", Request::Invite(Default::default(), answer())),
            ("Identity.Accept", Request::Accept(text(), Default::default(), answer())),
            ("Identity.Devices", Request::Devices(answer())),
            ("Call.Verification.Confirm", Request::Confirm(CallId([7; 16]), true, answer())),
            ("Identity.Backup", Request::Backup(file(), text(), answer())),
            ("Identity.Restore", Request::Restore(file(), text(), answer())),
            ("Voice.Listen", Request::Listen(None, answer())),
            ("Voice.Stop", Request::StopListening(answer())),
            ("Call.Captions.SetEnabled", Request::Captions(CallId([7; 16]), true, answer())),
            ("Voice.Interpret", Request::Interpret(text(), answer())),
            ("Voice.Teach", Request::Teach(text(), None, answer())),
            ("Voice.Forget", Request::ForgetSounds(text(), answer())),
            ("Voice.Doctor", Request::VoiceDoctor(answer())),
            ("Filter.Block", Request::Block((text(), text(), text()), answer())),
            ("Filter.Unblock", Request::Unblock((text(), text()), answer())),
            ("Filter.List", Request::Blocked(answer())),
            ("Filter.SetPolicy", Request::SetPolicy(Default::default(), answer())),
            ("Filter.AddDirectory", Request::AddDirectory(text(), file(), answer())),
            ("Settings.Get", Request::SettingGet(text(), answer())),
            ("Settings.Set", Request::SettingSet(text(), Plain::Bool(true), answer())),
            ("Settings.List", Request::SettingList(answer())),
            ("Audio.SetPreferred", Request::SetEndpoint(text(), answer())),
        ];
        let commands = commands().into_iter();
        all.extend(commands.map(|(method, command)| (method, Request::Command(command, answer()))));
        all
    }

    /// Methods of the contract that may refuse with SessionLocked, as `Interface.Method`.
    fn refused_by_the_contract() -> BTreeSet<String> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dbus");
        let mut refused = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("dbus") {
            let path = entry.expect("entry").path();
            let name = path.file_name().expect("name").to_string_lossy().into_owned();
            let Some(interface) = name.strip_suffix(".xml") else { continue };
            let interface = interface.trim_start_matches("org.ahoycall.Calls1.");
            let xml = fs::read_to_string(&path).expect("xml");
            let mut errors = "";
            for part in xml.split("<!--").skip(1) {
                let (comment, members) = part.split_once("-->").expect("the comment ends");
                if let Some((_, after)) = comment.split_once("Errors:") {
                    errors = after;
                }
                if let Some((_, method)) = members.split_once("<method name=\"") {
                    let method = method.split('"').next().expect("a name");
                    if errors.contains("SessionLocked") {
                        refused.insert(format!("{interface}.{method}"));
                    }
                }
            }
        }
        refused
    }

    #[test]
    fn what_the_lock_refuses_is_what_the_contract_says() {
        let refused = refused_by_the_contract();
        assert!(refused.len() > 20, "{refused:?}");
        for (method, request) in requests() {
            let may = may_while_locked(&request, false);
            assert_eq!(may, !refused.contains(method), "{method}");
        }
    }

    #[test]
    fn a_refused_request_is_answered() {
        for (method, request) in requests() {
            // A dropped answer would be told as "shutting down".
            request.refuse(fault());
            assert!(!method.is_empty());
        }
        let (answer, mut answered) = oneshot::channel();
        Request::Devices(answer).refuse(fault());
        let refused = answered.try_recv().expect("an answer").expect_err("refused");
        assert_eq!(refused.kind, FaultKind::SessionLocked);
    }

    fn with(config: &str) -> Settings {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("config.toml");
        fs::write(&path, config).expect("write");
        Settings::load(&path).expect("load").0
    }

    #[test]
    fn the_camera_stays_off_until_the_unlock_unless_the_person_said_otherwise() {
        let (default, allowed) = (with(""), with("[lock]\ncamera = true\n"));
        let call = CallId([7; 16]);
        let (locked, open) = (Lock { is_locked: true }, Lock::default());
        let answered = |lock: Lock, settings: &Settings| {
            lock.admit(Command::Answer { call, video: true }, settings).expect("answers")
        };
        assert_eq!(answered(locked, &default), Command::Answer { call, video: false });
        assert_eq!(answered(locked, &allowed), Command::Answer { call, video: true });
        assert_eq!(answered(open, &default), Command::Answer { call, video: true });
        let camera = |on| locked.admit(Command::SetVideo(call, on), &default);
        assert_eq!(camera(true).expect_err("refused").kind, FaultKind::SessionLocked);
        assert_eq!(camera(false), Ok(Command::SetVideo(call, false)));
        assert!(locked.admit(Command::SetVideo(call, true), &allowed).is_ok());
    }

    #[test]
    fn a_locked_session_declines_and_says_nothing_in_the_owners_name() {
        let (settings, call) = (with(""), CallId([7; 16]));
        let locked = Lock { is_locked: true };
        let plain = Command::Decline(call, None);
        assert_eq!(locked.admit(plain.clone(), &settings), Ok(plain));
        let with_message = Command::Decline(call, Some(later()));
        let refused = locked.admit(with_message, &settings).expect_err("refused");
        assert_eq!(refused.kind, FaultKind::SessionLocked);
    }

    #[test]
    fn a_caller_is_named_on_a_locked_screen_only_if_the_person_said_so() {
        let (default, allowed) = (with(""), with("[lock]\nshow-caller = true\n"));
        let (locked, open) = (Lock { is_locked: true }, Lock::default());
        let shown =
            |caller, when_locked, open| Shown { caller, when_locked, camera: open, words: open };
        assert_eq!(open.shown(&default), shown(true, false, true));
        assert_eq!(locked.shown(&default), shown(false, false, false));
        assert_eq!(locked.shown(&allowed), shown(true, true, false));
    }

    #[test]
    fn by_voice_a_locked_session_answers_declines_hangs_up_and_mutes() {
        use Bare::{Answer, AnswerVideo, Decline, HangUp, Mute, Stop};
        let may = [Answer, AnswerVideo, Decline, HangUp, Mute, Stop].map(Kind::Bare);
        for (kind, name) in Kind::all() {
            assert_eq!(may_be_said(kind), may.contains(&kind), "{name}");
        }
    }
}
