//! The Debian packages that `contrib/package` makes, installed by a real dpkg into a directory.
//!
//! Owns: which package has what, what it needs, that it goes again. Does not own: what `contrib/run` installs
//! (`installing`), with which it is compared. Invariant: the packages are made of the programs of this build;
//! nothing outside of the directory is touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use ahoy_trial::{
    Result, Trouble,
    contract::repository,
    need::find,
    person::built,
    process::{output, program},
};
use tempfile::TempDir;

use crate::installing::{below, in_home};

const PACKAGES: [&str; 4] = ["ahoy", "ahoy-gnome-shell", "ahoy-voice", "ahoy-window"];
/// Both started with a session.
const UNITS: [&str; 2] = ["ahoyd.service", "ahoy-window.service"];
/// Places with one name in a home and another one in a system.
const RENAMED: [(&str, &str); 2] = [
    ("ahoy/71-ahoy-headset.rules", "rules.d/71-ahoy-headset.rules"),
    ("site-functions/", "vendor-completions/"),
];

/// The packages, made once for all tests here: it takes half a minute.
static MADE: LazyLock<std::result::Result<PathBuf, String>> =
    LazyLock::new(|| make().map_err(|error| error.to_string()));

/// Makes them in a directory beside the programs, which those of the last time were in.
fn make() -> Result<PathBuf> {
    let programs = built("ahoyd")?;
    let programs = programs.parent().unwrap_or(Path::new("/"));
    let name = programs.file_name().unwrap_or_default();
    let profile = if name == "debug" { "dev".into() } else { name.display().to_string() };
    let directory = programs.join("packages-of-tests");
    let target = directory.join("target");
    // There is none the first time.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&target).map_err(Trouble::io("a directory"))?;
    std::os::unix::fs::symlink(programs, target.join(name)).map_err(Trouble::io("a link"))?;
    let mut package = program("bash");
    package
        .arg(repository().join("contrib/package"))
        .args(["--no-build", "--no-packages", "--no-lint", "--shell", "43", "--profile", &profile])
        .arg("--out")
        .arg(&directory)
        .env("CARGO_TARGET_DIR", &target);
    output("contrib/package", &mut package)?;
    Ok(directory)
}

/// The packages, or nothing where they cannot be made.
#[expect(clippy::print_stdout, reason = "the runner counts the line")]
fn packages() -> Option<&'static Path> {
    for program in ["dpkg-deb", "dpkg-shlibdeps", "strip"] {
        if find(program).is_none() {
            println!("SKIPPED: {program} is not installed (dpkg-dev, binutils)");
            return None;
        }
    }
    Some(MADE.as_deref().expect("packages"))
}

fn file_of(package: &str) -> PathBuf {
    let all = fs::read_dir(packages().expect("made")).expect("a directory").flatten();
    let begin = format!("{package}_");
    let mut found = all.map(|entry| entry.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.display().to_string().starts_with(&begin))
    });
    found.next().expect("a package")
}

/// A system of which nothing is there but our packages.
struct System(TempDir);

impl System {
    fn install() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        for directory in ["info", "updates", "triggers"] {
            fs::create_dir_all(root.path().join("var/lib/dpkg").join(directory)).expect("made");
        }
        for file in ["status", "available"] {
            fs::write(root.path().join("var/lib/dpkg").join(file), "").expect("written");
        }
        let system = Self(root);
        let files = PACKAGES.map(|name| file_of(name).display().to_string());
        system.dpkg("--install", &files.each_ref().map(String::as_str));
        system
    }

    /// Its scripts run outside of the directory and act inside, as Debian's own do for such systems.
    fn dpkg(&self, what: &str, words: &[&str]) {
        let mut dpkg = program("dpkg");
        dpkg.arg(format!("--root={}", self.0.path().display()))
            .args(["--force-not-root", "--force-script-chrootless", "--force-depends", what])
            .args(words);
        output("dpkg", &mut dpkg).expect("dpkg");
    }

    /// The files of a package.
    fn files(&self, package: &str) -> Vec<String> {
        let list = self.0.path().join(format!("var/lib/dpkg/info/{package}.list"));
        let list = fs::read_to_string(list).expect("a list");
        list.lines()
            .filter(|line| self.0.path().join(&line[1..]).is_file())
            .map(str::to_owned)
            .collect()
    }
}

