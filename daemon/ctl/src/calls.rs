//! Commands on calls: place, answer, decline, end, mute, hold, camera, digits, silence.
//!
//! Owns: their arguments and what they print. Does not own: which call is meant (pick), whom a
//! name means (names). Invariant: success is printed only after the daemon said that it is done.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use serde_json::json;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use crate::{
    bus::{Bus, CALL, MANAGER, SETTINGS},
    complete::people,
    error::{Error, Result},
    names,
    out::{Out, clean},
    pick::{self, Call, Fits},
    value::Options,
};

const CALL_TEXT: &str = "org.ahoycall.Calls1.Call.Text";
const CALL_CAPTIONS: &str = "org.ahoycall.Calls1.Call.Captions";
/// The setting with the texts that are ready.
const REPLIES: &str = "ring.replies";

/// `call`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl call alice
  ahoyctl call \"Alice Smith\" --video
  ahoyctl call bob --via work
  ahoyctl call +4930123456
  ahoyctl call sip:bob@example.org --provider org.example.Phone")]
pub struct CallArgs {
    /// A contact's name, a number, or an address such as tel:+49…, sip:bob@host, ahoy:KEY
    #[arg(value_name = "NAME|HANDLE", add = ArgValueCompleter::new(people))]
    pub who: String,
    /// Call with picture
    #[arg(long)]
    pub video: bool,
    /// The app that shall place the call
    #[arg(long, value_name = "ID")]
    pub provider: Option<String>,
    /// Which of the contact's addresses: its scheme (tel, sip, ahoy) or its label (home, work)
    #[arg(long, value_name = "SCHEME|LABEL")]
    pub via: Option<String>,
}

/// `answer`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ahoyctl answer\n  ahoyctl answer --video\n  ahoyctl answer bob"
)]
pub struct AnswerArgs {
    /// Which call, where several ring
    pub call: Option<String>,
    /// Answer with picture
    #[arg(long)]
    pub video: bool,
}

/// `decline`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl decline
  ahoyctl decline --message \"I am late, I will call you\"
  ahoyctl decline bob --reply 1               the first of the ready-made ones
  ahoyctl settings get ring.replies           which those are, with | between")]
pub struct DeclineArgs {
    /// Which call, where several ring
    pub call: Option<String>,
    /// A text for the caller, at most 4096 bytes, where the call can carry it
    #[arg(long, value_name = "TEXT", conflicts_with = "reply")]
    pub message: Option<String>,
    /// A ready-made text for the caller: 1 is the first one of the setting ring.replies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    pub reply: Option<u8>,
}

/// `hangup`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ahoyctl hangup\n  ahoyctl hangup alice\n  ahoyctl hangup --all"
)]
pub struct HangupArgs {
    /// Which call, where several are on
    #[arg(conflicts_with = "all")]
    pub call: Option<String>,
    /// End all calls
    #[arg(long)]
    pub all: bool,
}

/// A command on one call, without more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples (mute stands for mute, unmute, hold, resume, silence, split):
  ahoyctl mute
  ahoyctl mute alice")]
pub struct OneCall {
    /// Which call, where several are on
    pub call: Option<String>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// `camera`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl camera on\n  ahoyctl camera off alice")]
pub struct CameraArgs {
    /// on or off
    pub switch: Switch,
    /// Which call, where several are on
    pub call: Option<String>,
}

/// `switch-camera`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ahoyctl switch-camera\n  ahoyctl switch-camera \"Front Camera\""
)]
pub struct SwitchCameraArgs {
    /// Which camera; the next one without it
    #[arg(value_name = "CAMERA", default_value = "")]
    pub id: String,
    /// Which call, where several are on
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

/// `deafen` and `share`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples (deafen stands for deafen and share):
  ahoyctl deafen on
  ahoyctl deafen off alice")]
pub struct SwitchArgs {
    /// on or off
    pub switch: Switch,
    /// Which call, where several are on
    pub call: Option<String>,
}

/// The buttons of a headset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Button {
    /// Answers what rings, else hangs up what is on
    Primary,
    /// Declines what rings
    Secondary,
}

