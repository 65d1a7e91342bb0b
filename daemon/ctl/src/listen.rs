//! `listen` and `say`: one command to Ahoy, spoken or typed; and what teaching a name shows.
//!
//! Owns: showing what is heard and asked until the dialogue ends. Does not own: meaning or action:
//! the daemon does both, for typed text too (Listen's option `text`). Invariant: the microphone is
//! never left open: Ctrl-C and the deadline stop the listening.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};
use zbus::{Message, Variant};

use crate::{
    bus::{self, Bus, Signals, VOICE},
    error::{Error, Result},
    out::{Out, Tone, clean},
    value::{self, Dict, Options},
};

/// No dialogue is silent for so long: its questions time out earlier.
const SILENCE: Duration = Duration::from_secs(60);

/// `listen`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl listen
  ahoyctl listen --json       JSON lines: heard, prompt, then done

Bind it to a key for push-to-talk; press Ctrl-C to stop listening.")]
pub struct ListenArgs {}

/// `say`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl say call alice video
  ahoyctl say \"who called\"
  ahoyctl say --dry-run \"call alice\"")]
pub struct SayArgs {
    /// The sentence
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Show how it is understood, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Listens for one spoken command.
pub async fn listen(_args: ListenArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    out.say(out.paint(Tone::Dim, "Listening… (Ctrl-C stops)"))?;
    dialogue(&bus, "Listen", &(Options::new(),), out).await.map(drop)
}

/// Does what a sentence says.
pub async fn say(args: SayArgs, out: &Out) -> Result<()> {
    let text = args.words.join(" ");
    let bus = Bus::connect().await?;
    let (intent, slots, score): (String, Dict, f64) =
        bus.call(VOICE, "Interpret", &(text.as_str(),)).await?;
    if matches!(intent.as_str(), "" | "none" | "unknown" | "not-for-us") {
        return Err(Error::refused(
            "NotUnderstood",
            format!("\"{}\" is not a command that fits now", clean(&text)),
            "Try: call NAME, call NAME video, answer, decline, hang up, mute, redial, who called.",
        ));
    }
    out.data(&json!({
        "event": "understood", "intent": intent, "slots": value::object(&slots), "score": score,
    }))?;
    let slots: Vec<String> = slots
        .iter()
        .map(|(key, slot)| match value::to_json(slot) {
            Value::String(text) => format!("{key}: {text}"),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => format!("{key}: {other}"),
        })
        .collect();
    let shown = clean(&format!("{intent} {}", slots.join(", ")));
    out.say(out.paint(Tone::Dim, shown.trim_end()))?;
    if args.dry_run {
        return Ok(());
    }
    let options = Options::from([("text", Variant::from(text.as_str()))]);
    dialogue(&bus, "Listen", &(options,), out).await.map(drop)
}

/// Words that were taught, each with whether it was kept.
pub type Taught = Vec<(String, bool)>;

/// Starts a dialogue by a method of `.Voice` and shows it to its end.
pub async fn dialogue<B>(bus: &Bus, method: &str, body: &B, out: &Out) -> Result<Taught>
where
    B: serde::Serialize + zbus::DynamicType,
{
    let mut signals = bus.signals().await?;
    let mut screen = Screen { out, partial: false, taught: Vec::new() };
    let shown = async {
        start(bus, (method, body), &mut signals, &mut screen).await?;
        finish(bus, &mut signals, &mut screen).await
    };
    let result = tokio::select! {
        result = shown => result,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    };
    screen.end_partial()?;
    if result.is_err() {
        // Best effort: the daemon may be gone, or not listening any more.
        let _: bus::Result<()> = bus.call(VOICE, "Stop", &()).await;
    } else {
        out.data(&json!({"event": "done"}))?;
    }
    result.map(|()| screen.taught)
}

/// Calls the method, showing what comes before it returns.
async fn start<B>(
    bus: &Bus,
    (method, body): (&str, &B),
    signals: &mut Signals,
    screen: &mut Screen<'_>,
) -> Result<()>
where
    B: serde::Serialize + zbus::DynamicType,
{
    let call = bus.call(VOICE, method, body);
    tokio::pin!(call);
    loop {
        tokio::select! {
            // Signals sent before the reply are shown before it.
            biased;
            message = signals.next() => { screen.show(&message?)?; }
            done = &mut call => return Ok(done?),
        }
    }
}

/// Shows what comes until `Listening` is false.
async fn finish(bus: &Bus, signals: &mut Signals, screen: &mut Screen<'_>) -> Result<()> {
    let listening = bus.property(VOICE, "Listening").await?;
    if !bool::try_from(&listening).unwrap_or_default() {
        while let Some(message) = signals.queued().await {
            screen.show(&message)?;
        }
        return Ok(());
    }
    loop {
        let message = tokio::time::timeout(SILENCE, signals.next()).await.map_err(|_| {
            Error::refused(
                "Timeout",
                "nothing was heard and nothing was asked for a minute",
                "Check the microphone: ahoyctl doctor",
            )
        })??;
        if screen.show(&message)? == Dialogue::Ended {
            return Ok(());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialogue {
    On,
    Ended,
}

struct Screen<'o> {
    out: &'o Out,
    /// A partial text stands on the terminal's last line.
    partial: bool,
    taught: Taught,
}

impl Screen<'_> {
    fn show(&mut self, message: &Message) -> Result<Dialogue> {
        let named = bus::named(message);
        let body = message.body();
        match named.member.as_str() {
            "Heard" => {
                if let Ok((text, is_final)) = body.deserialize::<(String, bool)>() {
                    self.heard(&text, is_final)?;
                }
            }
            "Prompt" => {
                if let Ok((text, choices)) = body.deserialize::<(String, Vec<String>)>() {
                    self.prompt(&text, &choices)?;
                }
            }
            "Taught" => {
                if let Ok((_, word, kept)) = body.deserialize::<(String, String, bool)>() {
                    self.out.data(&json!({"event": "taught", "word": word, "kept": kept}))?;
                    self.taught.push((word, kept));
                }
            }
            "PropertiesChanged" => {
                if let Ok((interface, changed, _)) =
                    body.deserialize::<(String, Dict, Vec<String>)>()
                    && interface == "org.ahoycall.Calls1.Voice"
                    && changed.contains_key("Listening")
                    && !value::flag(&changed, "Listening")
                {
                    return Ok(Dialogue::Ended);
                }
            }
            _ => {}
        }
        Ok(Dialogue::On)
    }

    fn heard(&mut self, text: &str, is_final: bool) -> Result<()> {
        self.out.data(&json!({"event": "heard", "text": text, "final": is_final}))?;
        if is_final {
            self.end_partial()?;
            return self.out.say(format!("You:  {}", clean(text)));
        }
        if !self.out.json && std::io::stdout().is_terminal() {
            // One line that is written over; on a pipe partial text is noise.
            let mut stdout = std::io::stdout().lock();
            let _ = write!(stdout, "\r\x1b[K… {}", clean(text)).and_then(|()| stdout.flush());
            self.partial = true;
        }
        Ok(())
    }

    fn prompt(&mut self, text: &str, choices: &[String]) -> Result<()> {
        self.out.data(&json!({"event": "prompt", "text": text, "choices": choices}))?;
        self.end_partial()?;
        self.out.say(format!("{} {}", self.out.paint(Tone::Strong, "Ahoy:"), clean(text)))?;
        for (nr, choice) in choices.iter().enumerate() {
            self.out.say(format!("  {}. {}", nr + 1, clean(choice)))?;
        }
        Ok(())
    }

    fn end_partial(&mut self) -> Result<()> {
        if std::mem::take(&mut self.partial) {
            let mut stdout = std::io::stdout().lock();
            write!(stdout, "\r\x1b[K").map_err(|_| Error::OutputClosed)?;
        }
        Ok(())
    }
}