/// Name and directory of a file, alike in a home and in a system; nothing for what only packages have.
fn place(path: &str) -> Option<String> {
    let mut words = path.rsplit('/');
    let (name, directory) = (words.next()?, words.next()?);
    if path.contains("/share/doc/") && ["copyright", "changelog.gz"].contains(&name) {
        return None;
    }
    let mut place = format!("{directory}/{}", name.strip_suffix(".gz").unwrap_or(name));
    for (home, system) in RENAMED {
        place = place.replace(home, system);
    }
    Some(place)
}

/// The places of all files below a directory.
fn places_below(directory: &Path) -> BTreeSet<String> {
    let files = below(directory).into_iter().filter(|name| directory.join(name).is_file());
    let ours = files.filter(|name| !name.ends_with("/installed-files"));
    ours.filter_map(|name| place(&format!("/{name}"))).collect()
}

/// The places of what `contrib/run` installs.
fn places_in_a_home() -> BTreeSet<String> {
    let home = tempfile::tempdir().expect("a directory");
    in_home(home.path(), "install_files 43; rm -rf \"$made\"").expect("installed");
    let places = places_below(home.path());
    assert!(places.len() > 80, "pages of ahoyctl alone are many: {places:?}");
    places
}

#[test]
fn every_file_that_is_installed_into_a_home_is_in_one_package_and_no_package_has_more() {
    if packages().is_none() {
        return;
    }
    let system = System::install();
    let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for package in PACKAGES {
        for place in system.files(package).iter().filter_map(|file| place(file)) {
            owners.entry(place).or_default().push(package);
        }
    }
    let installed = places_in_a_home();
    let packed: BTreeSet<String> = owners.keys().cloned().collect();
    let lacking: Vec<&String> = installed.difference(&packed).collect();
    let more: Vec<&String> = packed.difference(&installed).collect();
    assert!(lacking.is_empty() && more.is_empty(), "lacking: {lacking:?}, more: {more:?}");
    owners.retain(|_, packages| packages.len() != 1);
    assert!(owners.is_empty(), "in two packages: {owners:?}");
}

#[test]
fn what_is_staged_for_other_makers_of_packages_is_the_same_and_of_the_same_version() {
    let directory = tempfile::tempdir().expect("a directory");
    let programs = built("ahoyd").expect("ahoyd");
    let stage = |words: &[&str], to: &Path| {
        let mut stage = program("bash");
        stage
            .arg(repository().join("contrib/stage"))
            .args(["--prefix", "/opt/ahoy", "--shell", "43", "--programs"])
            .arg(programs.parent().expect("a directory"))
            .args(words)
            .arg(to)
            .env("CARGO_TARGET_DIR", directory.path().join("target"));
        output("contrib/stage", &mut stage).expect("staged");
        places_below(&to.join("opt/ahoy"))
    };
    let all = places_in_a_home();
    assert_eq!(stage(&[], &directory.path().join("all")), all);
    let quiet = stage(&["--without", "ahoy-voice"], &directory.path().join("quiet"));
    let lacking: Vec<&String> = all.difference(&quiet).collect();
    assert_eq!(lacking, ["ahoy/ahoy-voice"]);
    let unit = directory.path().join("all/opt/ahoy/lib/systemd/user/ahoyd.service");
    let unit = fs::read_to_string(unit).expect("the unit");
    assert!(unit.lines().any(|line| line == "ExecStart=/opt/ahoy/bin/ahoyd"), "{unit}");

    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("arch/PKGBUILD", format!("pkgver={version}")),
        ("nix/package.nix", format!("  version = \"{version}\";")),
    ] {
        let text = fs::read_to_string(repository().join("contrib").join(file)).expect(file);
        assert!(text.lines().any(|one| one == line), "{file} has no line {line}");
    }
}

#[test]
fn every_program_that_people_start_says_its_version() {
    for name in ["ahoyd", "ahoyctl", "ahoy-window"] {
        let path = built(name).expect(name);
        let mut command = program(&path.display().to_string());
        let said = output(name, command.arg("--version")).expect("it says something");
        let expected = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8_lossy(&said), expected);
    }
}

