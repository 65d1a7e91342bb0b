//! `open`: a tel:, sip: or ahoy: link, from a browser, a mail or a chat.
//!
//! Owns: reading links, the question before anything happens. Does not own: the question's looks
//! (`ask`), the call (calls), the invite (invite). Anybody can write such a link. Invariant: nothing
//! is dialled and nothing is taken up before a person said so.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use serde_json::json;

use crate::{
    ask::{Asked, Desk, Question},
    bus::{Bus, CONTACTS},
    calls::{self, CallArgs},
    error::{Error, Result},
    invite::{self, AcceptArgs},
    names::Handle,
    out::{Out, clean},
    value::{self, Dict},
};

/// Longer links than any that we make or that a page has; the rest is not worth reading.
const MAX_LINK: usize = 4096;
/// What of a link fits into a notification.
const SHOWN: usize = 60;

/// `open`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl open tel:+49-30-123456
  ahoyctl open sip:bob@example.org

Desktops start this for links. It asks with a notification, in a terminal with a question, and calls
only after a click or an answer. Links with codes of the network (* and #) are refused.")]
pub struct OpenArgs {
    /// The link
    pub link: String,
}

/// What a link wants.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    Call(Handle),
    /// The whole link.
    Invite(String),
}

/// Reads a link.
fn read(link: &str) -> Result<Link> {
    let wrong = |why: &str| {
        let next = "Links begin with tel:, sip:, sips: or ahoy:; see: ahoyctl open --help";
        Error::usage(format!("this link is not opened: {why}"), next)
    };
    if link.len() > MAX_LINK {
        return Err(wrong("it is longer than any link of a person"));
    }
    let (scheme, rest) = link.split_once(':').ok_or_else(|| wrong("it has no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "ahoy" && rest.contains('#') {
        return Ok(Link::Invite(link.to_owned()));
    }
    // Parameters of the link say how to connect, not whom to call; `//` stands in careless pages.
    let whom = rest.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
    let whom = decoded(whom).ok_or_else(|| wrong("it is damaged (percent signs)"))?;
    if whom.chars().any(char::is_control) {
        return Err(wrong("it has control characters"));
    }
    let value = match scheme.as_str() {
        "tel" => number(whom.split(';').next().unwrap_or_default()).ok_or_else(|| {
            wrong("a number has digits, and a code with * or # is never dialled by a link")
        })?,
        "sip" | "sips" | "ahoy" => whom,
        _ => return Err(wrong("its scheme is not one of a call")),
    };
    if value.is_empty() || value.contains(char::is_whitespace) {
        return Err(wrong("it does not say whom to call"));
    }
    Ok(Link::Call(Handle { scheme, value }))
}

/// A number without what people write between digits (RFC 3966, visual separators).
fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !" -.()".contains(*c)).collect();
    let plain = digits.strip_prefix('+').unwrap_or(&digits);
    let legal = !plain.is_empty() && plain.len() <= 32 && plain.chars().all(|c| c.is_ascii_digit());
    legal.then_some(digits)
}

/// Percent-decoded (RFC 3986); None where that is not possible.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = if *first == b'%' {
            let (code, after) = tail.split_at_checked(2)?;
            let code = std::str::from_utf8(code).ok()?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            after
        } else {
            bytes.push(*first);
            tail
        };
    }
    String::from_utf8(bytes).ok()
}

/// Asks, and does what was said.
pub async fn run(args: OpenArgs, out: &Out) -> Result<()> {
    let terminal = std::io::stdin().is_terminal();
    let bus = Bus::connect().await?;
    let desk = if terminal { None } else { Desk::find(&bus).await };
    let done = open(&bus, desk.as_ref(), terminal, &args.link, out).await;
    if let (Some(desk), Err(error)) = (&desk, &done)
        && !matches!(error, Error::Interrupted | Error::OutputClosed)
    {
        // Nobody sees the stderr of what a desktop starts.
        desk.tell("This link did not work", &format!("{error}. {}", error.next())).await;
    }
    done
}

