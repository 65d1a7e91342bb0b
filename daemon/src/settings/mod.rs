//! The config file: typed keys with defaults, read, written and watched.
//!
//! Owns: `config.toml`, which keys exist and which values they take. Does not own: what a setting
//! does. Invariant: a value that a reader gets is always one its key allows; what the file has
//! wrong is told and the key keeps its last good value, or its default.

mod keys;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item, Table};

pub use keys::{Flag, Key, Number, Rule, Text, Value};
pub use watch::Watch;

/// Why a setting could not be read or written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no such key.
    #[error("there is no setting `{key}`; `ahoyctl settings` lists them all")]
    UnknownKey {
        /// What was asked for.
        key: String,
    },
    /// The key does not take this value.
    #[error("`{key}` cannot be `{value}`: allowed is {allowed}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it takes, in words.
        allowed: String,
    },
    /// The file is not TOML.
    #[error("{path}: {why}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and cause.
        why: String,
    },
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Something in the file that is not as it should be; the rest is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key of a newer version, or a slip of the pen. It is kept in the file.
    #[error("the config file has a key `{0}` that this version does not know; it is ignored")]
    UnknownKey(String),
    /// The key does not take this value, so the last good one or the default is in force.
    #[error("the config file sets `{key}` to `{value}`, but allowed is {allowed}; it is ignored")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What is in the file.
        value: String,
        /// What it takes, in words.
        allowed: String,
    },
}

/// The settings in force, and the file behind them.
#[derive(Debug)]
pub struct Settings {
    path: PathBuf,
    /// Only what the file sets; everything else has its default.
    values: BTreeMap<Key, Value>,
}

impl Settings {
    /// Reads the file at `path`; a missing one is an empty one.
    ///
    /// # Errors
    /// [`SettingsError::Io`] and [`SettingsError::Syntax`].
    pub fn load(path: impl Into<PathBuf>) -> Result<(Self, Vec<Problem>), SettingsError> {
        let mut settings = Self::defaults(path);
        let problems = settings.reload()?.problems;
        Ok((settings, problems))
    }

    /// All defaults over the file at `path`, which is not read: for a start with a broken file.
    pub fn defaults(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            values: BTreeMap::new(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a yes-or-no key.
    #[must_use]
    pub fn flag(&self, key: Flag) -> bool {
        match self.value(key.0) {
            Value::Bool(on) => on,
            // Only `keys.rs` makes a `Flag`, and a test compares each with its rule.
            Value::Number(_) | Value::Text(_) => false,
        }
    }

    /// The value of a number key.
    #[must_use]
    pub fn number(&self, key: Number) -> i64 {
        match self.value(key.0) {
            Value::Number(number) => number,
            Value::Bool(_) | Value::Text(_) => 0,
        }
    }

    /// The value of a text key.
    #[must_use]
    pub fn text(&self, key: Text) -> String {
        match self.value(key.0) {
            Value::Text(text) => text,
            Value::Bool(_) | Value::Number(_) => String::new(),
        }
    }

    /// The value in force.
    #[must_use]
    pub fn value(&self, key: Key) -> Value {
        self.values
            .get(&key)
            .cloned()
            .unwrap_or_else(|| key.rule().default())
    }

    /// The value of the key of this name.
    ///
    /// # Errors
    /// [`SettingsError::UnknownKey`].
    pub fn get(&self, name: &str) -> Result<Value, SettingsError> {
        named(name).map(|key| self.value(key))
    }

    /// Every key with its value.
    #[must_use]
    pub fn list(&self) -> Vec<(Key, Value)> {
        Key::ALL.iter().map(|&key| (key, self.value(key))).collect()
    }

    /// Writes one setting to the file and puts it in force. Comments and order stay.
    ///
    /// # Errors
    /// See [`SettingsError`]; neither file nor value was changed.
    pub fn set(&mut self, name: &str, value: Value) -> Result<Key, SettingsError> {
        let key = named(name)?;
        key.rule()
            .check(&value)
            .map_err(|allowed| SettingsError::BadValue {
                key: key.name(),
                value: value.to_string(),
                allowed,
            })?;
        let mut document = self.read()?;
        put(&mut document, key, &value).map_err(|why| SettingsError::Syntax {
            path: self.path.clone(),
            why,
        })?;
        write_whole(&self.path, document.to_string().as_bytes())?;
        self.values.insert(key, value);
        Ok(key)
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// [`SettingsError::Io`] and [`SettingsError::Syntax`]: all values stay as they were.
    pub fn reload(&mut self) -> Result<Reloaded, SettingsError> {
        let document = self.read()?;
        let mut problems = Vec::new();
        let mut found = BTreeMap::new();
        collect(document.as_table(), "", &mut |name, item| {
            let Some(key) = Key::from_name(name) else {
                problems.push(Problem::UnknownKey(name.to_owned()));
                return;
            };
            match accept(key, item) {
                Ok(value) => {
                    found.insert(key, value);
                }
                Err(problem) => {
                    problems.push(problem);
                    if let Some(last) = self.values.get(&key) {
                        found.insert(key, last.clone());
                    }
                }
            }
        });
        let before = self.list();
        self.values = found;
        let changed = before
            .into_iter()
            .filter(|(key, old)| self.value(*key) != *old)
            .map(|(key, _)| key)
            .collect();
        Ok(Reloaded { changed, problems })
    }

    /// Watches the file for changes made by others.
    ///
    /// # Errors
    /// The kernel has no watch left; settings then change only at a restart.
    pub fn watch(&self) -> io::Result<Watch> {
        Watch::new(&self.path)
    }

    fn read(&self) -> Result<DocumentMut, SettingsError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(io_error(&self.path, cause)),
        };
        text.parse()
            .map_err(|error: toml_edit::TomlError| SettingsError::Syntax {
                path: self.path.clone(),
                why: error.to_string(),
            })
    }
}

/// What reading the file again brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Keys whose value in force is another one now.
    pub changed: Vec<Key>,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
}

