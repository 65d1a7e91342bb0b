//! Favourites in the desktop's menu: actions of Ahoy's own entry there, which a right click shows.
//!
//! Owns: the copy of the entry in the user's applications, and what it adds. Does not own: who is a favourite, or
//! what is asked before they are called. Invariant: nothing of the installed entry is lost, and a copy that has
//! nothing to add is gone; names in it do no more than be names.
//!
//! Menus read such actions from files only (Desktop Entry Specification 1.5, "Additional applications actions").

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ahoy_client::value;
use gtk::{
    gio,
    glib::{self, KeyFile, KeyFileFlags},
};

use crate::{app::ID, people::Person, service::Service};

const ENTRY: &str = "Desktop Entry";
const ACTIONS: &str = "Actions";
const ACTION: &str = "favourite-";
/// Marks a copy of ours. Without it, it is what was installed.
const COPY: &str = "X-Ahoy-Copy";
/// More are no choice at a glance.
const MOST: usize = 8;
/// Bytes of an entry; whatever is longer is none.
const LONGEST: u64 = 1 << 18;

/// Makes the menu have the favourites there are now, or none if they are not wanted; each starts `program`.
///
/// # Errors
/// Why it does not.
pub(crate) async fn keep(service: &Service, program: &Path) -> Result<(), String> {
    let settings = service.settings().await?;
    let favourites = match value::flag(&settings, "menu.favourites") {
        true => service.everybody(|person| person.favourite && person.handle.is_some()).await?,
        false => Vec::new(),
    };
    let program = program.to_owned();
    let shown = gio::spawn_blocking(move || Places::of_user().show(&favourites, &program));
    let shown = shown.await.map_err(|_| "a panic".to_owned())?;
    shown.map_err(|error| error.to_string())
}

/// Where entries lie.
pub(crate) struct Places {
    /// The user's own, which counts first.
    own: PathBuf,
    /// Those of the system.
    others: Vec<PathBuf>,
}

impl Places {
    /// Of this user.
    pub(crate) fn of_user() -> Self {
        let file = Path::new("applications").join(format!("{ID}.desktop"));
        let others = glib::system_data_dirs().into_iter().map(|directory| directory.join(&file));
        Self { own: glib::user_data_dir().join(&file), others: others.collect() }
    }

    /// Makes the entry have these favourites; each starts `program`.
    ///
    /// # Errors
    /// The user's entry cannot be read or written.
    pub(crate) fn show(&self, favourites: &[Person], program: &Path) -> io::Result<()> {
        let own = read(&self.own)?;
        let before = own.as_ref().map(KeyFile::to_data);
        let installed = own.filter(|entry| !entry.boolean(ENTRY, COPY).unwrap_or(false));
        let copied = installed.is_none();
        let system = || self.others.iter().find_map(|file| read(file).ok().flatten());
        // None: run from where it was built, or the package is gone.
        let base = installed.or_else(system).filter(|_| !copied || !favourites.is_empty());
        let Some(base) = base else {
            return before.map_or(Ok(()), |_| fs::remove_file(&self.own));
        };
        let text = with(&base, favourites, program, copied);
        if before.is_some_and(|before| before == text) {
            return Ok(());
        }
        write(&self.own, &text)
    }
}

/// None: there is none.
fn read(file: &Path) -> io::Result<Option<KeyFile>> {
    let length = match fs::metadata(file) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let entry = KeyFile::new();
    let flags = KeyFileFlags::KEEP_COMMENTS | KeyFileFlags::KEEP_TRANSLATIONS;
    let is_entry =
        length <= LONGEST && entry.load_from_file(file, flags).is_ok() && entry.has_group(ENTRY);
    match is_entry {
        true => Ok(Some(entry)),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "no desktop entry")),
    }
}

/// The entry with these favourites first among its actions, and no others.
fn with(entry: &KeyFile, favourites: &[Person], program: &Path, copied: bool) -> glib::GString {
    for group in
        entry.groups().iter().filter(|group| group.starts_with("Desktop Action favourite-"))
    {
        // It was there a moment ago.
        let _ = entry.remove_group(group);
    }
    let before = entry.string_list(ENTRY, ACTIONS).unwrap_or_default();
    let mut actions = Vec::new();
    for person in favourites.iter().filter(|person| is_plain(&person.id)).take(MOST) {
        let action = format!("{ACTION}{}", actions.len() + 1);
        let group = format!("Desktop Action {action}");
        entry.set_string(&group, "Name", &person.name);
        entry.set_string(&group, "Exec", &command(program, &person.id));
        actions.push(action);
    }
    let others = before.iter().map(|action| action.to_string());
    actions.extend(others.filter(|action| !action.starts_with(ACTION)));
    if !actions.is_empty() || !before.is_empty() {
        let list: String = actions.iter().map(|action| format!("{action};")).collect();
        entry.set_string(ENTRY, ACTIONS, &list);
    }
    if copied {
        entry.set_boolean(ENTRY, COPY, true);
    }
    entry.to_data()
}

