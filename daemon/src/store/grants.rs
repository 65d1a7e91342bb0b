//! Which sandboxed apps may dial, where no permission store of the desktop keeps that.
//!
//! Owns: a file of lines `<application id> yes|no`. Does not own: asking. Invariant: the file is the
//! user's alone (0600) and whole, the old one or the new.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// What the user decided about an app; none: nothing yet.
///
/// # Errors
/// The file is there and cannot be read.
pub fn grant(path: &Path, app: &str) -> io::Result<Option<bool>> {
    Ok(read(path)?.get(app).copied())
}

/// Keeps what the user decided about an app.
///
/// # Errors
/// The file cannot be written; it is as it was.
pub fn set_grant(path: &Path, app: &str, may: bool) -> io::Result<()> {
    let mut all = read(path)?;
    all.insert(app.to_owned(), may);
    let text: String = all
        .iter()
        .map(|(app, may)| format!("{app} {}\n", if *may { "yes" } else { "no" }))
        .collect();
    let part = path.with_extension("part");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}

/// Lines of another form are left out: the user is asked again.
fn read(path: &Path) -> io::Result<BTreeMap<String, bool>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let line = |line: &str| match line.split_once(' ') {
        Some((app, "yes")) => Some((app.to_owned(), true)),
        Some((app, "no")) => Some((app.to_owned(), false)),
        Some(_) | None => None,
    };
    Ok(text.lines().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn decisions_are_kept_replaced_and_the_users_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("may-dial");
        assert_eq!(grant(&path, "org.a.A").expect("none"), None);
        set_grant(&path, "org.a.A", true).expect("kept");
        set_grant(&path, "org.b.B", true).expect("kept");
        set_grant(&path, "org.b.B", false).expect("kept");
        assert_eq!(grant(&path, "org.a.A").expect("read"), Some(true));
        assert_eq!(grant(&path, "org.b.B").expect("read"), Some(false));
        assert_eq!(grant(&path, "org.c.C").expect("read"), None);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn nonsense_in_the_file_decides_nothing() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("may-dial");
        fs::write(&path, "org.a.A maybe\norg.b.B\n\n yes\norg.c.C yes no\n").expect("written");
        for app in ["org.a.A", "org.b.B", "org.c.C"] {
            assert_eq!(grant(&path, app).expect("read"), None, "{app}");
        }
    }
}