fn named(name: &str) -> Result<Key, SettingsError> {
    Key::from_name(name).ok_or_else(|| SettingsError::UnknownKey {
        key: name.to_owned(),
    })
}

/// Calls `each` for every value of the file with its dotted name.
fn collect(table: &dyn toml_edit::TableLike, prefix: &str, each: &mut impl FnMut(&str, &Item)) {
    for (name, item) in table.iter() {
        let full = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        };
        match item.as_table_like() {
            Some(inner) => collect(inner, &full, each),
            None => each(&full, item),
        }
    }
}

fn accept(key: Key, item: &Item) -> Result<Value, Problem> {
    let value = if let Some(on) = item.as_bool() {
        Some(Value::Bool(on))
    } else if let Some(number) = item.as_integer() {
        Some(Value::Number(number))
    } else {
        item.as_str().map(|text| Value::Text(text.to_owned()))
    };
    let allowed = match &value {
        Some(value) => key.rule().check(value),
        None => Err(key.rule().allowed()),
    };
    match (value, allowed) {
        (Some(value), Ok(())) => Ok(value),
        (_, Err(allowed)) => Err(Problem::BadValue {
            key: key.name(),
            value: item.to_string().trim().to_owned(),
            allowed,
        }),
        (None, Ok(())) => Err(Problem::UnknownKey(key.name().to_owned())),
    }
}

/// Sets one value, keeping the comment that stands behind the old one.
fn put(document: &mut DocumentMut, key: Key, value: &Value) -> Result<(), String> {
    let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
    let mut parts: Vec<&str> = key.name().split('.').collect();
    let Some(last) = parts.pop() else {
        return Ok(());
    };
    for part in parts {
        let entry = table.entry(part).or_insert_with(|| {
            let mut fresh = Table::new();
            fresh.set_implicit(true);
            Item::Table(fresh)
        });
        table = entry
            .as_table_like_mut()
            .ok_or_else(|| format!("`{part}` is a value, but `{}` needs a table", key.name()))?;
    }
    let mut fresh = match value {
        Value::Bool(on) => toml_edit::Value::from(*on),
        Value::Number(number) => toml_edit::Value::from(*number),
        Value::Text(text) => toml_edit::Value::from(text.as_str()),
    };
    match table.get_mut(last) {
        Some(Item::Value(old)) => {
            *fresh.decor_mut() = old.decor().clone();
            *old = fresh;
        }
        Some(_) | None => {
            table.insert(last, Item::Value(fresh));
        }
    }
    Ok(())
}

/// Replaces the file in one step. A link, as dotfile managers make, stays a link.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SettingsError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let part = target.with_extension("toml.part");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, &target));
    written.map_err(|cause| {
        // The cause is what the person needs; a part file left over is replaced next time.
        let _ = fs::remove_file(&part);
        io_error(&target, cause)
    })
}

fn io_error(path: &Path, cause: io::Error) -> SettingsError {
    SettingsError::Io {
        path: path.to_owned(),
        cause,
    }
}
