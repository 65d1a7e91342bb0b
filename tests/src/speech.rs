//! Spoken sentences.
//!
//! Owns: the voice, and what a person does who is asked or not understood. Does not own: who hears
//! it. Invariant: one voice, made from recordings of a person, as the recogniser's model is: a
//! formant synthesizer is heard doubtfully (`tests/bench hearing`).

use std::fs;

use crate::{
    Person, Result, Stage, Trouble,
    bus::{Options, ROOT, Signal},
    process::{output, program},
    sound::speak,
    until, wave,
};

/// A sentence as samples, with a little silence around it, as a person leaves it.
///
/// # Errors
/// The synthesizer is missing or fails.
pub fn sentence(stage: &Stage, text: &str) -> Result<Vec<f32>> {
    let file = stage.path("speech.wav");
    let mut command = program("flite");
    command.args(["-voice", "rms", "-t", text, "-o"]).arg(&file);
    output("flite", &mut command)?;
    let bytes = fs::read(&file).map_err(Trouble::io("speech.wav"))?;
    let (rate, spoken) = read(&bytes)
        .ok_or_else(|| Trouble::program("flite", "it wrote no WAV file of one channel"))?;
    let mut samples = vec![0.0; wave::RATE / 4];
    samples.extend(resample(&spoken, rate));
    samples.extend(vec![0.0; wave::RATE]);
    Ok(samples)
}

/// The rate and the samples of a WAV file of 16 bits and one channel.
fn read(bytes: &[u8]) -> Option<(usize, Vec<f32>)> {
    let rate = u32::from_le_bytes(*bytes.get(24..)?.first_chunk::<4>()?);
    let data = bytes.windows(4).position(|it| it == b"data")? + 8;
    let samples = bytes.get(data..)?.as_chunks::<2>().0;
    let samples = samples.iter().map(|it| f32::from(i16::from_le_bytes(*it)) / 32_768.0);
    Some((rate as usize, samples.collect()))
}

/// Straight lines between samples: speech of a synthesizer has nothing near half its rate.
fn resample(samples: &[f32], rate: usize) -> Vec<f32> {
    let length = samples.len() * wave::RATE / rate.max(1);
    let at = |index: usize| samples.get(index).copied().unwrap_or(0.0);
    (0..length)
        .map(|index| {
            let place = index as f32 * rate as f32 / wave::RATE as f32;
            let part = place.fract();
            at(place as usize) * (1.0 - part) + at(place as usize + 1) * part
        })
        .collect()
}

/// Has a person's Ahoy listen, says a sentence, and again where it was not understood, as people do:
/// sound on a busy machine stutters. Gives what was heard.
///
/// # Errors
/// It does not listen, or understands it neither time.
pub fn command(person: &Person<'_>, text: &str) -> Result<String> {
    let samples = sentence(person.stage(), text)?;
    for _ in 0..2 {
        until("closed ears", || (!listening(person)).then_some(()))?;
        person.bus.call::<_, ()>("Voice", "Listen", &(Options::new(),))?;
        if let Some(heard) = say(person, &samples)? {
            return Ok(heard);
        }
    }
    Err(Trouble::Wrong(format!("\"{text}\" was not understood, said twice")))
}

/// Says a sentence into the microphone once Ahoy listens: what it heard, nothing where it did not
/// understand.
///
/// # Errors
/// It does not listen, or neither hears nor says anything.
pub fn say(person: &Person<'_>, samples: &[f32]) -> Result<Option<String>> {
    let stage = person.stage();
    let seen = person.bus.seen();
    until("the open microphone", || {
        let node = stage.node("ahoy-voice")?;
        (node.state == "running").then_some(())
    })?;
    let _playing = speak(person, samples)?;
    person.bus.signal(seen, "something heard", |signal| match &*signal.member {
        "Heard" => {
            let (text, done): (String, bool) = signal.body()?;
            done.then_some(Some(text))
        }
        "Prompt" => Some(None),
        _ => None,
    })
}

/// Waits for what a command does, spoken after the first `seen` signals. Where it was heard
/// doubtfully and Ahoy asks, it hears "yes".
///
/// # Errors
/// It does not come.
pub fn outcome<T>(
    person: &Person<'_>,
    seen: usize,
    what: &str,
    mut done: impl FnMut() -> Option<T>,
) -> Result<T> {
    let asks = |signals: &[Signal]| signals.iter().any(is_question);
    let known = until(what, || match done() {
        Some(done) => Some(Some(done)),
        None => asks(&person.bus.signals(seen)).then_some(None),
    })?;
    if let Some(done) = known {
        return Ok(done);
    }
    say(person, &sentence(person.stage(), "yes")?)?;
    until(what, done)
}

fn is_question(signal: &Signal) -> bool {
    let text = (signal.member == "Prompt").then(|| signal.body::<(String, Vec<String>)>());
    text.flatten().is_some_and(|(text, _)| text.ends_with('?'))
}

/// Whether a person's Ahoy listens, says something or waits for an answer.
#[must_use]
pub fn listening(person: &Person<'_>) -> bool {
    let open = person.bus.property(ROOT, "Voice", "Listening");
    open.is_ok_and(|open| bool::try_from(&*open).unwrap_or(false))
}
