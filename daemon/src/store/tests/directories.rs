//! Claims about directories of callers on disk and from descriptors.

use std::{
    fs::{self, File},
    io::{Seek as _, Write as _},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    time::{Duration, Instant},
};

use ahoy_core::{filter::Entry, id::Handle};
use tempfile::{TempDir, tempdir, tempfile};

use crate::{
    handed::Patience,
    store::{DirectoryError, Folder, read_directory},
};

const SHORT: Patience =
    Patience { piece: Duration::from_millis(100), all: Duration::from_millis(300) };

fn file(text: &[u8]) -> OwnedFd {
    let mut file = tempfile().unwrap();
    file.write_all(text).unwrap();
    file.rewind().unwrap();
    file.into()
}

fn read(text: &[u8]) -> Result<ahoy_core::filter::Directory, DirectoryError> {
    read_directory(file(text), Patience::default())
}

fn folder(home: &TempDir) -> Folder {
    Folder::new(home.path().join("directories"))
}

#[test]
fn what_is_kept_is_read_again_as_it_was_and_is_the_users_alone() {
    let home = tempdir().unwrap();
    let one = read(b"tel,+491,\"a, b\",0\nsip,x@y,Z,1\n").unwrap();
    let name = "../a b/\u{fc}_ü.csv";
    folder(&home).write(name, &one).unwrap().keep().unwrap();
    let all = folder(&home).all();
    assert_eq!(all.len(), 1);
    let (id, again) = &all[0];
    assert_eq!((id.as_str(), again.lines().collect::<String>()), (name, one.lines().collect()));
    let files: Vec<_> = fs::read_dir(home.path().join("directories")).unwrap().collect();
    let file = files[0].as_ref().unwrap();
    assert_eq!((files.len(), file.metadata().unwrap().permissions().mode() & 0o777), (1, 0o600));
    folder(&home).remove(name).unwrap();
    folder(&home).remove(name).unwrap();
    assert!(folder(&home).all().is_empty());
}

#[test]
fn one_that_was_not_finished_leaves_the_old_one_and_goes_at_the_next_start() {
    let home = tempdir().unwrap();
    let (old, new) = (read(b"tel,1,Old,0\n").unwrap(), read(b"tel,1,New,0\n").unwrap());
    folder(&home).write("a", &old).unwrap().keep().unwrap();
    let part = folder(&home).write("a", &new).unwrap();
    let (_, found) = folder(&home).all().remove(0);
    let tel = Handle::new("tel", "1").unwrap();
    assert_eq!(found.find(&tel), Some(Entry { name: "Old", spam: false }));
    assert!(part.keep().is_err(), "it is gone");
}

#[test]
fn a_damaged_file_is_passed_over_and_kept() {
    let home = tempdir().unwrap();
    folder(&home).write("a", &read(b"tel,1,A,0\n").unwrap()).unwrap().keep().unwrap();
    let bad = home.path().join("directories/bad.csv");
    fs::write(&bad, b"\0\0\0").unwrap();
    assert_eq!(folder(&home).all().len(), 1);
    assert!(bad.exists());
}

#[test]
fn an_empty_file_is_an_empty_directory_and_nonsense_is_an_error() {
    for text in ["", "\n\n", "scheme,value,name,spam\n"] {
        assert!(read(text.as_bytes()).unwrap().is_empty(), "{text:?}");
    }
    for text in [&b"\xFF\xFE\n"[..], b"hello\n", b"\0\0\0", &[b'1'; 1_000_000]] {
        let error = read(text).unwrap_err();
        assert!(matches!(error, DirectoryError::Unusable { line: 1, .. }), "{error}");
    }
}

#[test]
fn what_is_no_file_or_never_ends_is_refused_within_its_time() {
    let begin = Instant::now();
    let open = |path| OwnedFd::from(File::open(path).unwrap());
    let refused = |file, patience| read_directory(file, patience).unwrap_err();
    let error = refused(open("/"), SHORT);
    assert!(error.to_string().contains("it is a directory"), "{error}");
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let error = refused(socket.into(), SHORT);
    assert!(error.to_string().contains("it is a socket"), "{error}");
    let error = refused(open("/dev/zero"), Patience::default());
    assert!(matches!(error, DirectoryError::Long), "{error}");
    let null = File::options().write(true).open("/dev/null").unwrap();
    let error = refused(null.into(), SHORT);
    assert!(matches!(error, DirectoryError::Read(_)), "{error}");
    // A pipe that nobody writes to, and one whose writer never ends.
    let (silent, _writer) = std::io::pipe().unwrap();
    let error = refused(silent.into(), SHORT);
    assert!(error.to_string().contains("did not end in time"), "{error}");
    let (endless, mut writer) = std::io::pipe().unwrap();
    let writing = std::thread::spawn(move || while writer.write_all(b"\n").is_ok() {});
    let error = refused(endless.into(), SHORT);
    writing.join().unwrap();
    assert!(error.to_string().contains("did not end in time"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}
