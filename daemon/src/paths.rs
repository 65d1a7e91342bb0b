//! Where Ahoy keeps its files, by the XDG base directory rules.
//!
//! Owns: the directories and their mode. Does not own: a file in them, beyond its name. Invariant:
//! every directory made here is 0700, and a relative path in a variable is ignored, as the rules
//! demand.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// Neither a variable nor a home directory says where files belong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not set and HOME is not either: set HOME to your home directory")]
pub struct NoHome {
    /// The variable that would have said it.
    pub variable: &'static str,
}

/// Ahoy's own directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Settings.
    pub config: PathBuf,
    /// Contacts, history, keys, voice models.
    pub data: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// What lives as long as the session; `None` outside of one.
    pub runtime: Option<PathBuf>,
}

impl Paths {
    /// The directories that the environment names.
    ///
    /// # Errors
    /// [`NoHome`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let base = |name: &'static str, fallback: &str| {
            absolute(name)
                .or_else(|| absolute("HOME").map(|home| home.join(fallback)))
                .map(|base| base.join("ahoy"))
                .ok_or(NoHome { variable: name })
        };
        Ok(Self {
            config: base("XDG_CONFIG_HOME", ".config")?,
            data: base("XDG_DATA_HOME", ".local/share")?,
            cache: base("XDG_CACHE_HOME", ".cache")?,
            runtime: absolute("XDG_RUNTIME_DIR").map(|base| base.join("ahoy")),
        })
    }

    /// The config file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("ahoy.db")
    }

    /// The key file, in a directory of its own: backup programs can leave it out.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.data.join("keys/device")
    }

    /// Stands beside the key file where the keys are in the Secret Service instead.
    #[must_use]
    pub fn keys_marker(&self) -> PathBuf {
        self.data.join("keys/in-secret-service")
    }

    /// Which sandboxed apps may dial, where no permission store keeps that.
    #[must_use]
    pub fn grants(&self) -> PathBuf {
        self.data.join("may-dial")
    }

    /// How bright the keyboard's light was, while it blinks.
    #[must_use]
    pub fn light(&self) -> PathBuf {
        self.data.join("keyboard-light")
    }

    /// Where directories of callers lie.
    #[must_use]
    pub fn directories(&self) -> PathBuf {
        self.data.join("directories")
    }

    /// Where the user's own locale packs lie, `<language>.toml`: each goes before the built-in one.
    #[must_use]
    pub fn packs(&self) -> PathBuf {
        self.data.join("packs")
    }

    /// Where installed voice models lie.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.data.join("vosk")
    }

    /// Makes what is not there yet. Directories that exist keep their mode.
    ///
    /// # Errors
    /// The first that cannot be made, with its path in the message.
    pub fn create(&self) -> io::Result<()> {
        let all = [&self.config, &self.data, &self.cache];
        all.into_iter().chain(&self.runtime).try_for_each(|directory| create_private(directory))
    }
}

fn create_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn paths(set: &[(&str, &str)]) -> Result<Paths, NoHome> {
        Paths::from_variables(|name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn variables_win_over_home_and_relative_ones_are_ignored() {
        let home = ("HOME", "/home/a");
        let paths_of = |set: &[(&str, &str)]| paths(set).expect("paths");
        assert_eq!(paths_of(&[home]).config_file(), Path::new("/home/a/.config/ahoy/config.toml"));
        let own = paths_of(&[home, ("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "c")]);
        assert_eq!(own.database(), Path::new("/d/ahoy/ahoy.db"));
        assert_eq!(own.config, Path::new("/home/a/.config/ahoy"));
        assert_eq!(own.runtime, None);
        let lost = paths(&[]).expect_err("no home");
        assert!(lost.to_string().contains("XDG_CONFIG_HOME"));
    }

    #[test]
    fn directories_are_made_for_their_owner_only() {
        let directory = tempfile::tempdir().expect("directory");
        let home = directory.path().join("home");
        let home = home.to_str().expect("text");
        let made = paths(&[("HOME", home), ("XDG_RUNTIME_DIR", home)]).expect("paths");
        made.create().expect("made");
        made.create().expect("there already");
        for path in [&made.config, &made.data, &made.cache] {
            let mode = fs::metadata(path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let blocked = directory.path().join("file");
        fs::write(&blocked, "").expect("write");
        let blocked = blocked.to_str().expect("text");
        let error = paths(&[("HOME", blocked)]).expect("paths").create().expect_err("a file");
        assert!(error.to_string().contains("file/.config"), "{error}");
    }
}
