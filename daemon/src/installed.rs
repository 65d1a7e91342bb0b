//! Calling apps that are installed and may rest: `share/ahoy/providers/<id>.provider`.
//!
//! Owns: where such files lie and how they are read. Does not own: starting an app (the bus), or
//! whether it then registers. Invariant: a file that is odd is named in the log and passed over; the
//! first directory that has an id wins, as the XDG rules want.
//!
//! A file is TOML, named by the provider id it is for:
//!
//! ```toml
//! bus-name = "org.example.Caller"   # what the bus is asked to start
//! schemes = ["tel", "sip"]          # what it can call
//! ```

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use ahoy_core::id::ProviderId;
use toml_edit::{DocumentMut, Item};
use zbus::names::WellKnownName;

const ENDING: &str = "provider";
/// A file larger than this is none of ours.
const MOST_BYTES: u64 = 16 * 1024;
/// Files looked at in each directory, and schemes read of each file.
const MOST: usize = 256;

/// An app that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The id that it registers.
    pub id: ProviderId,
    /// The name by which the bus starts it.
    pub bus_name: String,
    /// What it can call.
    pub schemes: Vec<String>,
}

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum Odd {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Its name is no provider id.
    #[error("its name is not a provider id with the ending .provider")]
    Name,
    /// Too much.
    #[error("it is longer than {MOST_BYTES} bytes")]
    Long,
    /// Not TOML.
    #[error("{0}")]
    Syntax(#[from] toml_edit::TomlError),
    /// A key is missing or of the wrong type.
    #[error("{0}")]
    Key(&'static str),
}

/// Where such files lie, the user's own first.
#[must_use]
pub fn directories(variable: impl Fn(&str) -> Option<OsString>, data: &Path) -> Vec<PathBuf> {
    let system = variable("XDG_DATA_DIRS").filter(|dirs| !dirs.is_empty());
    let system = system.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let system = std::env::split_paths(&system).filter(|path| path.is_absolute());
    let system = system.map(|base| base.join("ahoy"));
    std::iter::once(data.to_owned()).chain(system).map(|base| base.join("providers")).collect()
}

/// All that are installed.
#[must_use]
pub fn read(directories: &[PathBuf]) -> Vec<Installed> {
    let mut found = BTreeMap::new();
    for directory in directories {
        // Most machines have none.
        let Ok(entries) = directory.read_dir() else { continue };
        for entry in entries.take(MOST).flatten() {
            let path = entry.path();
            match read_one(&path) {
                Ok(one) => drop(found.entry(one.id.clone()).or_insert(one)),
                Err(odd) => {
                    tracing::warn!(file = %path.display(), %odd, "an app's file says nothing");
                }
            }
        }
    }
    found.into_values().collect()
}

fn read_one(path: &Path) -> Result<Installed, Odd> {
    let is_ours = path.extension().is_some_and(|ending| ending == ENDING);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_ours);
    let id: ProviderId = stem.and_then(|stem| stem.parse().ok()).ok_or(Odd::Name)?;
    let mut text = String::new();
    // A pipe would be waited for.
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Odd::Io(io::Error::other("it is not a plain file")));
    }
    if file.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        return Err(Odd::Long);
    }
    parse(id, &text)
}

fn parse(id: ProviderId, text: &str) -> Result<Installed, Odd> {
    let document: DocumentMut = text.parse()?;
    let bus_name = document
        .get("bus-name")
        .and_then(Item::as_str)
        .filter(|name| WellKnownName::try_from(*name).is_ok())
        .ok_or(Odd::Key("bus-name: a well-known name of the bus is expected"))?;
    let schemes = Odd::Key("schemes: a list of texts is expected");
    let Some(list) = document.get("schemes").and_then(Item::as_array) else {
        return Err(schemes);
    };
    let list = list.iter().take(MOST).map(|one| one.as_str().map(str::to_owned));
    let Some(list) = list.collect::<Option<Vec<String>>>() else { return Err(schemes) };
    Ok(Installed { id, bus_name: bus_name.to_owned(), schemes: list })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GOOD: &str = "bus-name = \"org.example.Caller\"\nschemes = [\"tel\", \"sip\"]\n";

    fn id(text: &str) -> ProviderId {
        text.parse().expect("an id")
    }

    #[test]
    fn the_user_s_own_file_wins_over_the_system_s() {
        let directory = tempfile::tempdir().expect("directory");
        let (own, system) = (directory.path().join("own"), directory.path().join("system"));
        for (at, text) in [(&own, GOOD), (&system, &GOOD.replace("Caller", "Other"))] {
            fs::create_dir_all(at.join("ahoy/providers")).expect("made");
            fs::write(at.join("ahoy/providers/org.example.A.provider"), text).expect("written");
        }
        let system = OsString::from(format!("relative:{}", system.display()));
        let variable = |name: &str| (name == "XDG_DATA_DIRS").then(|| system.clone());
        let found = read(&directories(variable, &own.join("ahoy")));
        assert_eq!(found, [parse(id("org.example.A"), GOOD).expect("good")]);
        assert_eq!(found[0].schemes, ["tel", "sip"]);
    }

    #[test]
    fn what_is_odd_is_passed_over_and_hides_nothing() {
        let directory = tempfile::tempdir().expect("directory");
        let put = |name: &str, bytes: &[u8]| {
            fs::write(directory.path().join(name), bytes).expect("written");
        };
        put("org.example.Good.provider", GOOD.as_bytes());
        put("org.example.Long.provider", "#".repeat(20_000).as_bytes());
        put("org.example.Odd.provider", b"\xff\xfe");
        put("org.example.None.provider", b"");
        put("README", GOOD.as_bytes());
        put("not an id.provider", GOOD.as_bytes());
        fs::create_dir(directory.path().join("org.example.Dir.provider")).expect("made");
        let found = read(&[directory.path().to_owned(), "/nowhere".into()]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, id("org.example.Good"));
    }

    #[test]
    fn a_key_that_is_wrong_is_named() {
        for (text, named) in [
            ("schemes = []", "bus-name"),
            ("bus-name = \":1.5\"\nschemes = []", "bus-name"),
            ("bus-name = \"org.example.A\"", "schemes"),
            ("bus-name = \"org.example.A\"\nschemes = [1]", "schemes"),
            ("bus-name =", "bus-name"),
        ] {
            let odd = parse(id("a"), text).expect_err(text).to_string();
            assert!(odd.contains(named), "{text}: {odd}");
        }
    }
}
