//! The bus contract in `dbus/` is complete in itself: every member is explained, every signature is
//! one, every method lists its errors, and every error is explained. Whether the daemon keeps it is
//! tested where the daemon runs.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use roxmltree::{Document, Node, ParsingOptions};

const PREFIX: &str = "org.ahoycall.Calls1.";

fn dbus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dbus")
}

/// Interface name to its file's text.
fn files() -> BTreeMap<String, String> {
    let paths = fs::read_dir(dbus()).unwrap().map(|entry| entry.unwrap().path());
    let xml = paths.filter(|path| path.extension().is_some_and(|e| e == "xml"));
    xml.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    })
    .collect()
}

/// Calls `check` with every interface and every member of it.
fn each_member(mut check: impl FnMut(&str, Node<'_, '_>)) {
    for (interface, text) in files() {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&text, options).unwrap();
        let node = document.descendants().find(|n| n.has_tag_name("interface")).unwrap();
        assert_eq!(node.attribute("name"), Some(interface.as_str()));
        for member in node.children().filter(Node::is_element) {
            check(&interface, member);
        }
    }
}

fn name<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("name").unwrap_or("")
}

/// The comment before a member, joined to one line.
fn doc(member: Node<'_, '_>) -> String {
    let before = member.prev_siblings().skip(1).find(|n| n.is_comment() || n.is_element());
    let text = before.filter(Node::is_comment).and_then(|n| n.text()).unwrap_or("");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what stands in brackets: when an error is given.
fn errors_of(member: Node<'_, '_>) -> Vec<String> {
    let doc = doc(member);
    let (_, list) = doc.rsplit_once("Errors: ").unwrap_or_default();
    let mut names = String::new();
    let mut depth = 0_usize;
    for one in list.trim_end_matches('.').chars() {
        match one {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => names.push(one),
            _ => {}
        }
    }
    names.split(',').map(str::trim).filter(|e| *e != "none").map(str::to_owned).collect()
}

/// The errors that `dbus/README.md` explains.
fn explained() -> BTreeSet<String> {
    let readme = fs::read_to_string(dbus().join("README.md")).unwrap();
    let (_, table) = readme.split_once("## Errors").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    rows.map(|(error, _)| error.to_owned()).filter(|error| error != "error").collect()
}

/// What is left of a signature after its first complete type; `None` if it does not begin with one.
fn after_type(signature: &str) -> Option<&str> {
    let mut rest = signature.strip_prefix(|c| "ybnqiuxtdsogvh".contains(c));
    if let Some(array) = signature.strip_prefix('a') {
        rest = match array.strip_prefix('{') {
            Some(entry) => after_type(after_type(entry)?)?.strip_prefix('}'),
            None => after_type(array),
        };
    } else if let Some(fields) = signature.strip_prefix('(') {
        let mut fields = after_type(fields)?;
        while !fields.starts_with(')') {
            fields = after_type(fields)?;
        }
        rest = fields.strip_prefix(')');
    }
    rest
}

#[test]
fn every_interface_of_the_contract_has_its_file() {
    let names: Vec<String> = files().into_keys().collect();
    let expected = [
        "Audio",
        "Call",
        "Call.Captions",
        "Call.Participants",
        "Call.Text",
        "Call.Verification",
        "Contacts",
        "Filter",
        "Group",
        "History",
        "Identity",
        "Manager",
        "Provider",
        "ProviderApp",
        "Registry",
        "Settings",
        "Voice",
    ];
    let mut expected: Vec<String> = expected.iter().map(|e| format!("{PREFIX}{e}")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn every_signature_is_one_complete_type() {
    assert_eq!(after_type("a{sa(ssv)}"), Some(""));
    for broken in ["", "a", "a{s}", "(", "()", "(s", "z"] {
        assert_ne!(after_type(broken), Some(""), "{broken}");
    }
    each_member(|interface, member| {
        let arguments = member.children().filter(|n| n.has_tag_name("arg"));
        let own = Some(member).filter(|m| m.has_tag_name("property"));
        for typed in arguments.chain(own) {
            let signature = typed.attribute("type").unwrap_or("");
            let place = format!("{interface}.{} {}", name(member), name(typed));
            assert_eq!(after_type(signature), Some(""), "{place}: {signature}");
        }
    });
}

#[test]
fn every_member_and_argument_is_explained() {
    each_member(|interface, member| {
        let (doc, member_name) = (doc(member), name(member));
        assert!(doc.starts_with(&format!("{member_name}:")), "{interface}.{member_name}: {doc}");
        for argument in member.children().filter(|n| n.has_tag_name("arg")) {
            let tag = format!("@{}: ", name(argument));
            assert!(doc.contains(&tag), "{interface}.{member_name} does not explain {tag}");
        }
    });
}

#[test]
fn every_method_lists_its_errors_and_every_error_is_explained_and_used() {
    let explained = explained();
    let mut used = BTreeSet::new();
    each_member(|interface, member| {
        if !member.has_tag_name("method") {
            return;
        }
        let place = format!("{interface}.{}", name(member));
        assert!(doc(member).contains("Errors: "), "{place} does not list its errors");
        for error in errors_of(member) {
            assert!(explained.contains(&error), "{place}: {error} is not in dbus/README.md");
            used.insert(error);
        }
    });
    assert_eq!(used, explained);
}

#[test]
fn every_property_announces_its_changes_and_is_only_read() {
    each_member(|interface, member| {
        if member.has_tag_name("property") {
            let place = format!("{interface}.{}", name(member));
            assert_eq!(member.attribute("access"), Some("read"), "{place}");
            let announced = member.children().find(|n| n.has_tag_name("annotation")).unwrap();
            assert_eq!(announced.attribute("value"), Some("true"), "{place}");
        }
    });
}

#[test]
fn activation_of_either_name_starts_the_one_unit() {
    let unit = fs::read_to_string(dbus().join("../systemd/ahoyd.service.in")).unwrap();
    assert!(unit.contains("\nBusName=org.ahoycall.Calls1\n"));
    for bus_name in ["org.ahoycall.Calls1", "org.ahoycall.Provider1"] {
        let file = dbus().join(format!("{bus_name}.service.in"));
        let text = fs::read_to_string(file).unwrap();
        for line in
            [&format!("Name={bus_name}"), "Exec=@bindir@/ahoyd", "SystemdService=ahoyd.service"]
        {
            assert!(text.lines().any(|l| l == line), "{bus_name}: {line}");
        }
    }
}
