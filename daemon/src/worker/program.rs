//! Where a worker's program lies.
//!
//! Owns: the order of places. Does not own: starting it. Invariant: a program of the same build
//! wins over an installed one, and that over one on the search path.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// There is no such program anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not installed: looked in {looked}")]
pub struct NotFound {
    /// The program.
    pub name: String,
    /// Where it was looked for.
    pub looked: String,
}

/// Looks beside our own executable, in the libexec directories that belong to it, then on `path`.
///
/// # Errors
/// [`NotFound`] lists the places.
pub fn find(name: &str, own: Option<&Path>, path: Option<&OsStr>) -> Result<PathBuf, NotFound> {
    let mut directories = Vec::new();
    if let Some(beside) = own.and_then(Path::parent) {
        directories.push(beside.to_owned());
        if let Some(prefix) = beside.parent() {
            directories.push(prefix.join("libexec/ahoy"));
            directories.push(prefix.join("lib/ahoy"));
        }
    }
    if let Some(path) = path {
        // An empty or relative entry would mean whatever directory we happen to be in.
        directories.extend(std::env::split_paths(path).filter(|entry| entry.is_absolute()));
    }
    let found = directories
        .iter()
        .map(|directory| directory.join(name))
        .find(|file| runs(file));
    found.ok_or_else(|| NotFound {
        name: name.to_owned(),
        looked: directories
            .iter()
            .map(|directory| directory.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn runs(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(path, "").expect("write");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    #[test]
    fn beside_wins_over_libexec_over_path_and_a_plain_file_is_no_program() {
        let directory = tempfile::tempdir().expect("directory");
        let own = directory.path().join("bin/ahoyd");
        let search = directory.path().join("search");
        let look = || find("w", Some(&own), Some(search.as_os_str()));
        let error = look().expect_err("nowhere");
        assert!(error.to_string().contains("libexec/ahoy"), "{error}");
        for place in ["search/w", "libexec/ahoy/w", "bin/w"] {
            let place = directory.path().join(place);
            program(&place);
            assert_eq!(look().expect("found"), place);
        }
        fs::set_permissions(
            directory.path().join("bin/w"),
            fs::Permissions::from_mode(0o644),
        )
        .expect("chmod");
        assert_eq!(
            look().expect("found"),
            directory.path().join("libexec/ahoy/w")
        );
    }
}
