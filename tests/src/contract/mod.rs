//! The bus contract as written down: `dbus/*.xml` with its doc comments.
//!
//! Owns: reading them. Does not own: the page made of them (`page`), what the daemon serves (its own
//! tests compare that). Invariant: a member without a comment of its own name is an error, so that
//! nothing in the contract stays unexplained.

pub mod page;

use std::path::{Path, PathBuf};

use roxmltree::{Document, Node, ParsingOptions};

use crate::{Result, Trouble};

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Is called.
    Method,
    /// Is read.
    Property,
    /// Is sent.
    Signal,
}

/// One argument, or the type of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; empty for a property.
    pub name: String,
    /// Its signature.
    pub signature: String,
    /// Whether it comes back.
    pub out: bool,
}

/// A doc comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    /// What it is about.
    pub subject: String,
    /// `@name:` and what is said of it, in one line.
    pub notes: Vec<(String, String)>,
    /// Paragraphs, each in one line.
    pub text: Vec<String>,
    /// What stands behind `Errors:`.
    pub errors: Option<String>,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: Kind,
    /// How it is called.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What is said of it.
    pub comment: Comment,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// With its prefix.
    pub name: String,
    /// What is said of it.
    pub comment: Comment,
    /// In the order of the file.
    pub members: Vec<Member>,
}

/// The directory of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Comment {
    /// Reads the text of an XML comment.
    fn parse(text: &str) -> Self {
        let mut paragraphs: Vec<String> = Vec::new();
        let mut open = false;
        for line in text.lines().map(str::trim) {
            let starts = line.starts_with('@');
            match paragraphs.last_mut().filter(|_| open && !starts) {
                Some(paragraph) if !line.is_empty() => {
                    paragraph.push(' ');
                    paragraph.push_str(line);
                }
                _ if !line.is_empty() => paragraphs.push(line.to_owned()),
                _ => {}
            }
            // The subject stands alone on its line; what follows it begins anew.
            open = !line.is_empty() && paragraphs.len() > 1;
        }
        let mut comment = Self::default();
        for paragraph in paragraphs {
            comment.take(paragraph);
        }
        comment
    }

    fn take(&mut self, paragraph: String) {
        if self.subject.is_empty() {
            self.subject = paragraph.trim_end_matches(':').to_owned();
        } else if let Some(errors) = paragraph.strip_prefix("Errors:") {
            self.errors = Some(errors.trim().to_owned());
        } else if let Some((name, note)) =
            paragraph.strip_prefix('@').and_then(|note| note.split_once(':'))
        {
            self.notes.push((name.to_owned(), note.trim().to_owned()));
        } else {
            self.text.push(paragraph);
        }
    }

    /// The names in `Errors:`; the words beside them say when.
    #[must_use]
    pub fn error_names(&self) -> Vec<String> {
        let errors = self.errors.as_deref().unwrap_or_default();
        let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
        let words = errors.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(is_name).map(str::to_owned).collect()
    }
}

/// The comment that stands before an element.
fn comment_before(node: Node<'_, '_>) -> Option<Comment> {
    let before = node.prev_siblings().skip(1).find(|one| !one.is_text())?;
    before.is_comment().then(|| Comment::parse(before.text().unwrap_or_default()))
}

fn member(node: Node<'_, '_>, file: &str) -> Result<Option<Member>> {
    let kind = match node.tag_name().name() {
        "method" => Kind::Method,
        "property" => Kind::Property,
        "signal" => Kind::Signal,
        _ => return Ok(None),
    };
    let name = node.attribute("name").unwrap_or_default().to_owned();
    let comment = comment_before(node).filter(|comment| comment.subject == name);
    let comment = comment.ok_or_else(|| {
        Trouble::Wrong(format!("{file}: no comment that begins with \"{name}:\" before {name}"))
    })?;
    let argument = |node: Node<'_, '_>| Argument {
        name: node.attribute("name").unwrap_or_default().to_owned(),
        signature: node.attribute("type").unwrap_or_default().to_owned(),
        out: node.attribute("direction") == Some("out"),
    };
    let arguments = if kind == Kind::Property {
        vec![Argument { name: String::new(), ..argument(node) }]
    } else {
        node.children().filter(|one| one.has_tag_name("arg")).map(argument).collect()
    };
    Ok(Some(Member { kind, name, arguments, comment }))
}

fn interface(xml: &str, file: &str) -> Result<Interface> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options)
        .map_err(|error| Trouble::Wrong(format!("{file}: {error}")))?;
    let node = document.descendants().find(|node| node.has_tag_name("interface"));
    let node = node.ok_or_else(|| Trouble::Wrong(format!("{file}: no interface")))?;
    let name = node.attribute("name").unwrap_or_default().to_owned();
    let comment = comment_before(node).filter(|comment| comment.subject == name);
    let comment = comment.ok_or_else(|| {
        Trouble::Wrong(format!("{file}: no comment that begins with \"{name}:\""))
    })?;
    let mut members = Vec::new();
    for child in node.children().filter(Node::is_element) {
        members.extend(member(child, file)?);
    }
    Ok(Interface { name, comment, members })
}

/// All interfaces, the front door first, the others by name.
///
/// # Errors
/// A file that cannot be read, or has something in it that is not explained.
pub fn read() -> Result<Vec<Interface>> {
    let folder = repository().join("dbus");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Trouble::io("dbus"))? {
        let path = entry.map_err(Trouble::io("dbus"))?.path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            let file = path.display().to_string();
            let xml = std::fs::read_to_string(&path).map_err(Trouble::io(file.clone()))?;
            all.push(interface(&xml, &file)?);
        }
    }
    all.sort_by_key(|one| (!one.name.ends_with(".Manager"), one.name.clone()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<node><!--
    a.B:
    @short_description: A thing

    Lies
    somewhere.
  --><interface name=\"a.B\"><!--
      Do:
      @what: One thing,
        or another.
      @how: Well.

      Does it.

      Errors: NotAuthorized, TooLate
      (never at night).
    --><method name=\"Do\"><arg name=\"what\" type=\"s\" direction=\"in\"/></method></interface></node>";

    #[test]
    fn a_comment_falls_into_its_parts() {
        let read = interface(XML, "a").unwrap();
        assert_eq!(read.comment.notes, [("short_description".to_owned(), "A thing".to_owned())]);
        assert_eq!(read.comment.text, ["Lies somewhere."]);
        let method = &read.members[0].comment;
        assert_eq!(method.notes[0], ("what".to_owned(), "One thing, or another.".to_owned()));
        assert_eq!(method.notes[1].0, "how");
        assert_eq!(method.text, ["Does it."]);
        assert_eq!(method.error_names(), ["NotAuthorized", "TooLate"]);
    }

    #[test]
    fn what_is_not_explained_is_an_error() {
        let bare = XML.replace("Do:", "Done:");
        assert!(interface(&bare, "a").unwrap_err().to_string().contains("before Do"));
    }
}
