//! Speaking, over a service that is scripted here; the real one is in the end-to-end tests.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::*;

const SOON: Duration = Duration::from_secs(10);

struct Bench {
    _home: tempfile::TempDir,
    service: UnixListener,
    speech: Speech,
    token: CancellationToken,
}

/// A voice with a service, which is played by the test.
fn bench() -> Bench {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("speechd.sock");
    let service = UnixListener::bind(&socket).unwrap();
    let (speech, task) = Speech::new(Some(socket));
    let token = CancellationToken::new();
    tokio::spawn(task.run(token.clone()));
    Bench { _home: home, service, speech, token }
}

fn say(id: u64, text: &str) -> Order {
    Order::Say(Utterance { id, language: "en-US".into(), text: text.into() })
}

/// Takes one utterance as the service does; the connection and what is to be said.
async fn take(service: &UnixListener) -> (BufReader<UnixStream>, String) {
    let (stream, _) = timeout(SOON, service.accept()).await.unwrap().unwrap();
    let mut stream = BufReader::new(stream);
    loop {
        let line = line(&mut stream).await;
        if line != "SPEAK" {
            assert!(line.starts_with("SET self "), "{line}");
            stream.write_all(b"208 OK\r\n").await.unwrap();
            continue;
        }
        stream.write_all(b"230 OK RECEIVING DATA\r\n").await.unwrap();
        let text = self::line(&mut stream).await;
        assert_eq!(self::line(&mut stream).await, ".");
        stream.write_all(b"225-21\r\n225 OK MESSAGE QUEUED\r\n").await.unwrap();
        return (stream, text);
    }
}

async fn line(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    timeout(SOON, stream.read_line(&mut line)).await.unwrap().unwrap();
    line.trim_end().to_owned()
}

async fn over(speech: &mut Speech) -> Option<u64> {
    timeout(SOON, speech.over.recv()).await.unwrap()
}

#[tokio::test]
async fn utterances_are_spoken_one_after_the_other_and_each_is_said_to_be_over() {
    let mut bench = bench();
    assert!(bench.speech.order(say(1, "Calling Bob.")) && bench.speech.order(say(2, "Sorry?")));
    let (mut first, text) = take(&bench.service).await;
    assert_eq!(text, "Calling Bob.");
    assert!(bench.speech.over.try_recv().is_err(), "it is still being spoken");
    first.write_all(b"702-21\r\n702-1\r\n702 END\r\n").await.unwrap();
    assert_eq!(over(&mut bench.speech).await, Some(1));
    let (mut second, text) = take(&bench.service).await;
    assert_eq!(text, "Sorry?");
    // A screen reader cut it short.
    second.write_all(b"703-22\r\n703-1\r\n703 CANCELED\r\n").await.unwrap();
    assert_eq!(over(&mut bench.speech).await, Some(2));
}

#[tokio::test]
async fn quiet_cancels_what_is_spoken_and_what_waits() {
    let mut bench = bench();
    assert!(bench.speech.order(say(1, "Calling Bob.")) && bench.speech.order(say(2, "Sorry?")));
    let (mut stream, _) = take(&bench.service).await;
    assert!(bench.speech.order(Order::Quiet));
    assert_eq!(line(&mut stream).await, "CANCEL self");
    let mut ids = [over(&mut bench.speech).await, over(&mut bench.speech).await];
    ids.sort_unstable();
    assert_eq!(ids, [Some(1), Some(2)]);
    assert!(bench.speech.order(say(3, "Hello.")));
    assert_eq!(take(&bench.service).await.1, "Hello.", "and it speaks on");
    bench.token.cancel();
}

#[tokio::test]
async fn a_service_that_goes_or_answers_nonsense_ends_the_utterance_and_nothing_else() {
    let mut bench = bench();
    assert!(bench.speech.order(say(1, "Calling Bob.")));
    drop(take(&bench.service).await);
    assert_eq!(over(&mut bench.speech).await, Some(1));
    assert!(bench.speech.order(say(2, "Calling Bob.")));
    let (mut stream, _) = take(&bench.service).await;
    stream.write_all(&[0xff; 10_000]).await.unwrap();
    assert_eq!(over(&mut bench.speech).await, Some(2));
}

#[test]
fn a_text_is_one_line_and_a_language_is_a_tag() {
    assert_eq!(one_line(" a\u{7}b\n\tc\u{9b} "), "a b c");
    assert_eq!([tag("ko-KR"), tag("en\r\nSTOP all"), tag("")], ["ko-KR", "en", "en"]);
}