/// Whether this can stand in a command as it is.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The value of Exec ("The Exec key"): quoted, with its own signs escaped, and no field codes.
fn command(program: &Path, id: &str) -> String {
    let mut quoted = String::from("\"");
    for c in program.to_string_lossy().chars() {
        match c {
            '"' | '`' | '$' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    format!("{quoted}\" --person={id}")
}

/// Whole or not at all: a menu may read it at any time. Only its owner reads who is in it.
fn write(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let directory = file.parent().unwrap_or_else(|| Path::new("/"));
    fs::create_dir_all(directory)?;
    let new = directory.join(format!(".{ID}.{}", std::process::id()));
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        io::Write::write_all(&mut out, text.as_bytes())?;
        fs::rename(&new, file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &str = "# Why.\n[Desktop Entry]\nType=Application\nName=Ahoy\nName[ko]=아호이\n\
        Exec=/usr/bin/ahoy-open %u\nActions=call;missed;\n\n[Desktop Action call]\nName=Call\n\
        Exec=/usr/bin/ahoy-open\n\n[Desktop Action missed]\nName=Missed\nExec=/usr/bin/ahoy-tell\n";

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn places(&self) -> Places {
            let at = |part: &str| self.0.path().join(part).join("entry.desktop");
            Places { own: at("own"), others: vec![at("none"), at("system")] }
        }

        fn install(&self, part: &str) {
            let directory = self.0.path().join(part);
            fs::create_dir_all(&directory).expect("a directory");
            fs::write(directory.join("entry.desktop"), INSTALLED).expect("installed");
        }

        fn show(&self, names: &[&str]) {
            let person = |(at, name): (usize, &&str)| Person {
                id: format!("id-{at}"),
                name: (*name).to_owned(),
                ..Person::default()
            };
            let all: Vec<Person> = names.iter().enumerate().map(person).collect();
            self.places().show(&all, Path::new("/opt/100% \"a\"/ahoy-window")).expect("written");
        }

        fn own(&self) -> Option<KeyFile> {
            read(&self.places().own).expect("readable")
        }
    }

    fn actions(entry: &KeyFile) -> Vec<String> {
        let list = entry.string_list(ENTRY, ACTIONS).expect("a list");
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn favourites_come_first_in_a_copy_of_the_system_s_entry_and_go_with_the_last_of_them() {
        let home = Home::new();
        home.install("system");
        home.show(&[]);
        assert!(home.own().is_none(), "nothing to add");
        home.show(&["Ann", "Bob"]);
        let entry = home.own().expect("a copy");
        assert_eq!(actions(&entry), ["favourite-1", "favourite-2", "call", "missed"]);
        let said = |group: &str, key| entry.string(group, key).expect("said").to_string();
        assert_eq!(said("Desktop Action favourite-2", "Name"), "Bob");
        let command = said("Desktop Action favourite-2", "Exec");
        assert_eq!(command, "\"/opt/100%% \\\"a\\\"/ahoy-window\" --person=id-1");
        assert_eq!(said("Desktop Action missed", "Name"), "Missed");
        assert_eq!(said(ENTRY, "Name[ko]"), "아호이");
        home.show(&["Bob"]);
        let entry = home.own().expect("a copy");
        assert_eq!(actions(&entry), ["favourite-1", "call", "missed"]);
        assert!(!entry.has_group("Desktop Action favourite-2"));
        home.show(&[]);
        assert!(home.own().is_none());
    }

    #[test]
    fn an_entry_that_was_installed_for_the_user_stays_and_loses_nothing() {
        let home = Home::new();
        home.install("own");
        home.install("system");
        home.show(&["Ann"]);
        assert_eq!(actions(&home.own().expect("it")), ["favourite-1", "call", "missed"]);
        home.show(&[]);
        let text = fs::read_to_string(home.places().own).expect("it is there");
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        assert_eq!(lines(&text), lines(INSTALLED));
    }

    #[test]
    fn what_is_no_entry_is_nobody_s_to_overwrite() {
        let home = Home::new();
        home.install("system");
        let own = home.places().own;
        fs::create_dir_all(own.parent().expect("a directory")).expect("made");
        fs::write(&own, "mine").expect("written");
        let shown = home.places().show(&[Person { id: "1".into(), ..Person::default() }], &own);
        assert_eq!(shown.expect_err("refused").kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&own).expect("there"), "mine");
    }

    #[test]
    fn names_that_look_like_entries_are_names_and_without_an_entry_there_is_no_copy() {
        let home = Home::new();
        home.show(&["Ann"]);
        assert!(home.own().is_none());
        home.install("system");
        let wild = "x\n[Desktop Action call]\nExec=evil\\n;%f";
        home.show(&[wild]);
        let entry = home.own().expect("a copy");
        assert_eq!(entry.string("Desktop Action favourite-1", "Name").expect("said"), wild);
        assert_eq!(
            entry.string("Desktop Action call", "Exec").expect("said"),
            "/usr/bin/ahoy-open"
        );
        fs::remove_file(home.0.path().join("system/entry.desktop")).expect("removed");
        home.show(&["Ann"]);
        assert!(home.own().is_none(), "what it was a copy of is gone");
    }
}
