//! A person found and called in the overview of a real GNOME Shell.
//!
//! Owns: that the file which we install, the Shell's own client of it and its list of results lead to
//! a call. Does not own: what is found for which words (`daemon/tests/search.rs`). Invariant: the
//! provider is the Shell's own, made of what the file says.

use ahoy_trial::{Person, Setup, contract::repository, need::Need, shell::Shell};

use crate::scene::{Two, on_silent_stage_with, with_desktop};

const FILE: &str = "contrib/desktop/org.ahoycall.Ahoy.search-provider.ini";

/// Code that makes the provider of a file, as the Shell does at its start for those of the system.
fn provider(file: &str) -> String {
    format!(
        "const {{Gio}} = imports.gi; const file = new GLib.KeyFile(); file.load_from_file('{file}', 0); \
         const says = key => file.get_string('Shell Search Provider', key); \
         const app = Gio.DesktopAppInfo.new(says('DesktopId')); \
         const {{RemoteSearchProvider2}} = imports.ui.remoteSearch; \
         global.people = new RemoteSearchProvider2(app, says('BusName'), says('ObjectPath'), true); \
         Main.overview._overview._controls._searchController._searchResults._registerProvider(global.people); \
         says('Version')"
    )
}

/// Code for the results in sight, each with its name.
const RESULTS: &str = "all(Main.overview._overview._controls._searchController._searchResults) \
    .filter(one => one.mapped && one.metaInfo?.id?.match(/^(voice|video):/))";

#[test]
fn a_person_is_found_in_the_overview_and_called_by_a_choice() {
    on_silent_stage_with(&[Need::Gnome, Need::Mock], |stage| {
        let (alice, _buses) = with_desktop(stage, Setup::BARE);
        let entry = repository().join("contrib/desktop/org.ahoycall.Ahoy.desktop.in");
        let text = std::fs::read_to_string(entry).expect("a menu entry");
        let places = alice.path("data/applications");
        std::fs::create_dir_all(&places).expect("a directory");
        let text = text.replace("@bindir@/ahoy-open", "/bin/true");
        std::fs::write(places.join("org.ahoycall.Ahoy.desktop"), text).expect("a menu entry");
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let two = Two::introduce(alice, bob);
        let shell = Shell::start(&two.alice).expect("a Shell");
        let file = repository().join(FILE).canonicalize().expect("the file");
        let version = shell.evaluate(&provider(&file.display().to_string())).expect("a provider");
        assert_eq!(version, "2");
        shell.evaluate("Main.overview.show()").expect("the overview");
        shell.evaluate("Main.overview.searchEntry.text = 'call bob'").expect("typed");
        shell.until("both ways to call", &format!("{RESULTS}.length === 2")).expect("found");
        shell.picture("gnome-search").expect("a picture");
        let names = shell.evaluate(&format!("{RESULTS}.map(one => one.metaInfo.name)"));
        assert_eq!(names.expect("names"), serde_json::json!(["Call Bob", "Call Bob video"]));
        shell.evaluate(&format!("{RESULTS}[0].activate()")).expect("chosen");
        two.bob.rings().expect("it rings at Bob's");
    });
}
