//! A small HTTP server on loopback that misbehaves as told.
//!
//! Owns: its listener and thread, which end with it. Invariant: it serves one request per
//! connection and records the ranges asked for.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a request gets.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The file, or the range asked for.
    Fine,
    /// As `Fine`, but the connection ends after so many bytes.
    Cut(usize),
    /// The file from its beginning, whatever range was asked for.
    NoRanges,
    /// This status, without a file.
    Status(u16),
}

pub(crate) struct Web {
    pub(crate) url: String,
    port: u16,
    ranges: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Web {
    /// Serves `file`; the last answer is used for all further requests.
    pub(crate) fn start(file: Vec<u8>, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (Arc::clone(&ranges), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for (nr, stream) in listener.incoming().enumerate() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let answer = answers[nr.min(answers.len() - 1)].clone();
                // A client that hangs up early is what some tests are about.
                let _ = serve(stream.unwrap(), &file, &answer, &seen);
            }
        });
        let url = format!("http://127.0.0.1:{port}/model.zip");
        Self { url, port, ranges, stop, thread: Some(thread) }
    }

    /// The Range header of each request, "" where there was none.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    file: &[u8],
    answer: &Answer,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: ") {
            range = value.to_owned();
        }
    }
    seen.lock().unwrap().push(range.clone());
    let from: usize = range
        .strip_prefix("bytes=")
        .and_then(|r| r.strip_suffix('-'))
        .and_then(|r| r.parse().ok())
        .unwrap_or_default();
    if let Answer::Status(status) = answer {
        let head =
            format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(head.as_bytes());
    }
    let ranged = from > 0 && !matches!(answer, Answer::NoRanges);
    let body = if ranged { &file[from..] } else { file };
    let mut head = if ranged {
        format!(
            "HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{}\r\n",
            file.len() - 1,
            file.len()
        )
    } else {
        "HTTP/1.1 200 OK\r\n".to_owned()
    };
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    let sent = if let Answer::Cut(bytes) = answer { &body[..body.len().min(*bytes)] } else { body };
    stream.write_all(sent)
}