async fn open(bus: &Bus, desk: Option<&Desk>, terminal: bool, link: &str, out: &Out) -> Result<()> {
    let link = read(link)?;
    let question = question(bus, &link).await;
    let asked = match desk {
        Some(desk) => desk.ask(&question).await?,
        None if terminal => in_terminal(&question)?,
        None => {
            return Err(Error::refused(
                "NotSupported",
                "nobody can be asked here: no notification server answers, and this is no terminal",
                "Open the link in a terminal: ahoyctl open LINK",
            ));
        }
    };
    let Asked::Chosen(choice) = asked else {
        return out.both("Nothing was done.", &json!({"done": false}));
    };
    match link {
        Link::Invite(link) => invite::accept(AcceptArgs { link, name: None }, out).await,
        Link::Call(handle) => {
            let who = format!("{}:{}", handle.scheme, handle.value);
            let video = choice == VIDEO;
            calls::call(CallArgs { who, video, provider: None, via: None }, out).await
        }
    }
}

/// Key of the choice with picture.
const VIDEO: &str = "video";

async fn question(bus: &Bus, link: &Link) -> Question {
    let short = |text: &str| clean(text).chars().take(SHOWN).collect::<String>();
    match link {
        Link::Invite(_) => Question {
            title: "Somebody invites you to call each other".to_owned(),
            text: "Take the invite up only if you know who gave you this link.".to_owned(),
            choices: vec![("accept", "Take it up")],
        },
        Link::Call(Handle { scheme, value }) => {
            let shown = short(&format!("{scheme}:{value}"));
            // Locked, or nobody's: the number says it.
            let body = ((scheme.as_str(), value.as_str()),);
            let known: Dict = bus.call(CONTACTS, "Resolve", &body).await.unwrap_or_default();
            let title = match value::text(&known, "name") {
                "" => format!("Call {shown}?"),
                name => format!("Call {} ({shown})?", short(name)),
            };
            Question {
                title,
                text: "A link wants to. Nothing is dialled until you choose.".to_owned(),
                choices: vec![("call", "Call"), (VIDEO, "Call with video")],
            }
        }
    }
}

/// In a terminal: the name of a choice, and nothing else, is a yes.
fn in_terminal(question: &Question) -> Result<Asked> {
    let keys: Vec<&str> = question.choices.iter().map(|(key, _)| *key).collect();
    let closed = |_| Error::refused("Output", "cannot ask", "Is the terminal still there?");
    let mut stderr = std::io::stderr().lock();
    let (title, text) = (&question.title, &question.text);
    let keys = keys.join(", ");
    write!(stderr, "{title}\n{text}\nType {keys}, or Enter for nothing: ").map_err(closed)?;
    stderr.flush().map_err(closed)?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(closed)?;
    let chosen = question.choices.iter().find(|(key, _)| *key == typed.trim());
    Ok(chosen.map_or(Asked::Nothing, |(key, _)| Asked::Chosen(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(link: &str) -> (String, String) {
        match read(link).unwrap() {
            Link::Call(Handle { scheme, value }) => (scheme, value),
            Link::Invite(link) => panic!("{link}"),
        }
    }

    #[test]
    fn links_of_pages_and_mails_are_read() {
        for (link, scheme, value) in [
            ("tel:+49-30-123456", "tel", "+4930123456"),
            ("TEL:%2B49%20(30)%20123456;ext=5", "tel", "+4930123456"),
            ("tel://112", "tel", "112"),
            ("sip:bob@example.org;transport=tcp?subject=x", "sip", "bob@example.org;transport=tcp"),
            ("ahoy:ybndrfg8", "ahoy", "ybndrfg8"),
        ] {
            assert_eq!(called(link), (scheme.to_owned(), value.to_owned()), "{link}");
        }
        assert_eq!(read("ahoy:key#v1.abc").unwrap(), Link::Invite("ahoy:key#v1.abc".into()));
    }

    #[test]
    fn codes_of_the_network_and_other_schemes_are_never_dialled() {
        let long = format!("tel:{}", "1".repeat(5000));
        for link in [
            "tel:*21*+4930123%23",
            "tel:%2A%2306%23",
            "tel:**61*11%23",
            "tel:",
            "tel:alice",
            "sip:",
            "sip:a%0d%0ab@example.org",
            "sip:%zz",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "+4930123456",
            long.as_str(),
        ] {
            assert_eq!(read(link).unwrap_err().exit_code(), 2, "{link}");
        }
    }
}
