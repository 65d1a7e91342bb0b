//! The contract as a page of Markdown, for authors of apps and controllers.
//!
//! Owns: the shape of the page. Does not own: a word of it; all stands in `dbus/`. Invariant: the
//! same files give the same page.

use std::fmt::Write as _;

use super::{Argument, Comment, Interface, Kind, Member};

const HEAD: &str = "\
<!-- Made of dbus/*.xml by `cargo run -p ahoy-trial --bin bus-docs`; a test compares. Edit those. -->
# The bus interfaces of Ahoy

Names, paths, errors in words and common values: [dbus/README.md](../dbus/README.md). Examples:
[an app](../contrib/examples/provider.py) ([in Rust](../contrib/examples/rust/src/main.rs)),
[a controller](../contrib/examples/controller.py). `ahoyctl provider check` says what an app breaks.

";

/// The whole page.
#[must_use]
pub fn page(all: &[Interface]) -> String {
    let mut page = HEAD.to_owned();
    for one in all {
        let (short, anchor) = (short(&one.name), anchor(&one.name));
        let about = note(&one.comment, "short_description");
        let _ = writeln!(page, "- [{short}](#{anchor}): {about}");
    }
    for one in all {
        interface(&mut page, one);
    }
    page
}

fn short(name: &str) -> &str {
    name.strip_prefix("org.ahoycall.Calls1.").unwrap_or(name)
}

/// As forges make it of a heading.
fn anchor(name: &str) -> String {
    name.to_lowercase().replace('.', "")
}

fn note<'c>(comment: &'c Comment, name: &str) -> &'c str {
    comment.notes.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
}

/// Text as Markdown shows it: what looks like markup in it is none.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_")
}

fn interface(page: &mut String, one: &Interface) {
    let about = note(&one.comment, "short_description");
    let _ = write!(page, "\n## {}\n\n**{}.**", one.name, plain(about));
    for paragraph in &one.comment.text {
        let _ = write!(page, " {}\n\n", plain(paragraph));
    }
    while page.ends_with("\n\n") {
        page.pop();
    }
    if !page.ends_with('\n') {
        page.push('\n');
    }
    for kind in [Kind::Method, Kind::Property, Kind::Signal] {
        for member in one.members.iter().filter(|member| member.kind == kind) {
            self::member(page, member);
        }
    }
}

fn list(arguments: &[Argument], out: bool) -> String {
    let wanted = arguments.iter().filter(|one| one.out == out);
    let shown = wanted.map(|one| format!("{} {}", one.signature, one.name).trim().to_owned());
    shown.collect::<Vec<_>>().join(", ")
}

fn signature(member: &Member) -> String {
    let given = list(&member.arguments, false);
    match member.kind {
        Kind::Method => {
            let back = list(&member.arguments, true);
            let back = if back.is_empty() { back } else { format!(" -> ({back})") };
            format!("{}({given}){back}", member.name)
        }
        Kind::Property => format!("{}: {given}", member.name),
        Kind::Signal => format!("signal {}({given})", member.name),
    }
}

fn member(page: &mut String, member: &Member) {
    let _ = write!(page, "\n### `{}`\n", signature(member));
    for paragraph in &member.comment.text {
        let _ = write!(page, "\n{}\n", plain(paragraph));
    }
    if !member.comment.notes.is_empty() {
        page.push('\n');
    }
    for (name, text) in &member.comment.notes {
        let _ = writeln!(page, "- `{name}`: {}", plain(text));
    }
    if let Some(errors) = &member.comment.errors {
        let _ = write!(page, "\nErrors: {}\n", plain(errors));
    }
}
