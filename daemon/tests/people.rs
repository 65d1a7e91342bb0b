//! The address book of the running daemon: more people than one answer holds.

mod common;

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    fs::{self, File},
    os::fd::AsFd as _,
};

use common::{
    QUIET,
    caller::Calling,
    calls::{Options, ROOT, error_name, property, proxy},
    connect, start,
};
use zbus::{Fd, OwnedObjectPath, OwnedVariant};

type Contact = HashMap<String, OwnedVariant>;

#[tokio::test]
async fn everybody_comes_page_by_page() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let contacts = proxy(&connection, ROOT, "Contacts").await;
    let mut cards = String::new();
    for number in 0..1200 {
        let card = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Person {number}\r\nEND:VCARD\r\n");
        cards.write_str(&card).unwrap();
    }
    let path = daemon.bus.home.path().join("people.vcf");
    fs::write(&path, cards).unwrap();
    let file = File::open(&path).unwrap();
    let counts: HashMap<String, u32> =
        contacts.call("Import", &(Fd::from(file.as_fd()), "vcard")).await.unwrap();
    assert_eq!(counts["imported"], 1200);

    let (mut names, mut cursor, mut pages) = (BTreeSet::new(), String::new(), Vec::new());
    loop {
        let (page, next): (Vec<Contact>, String) =
            contacts.call("Query", &("", 500u32, cursor.as_str())).await.unwrap();
        pages.push(page.len());
        names.extend(page.into_iter().map(|mut contact| {
            assert!(contact.contains_key("pending"));
            String::try_from(contact.remove("name").unwrap()).unwrap()
        }));
        if next.is_empty() {
            break;
        }
        cursor = next;
    }
    assert_eq!(pages, [500, 500, 200]);
    assert_eq!(names.len(), 1200);
    let refused = contacts.call_method("Query", &("", 10u32, "no cursor")).await;
    let Err(zbus::Error::MethodError(error, ..)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.as_str(), "org.ahoycall.Calls1.Error.InvalidArgument");
}

#[tokio::test]
async fn a_file_that_never_ends_keeps_nobody_from_the_book() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let contacts = proxy(&connection, ROOT, "Contacts").await;
    let (reader, writer) = std::io::pipe().unwrap();
    let body = (Fd::from(reader.as_fd()), "vcard");
    let import = contacts.call::<_, _, HashMap<String, u32>>("Import", &body);
    let mut import = std::pin::pin!(import);
    let others = async {
        for number in 0..20 {
            let contact = HashMap::from([("name", zbus::Variant::from(format!("P{number}")))]);
            contacts.call::<_, _, String>("Put", &(contact,)).await.unwrap();
        }
    };
    tokio::select! {
        early = &mut import => panic!("nobody has filled the pipe: {early:?}"),
        () = others => {}
    }
    drop(writer);
    assert_eq!(import.await.unwrap()["imported"], 0);
}

#[tokio::test]
async fn whoever_is_called_by_name_is_the_only_one_of_that_name_at_an_address_that_can_be_called() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let contacts = proxy(&connection, ROOT, "Contacts").await;
    let _app = Calling::register(&daemon).await;
    let put = async |name: &str, handles: &[(&str, &str)]| -> String {
        let handles: Vec<_> = handles.iter().map(|(scheme, value)| (*scheme, *value, "")).collect();
        let contact = Options::from([("name", name.into()), ("handles", handles.into())]);
        contacts.call("Put", &(contact,)).await.unwrap()
    };
    put("Ann Miller", &[("x-nobody", "ann"), ("tel", "+4930111"), ("sip", "ann@a.example")]).await;
    put("Bo", &[("tel", "+4930222")]).await;
    put("bo", &[("sip", "bo@b.example")]).await;
    let manager = proxy(&connection, ROOT, "Manager").await;
    let dial = async |name: &str| -> zbus::Result<OwnedObjectPath> {
        let handles: [(&str, &str); 0] = [];
        let options = Options::from([("display-name", name.into())]);
        manager.call("StartCall", &("", handles.as_slice(), options)).await
    };

    let call = dial("ann miller").await.unwrap();
    assert_eq!(property(&connection, &call, "DisplayName").await.as_deref(), Some("Ann Miller"));
    assert_eq!(property(&connection, &call, "Remote").await.as_deref(), Some("tel"));

    let zbus::Error::MethodError(name, Some(text), _) = dial("BO").await.unwrap_err() else {
        panic!("of two of one name neither is called")
    };
    assert_eq!(name.as_str(), "org.ahoycall.Calls1.Error.AmbiguousContact");
    assert!(text.contains("+4930222") && text.contains("bo@b.example"), "{text}");
    assert_eq!(error_name(dial("Ann").await.unwrap_err()), "UnknownContact");
    assert_eq!(error_name(dial("").await.unwrap_err()), "InvalidArgument");
}