/// `press`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl press               for a key of the keyboard: answer, else hang up
  ahoyctl press secondary     decline")]
pub struct PressArgs {
    /// Which button
    #[arg(default_value = "primary")]
    pub button: Button,
}

/// `dtmf`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl dtmf 1234#\n  ahoyctl dtmf 2 --call bank")]
pub struct DtmfArgs {
    /// Digits 0-9, * and #, A-D
    pub digits: String,
    /// Which call, where several are on
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

/// `text`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl text \"I hear you badly\"
  ahoyctl text \"The address is 12 Long Lane\" --call bob
  ahoyctl watch --only text         what the other side writes")]
pub struct TextArgs {
    /// What to write, at most 4096 bytes
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// Which call, where several are on
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

/// `captions`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl captions on
  ahoyctl captions off --call bob
  ahoyctl watch --only caption      what is understood, as it is said
  ahoyctl settings set call.captions true    in every call")]
pub struct CaptionsArgs {
    /// Write along with what the other side says, or stop
    pub switch: Switch,
    /// Which call, where several are on
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

/// Places a call.
pub async fn call(args: CallArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let callee = names::callee(&bus, &args.who, args.via.as_deref()).await?;
    let mut options = Options::from([("video", Variant::from(args.video))]);
    if !callee.name.is_empty() {
        options.insert("display-name", Variant::from(callee.name.as_str()));
        options.insert("contact-id", Variant::from(callee.contact_id.as_str()));
    }
    // What a launcher handed us lets the call's window come to the front.
    let token = std::env::var("XDG_ACTIVATION_TOKEN").unwrap_or_default();
    if !token.is_empty() {
        options.insert("activation-token", Variant::from(token.as_str()));
    }
    let handles = [(callee.handle.scheme.as_str(), callee.handle.value.as_str())];
    let provider = args.provider.as_deref().unwrap_or_default();
    let body = (provider, handles.as_slice(), options);
    let path: OwnedObjectPath =
        out.wait("starting the call", bus.call(MANAGER, "StartCall", &body)).await?;
    let shown = if callee.name.is_empty() {
        clean(&format!("{}:{}", callee.handle.scheme, callee.handle.value))
    } else {
        clean(&callee.name)
    };
    let kind = if args.video { ", video" } else { "" };
    out.both(
        format!("Calling {shown}{kind}. End it with: ahoyctl hangup"),
        &json!({
            "call": path.as_str(), "name": callee.name, "contact_id": callee.contact_id,
            "remote": [callee.handle.scheme, callee.handle.value], "video": args.video,
        }),
    )
}

/// Answers.
pub async fn answer(args: AnswerArgs, out: &Out) -> Result<()> {
    let options = Options::from([("video", Variant::from(args.video))]);
    let kind = if args.video { " with video" } else { "" };
    act(args.call.as_deref(), Fits::Ringing, "Answer", &(options,), out, |call| {
        format!("Answered {}{kind}.", call.who())
    })
    .await
}

/// Declines.
pub async fn decline(args: DeclineArgs, out: &Out) -> Result<()> {
    let message = match args.reply {
        Some(number) => Some(ready_made(number).await?),
        None => args.message,
    };
    let mut options = Options::new();
    let said = if message.is_some() { ", with your message" } else { "" };
    if let Some(message) = &message {
        options.insert("message", Variant::from(message.as_str()));
    }
    let body = (options,);
    let done = act(args.call.as_deref(), Fits::Ringing, "Decline", &body, out, |call| {
        format!("Declined {}{said}.", call.who())
    });
    done.await.map_err(|error| if message.is_some() { unsaid(error) } else { error })
}

/// One of the replies that the user has ready.
async fn ready_made(number: u8) -> Result<String> {
    let bus = Bus::connect().await?;
    let replies: OwnedVariant = bus.call(SETTINGS, "Get", &(REPLIES,)).await?;
    let replies = <&str>::try_from(&*replies).unwrap_or_default();
    let all: Vec<&str> = replies.split('|').map(str::trim).filter(|one| !one.is_empty()).collect();
    all.get(usize::from(number) - 1).map(|&reply| reply.to_owned()).ok_or_else(|| {
        Error::usage(
            format!("there is no reply {number}: {} are ready", all.len()),
            format!("See them: ahoyctl settings get {REPLIES}; change them: ahoyctl settings set"),
        )
    })
}

/// A message that could not be sent keeps no call: that must be said beside what went wrong.
fn unsaid(error: Error) -> Error {
    let Error::Refused { name, cause, .. } = &error else { return error };
    match name.as_str() {
        "Timeout" | "ProviderFailed" | "ProviderGone" => Error::refused(
            name,
            format!("the call is declined, but your message was not sent: {cause}"),
            "Call back to say it: ahoyctl recents",
        ),
        "NotSupported" => Error::refused(
            name,
            format!("the call carries no text and goes on ringing: {cause}"),
            "Decline it without a message: ahoyctl decline",
        ),
        _ => error,
    }
}

/// Ends a call, or all.
pub async fn hangup(args: HangupArgs, out: &Out) -> Result<()> {
    if args.all {
        let bus = Bus::connect().await?;
        let () = out.wait("ending all calls", bus.call(MANAGER, "EndAll", &())).await?;
        return out.both("All calls are ended.", &json!({"done": true, "action": "EndAll"}));
    }
    act(args.call.as_deref(), Fits::On, "HangUp", &(Options::new(),), out, |call| {
        format!("Ended the call with {}.", call.who())
    })
    .await
}

/// Microphone off or on.
pub async fn set_muted(args: OneCall, muted: bool, out: &Out) -> Result<()> {
    let word = if muted { "off" } else { "on" };
    act(args.call.as_deref(), Fits::On, "SetMuted", &(muted,), out, |call| {
        format!("Your microphone is {word} in the call with {}.", call.who())
    })
    .await
}

/// On hold or off.
pub async fn set_held(args: OneCall, held: bool, out: &Out) -> Result<()> {
    let (fits, word) = if held { (Fits::On, "on hold") } else { (Fits::Held, "on again") };
    act(args.call.as_deref(), fits, "SetHeld", &(held,), out, |call| {
        format!("The call with {} is {word}.", call.who())
    })
    .await
}

/// Camera on or off.
pub async fn camera(args: CameraArgs, out: &Out) -> Result<()> {
    let on = args.switch == Switch::On;
    let word = if on { "on" } else { "off" };
    act(args.call.as_deref(), Fits::On, "SetVideo", &(on,), out, |call| {
        format!("Your camera is {word} in the call with {}.", call.who())
    })
    .await
}

/// Another camera.
pub async fn switch_camera(args: SwitchCameraArgs, out: &Out) -> Result<()> {
    let body = (args.id.as_str(),);
    act(args.call.as_deref(), Fits::On, "SwitchCamera", &body, out, |call| {
        format!("Another camera is on in the call with {}.", call.who())
    })
    .await
}

/// Hearing the other side or not.
pub async fn deafen(args: SwitchArgs, out: &Out) -> Result<()> {
    let on = args.switch == Switch::On;
    let word = if on { "do not hear" } else { "hear" };
    act(args.call.as_deref(), Fits::On, "SetLocalSilence", &(on,), out, |call| {
        format!("You {word} {}.", call.who())
    })
    .await
}

/// Sharing the screen or not.
pub async fn share(args: SwitchArgs, out: &Out) -> Result<()> {
    let on = args.switch == Switch::On;
    let word = if on { "shared" } else { "not shared any more" };
    act(args.call.as_deref(), Fits::On, "SetScreenShare", &(on,), out, |call| {
        format!("Your screen is {word} with {}.", call.who())
    })
    .await
}

/// A button of a headset.
pub async fn press(args: PressArgs, out: &Out) -> Result<()> {
    let method = match args.button {
        Button::Primary => "PressPrimary",
        Button::Secondary => "PressSecondary",
    };
    let bus = Bus::connect().await?;
    let () = out.wait("waiting for the calling app", bus.call(MANAGER, method, &())).await?;
    out.both("Done.", &json!({"done": true, "action": method}))
}

/// Key tones.
pub async fn dtmf(args: DtmfArgs, out: &Out) -> Result<()> {
    let digits = args.digits.to_ascii_uppercase();
    let fine = |c: char| c.is_ascii_digit() || "*#ABCD".contains(c);
    if digits.is_empty() || !digits.chars().all(fine) {
        return Err(Error::usage(
            format!("\"{}\" are not digits of a telephone", clean(&args.digits)),
            "Use 0-9, * and #, A-D; in a shell write '#' with quotes.",
        ));
    }
    act(args.call.as_deref(), Fits::On, "SendDtmf", &(digits.as_str(),), out, |call| {
        format!("Sent {digits} to {}.", call.who())
    })
    .await
}

/// Writing to the other side.
pub async fn text(args: TextArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let call = pick::find(&bus, args.call.as_deref(), Fits::On).await?;
    if !call.interfaces.iter().any(|interface| interface == CALL_TEXT) {
        return Err(Error::refused(
            "NotSupported",
            format!("the call with {} carries no text", call.who()),
            "Encrypted calls do, and those of apps that say so in their Capabilities.",
        ));
    }
    let () = bus.call_at(&call.path, CALL_TEXT, "Send", &(args.text.as_str(),)).await?;
    out.both(
        format!("Sent to {}.", call.who()),
        &json!({"done": true, "action": "Send", "call": call.path}),
    )
}

/// Writing along with what the other side says.
pub async fn captions(args: CaptionsArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let call = pick::find(&bus, args.call.as_deref(), Fits::On).await?;
    if !call.interfaces.iter().any(|interface| interface == CALL_CAPTIONS) {
        return Err(Error::refused(
            "NotSupported",
            format!("there are no captions of the call with {}", call.who()),
            "Encrypted calls have them once they are connected, where a recogniser of your language \
             is installed: ahoyctl voice list",
        ));
    }
    let on = matches!(args.switch, Switch::On);
    let () = bus.call_at(&call.path, CALL_CAPTIONS, "SetEnabled", &(on,)).await?;
    let what = if on { "are written along" } else { "are not written along" };
    out.both(
        format!("The words of {} {what}.", call.who()),
        &json!({"done": true, "action": "SetEnabled", "call": call.path, "enabled": on}),
    )
}

/// Stops the ringing.
pub async fn silence(args: OneCall, out: &Out) -> Result<()> {
    if args.call.is_some() {
        return act(args.call.as_deref(), Fits::Ringing, "Silence", &(), out, |call| {
            format!("{} rings silently.", call.who())
        })
        .await;
    }
    let bus = Bus::connect().await?;
    let () = bus.call(MANAGER, "SilenceRinger", &()).await?;
    out.both("The ringer is silent.", &json!({"done": true, "action": "SilenceRinger"}))
}

/// Finds the call, calls the method, says what was done.
pub(crate) async fn act<B>(
    typed: Option<&str>,
    fits: Fits,
    method: &str,
    body: &B,
    out: &Out,
    say: impl FnOnce(&Call) -> String,
) -> Result<()>
where
    B: serde::Serialize + zbus::DynamicType,
{
    let bus = Bus::connect().await?;
    let call = pick::find(&bus, typed, fits).await?;
    let () = out
        .wait("waiting for the calling app", bus.call_at(&call.path, CALL, method, body))
        .await?;
    out.both(say(&call), &json!({"done": true, "action": method, "call": call.path}))
}