#[test]
fn the_units_of_the_packages_are_right_enabled_once_and_gone_after_a_purge() {
    if packages().is_none() {
        return;
    }
    let system = System::install();
    let root = system.0.path();
    let units = root.join("usr/lib/systemd/user");
    let programs = format!("={}/usr/bin/", root.display());
    for unit in UNITS {
        let link = root.join("etc/systemd/user/graphical-session.target.wants").join(unit);
        let target = fs::read_link(&link).expect("enabled").display().to_string();
        assert!(target.ends_with(&format!("/usr/lib/systemd/user/{unit}")), "{target}");
        let text = fs::read_to_string(units.join(unit)).expect("a unit");
        fs::write(units.join(unit), text.replace("=/usr/bin/", &programs)).expect("written");
    }
    // Removing a package must not leave a unit without its program.
    for (unit, package) in UNITS.iter().zip(["ahoy", "ahoy-window"]) {
        let files = system.files(package);
        let program = format!("/usr/bin/{}", unit.trim_end_matches(".service"));
        let unit = format!("/usr/lib/systemd/user/{unit}");
        assert!(files.contains(&unit) && files.contains(&program), "{package}: {files:?}");
    }
    verify(root, &UNITS.map(|unit| units.join(unit)));

    // Who switched a unit off has it off after an upgrade, too.
    let link = root.join("etc/systemd/user/graphical-session.target.wants/ahoy-window.service");
    fs::remove_file(&link).expect("switched off");
    let again = file_of("ahoy-window").display().to_string();
    system.dpkg("--install", &[again.as_str()]);
    assert!(link.symlink_metadata().is_err(), "switched on again");

    system.dpkg("--purge", &["ahoy-gnome-shell", "ahoy-voice", "ahoy-window", "ahoy"]);
    let left: Vec<String> =
        below(root).into_iter().filter(|name| name.to_lowercase().contains("ahoy")).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// What systemd finds wrong with units whose programs lie below `root`.
#[expect(clippy::print_stdout, reason = "the runner counts the line")]
fn verify(root: &Path, units: &[PathBuf]) {
    let runtime = root.join("run");
    fs::create_dir_all(&runtime).expect("a directory");
    let output = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .args(units)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("HOME", root)
        .output();
    let Ok(output) = output else {
        println!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn field(package: &str, name: &str) -> String {
    let mut dpkg = program("dpkg-deb");
    let said = output("dpkg-deb", dpkg.arg("--field").arg(file_of(package)).arg(name));
    String::from_utf8_lossy(&said.expect("a field")).trim().to_owned()
}

/// The names in a list of dependencies, without versions.
fn names(list: &str) -> BTreeSet<String> {
    list.split([',', '|'])
        .filter_map(|one| one.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_an_installed_ahoy_needs_is_what_the_packages_depend_on() {
    if packages().is_none() {
        return;
    }
    let listed = fs::read_to_string(repository().join("contrib/packages")).expect("the list");
    let mut count = 0;
    for line in listed.lines().filter(|line| line.starts_with("run ")) {
        let words: Vec<&str> =
            line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let &[_, needed, owner] = words.as_slice() else {
            panic!("{line}: whose package needs it?")
        };
        let depends = names(&field(owner, "Depends"));
        assert!(depends.contains(needed), "{owner} does not depend on {needed}: {depends:?}");
        count += 1;
    }
    assert!(count > 5, "{count} packages are listed");
    let version = env!("CARGO_PKG_VERSION");
    for package in PACKAGES {
        assert_eq!(field(package, "Version"), version);
    }
    for package in ["ahoy-voice", "ahoy-window"] {
        let depends = field(package, "Depends");
        assert!(depends.contains(&format!("ahoy (= {version})")), "{depends}");
        // Found by looking at what the programs are linked to.
        assert!(names(&depends).contains("libc6"), "{depends}");
    }
    assert!(
        field("ahoy-gnome-shell", "Depends").contains("gnome-shell (>= 43~), gnome-shell (<< 44~)")
    );
    assert_eq!(field("ahoy-gnome-shell", "Architecture"), "all");
}

#[test]
fn lintian_finds_no_error_and_nothing_to_warn_of() {
    if packages().is_none() {
        return;
    }
    if find("lintian").is_none() {
        println!("SKIPPED: lintian is not installed");
        return;
    }
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error,warning"]).args(PACKAGES.map(file_of));
    let output = lintian.output().expect("lintian");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
