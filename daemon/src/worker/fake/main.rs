//! A worker that answers, dies and misbehaves on command, for the tests of the real thing; also a
//! parent to be killed, and a service to be watched.
//!
//! Owns: its tricks. Does not own: framing and socket, which are the same as the real workers'.
//! Invariant: what it reports about itself is read from the kernel, not assumed.

use std::{collections::BTreeSet, fs, io::Write as _, path::PathBuf, process::ExitCode, thread};

use ahoy::worker::{Protocol, Worker, WorkerConfig, WorkerEvent};
use ahoy_core::worker::{Frame, MAX_MESSAGE, write_control, write_rtp};
use ahoy_sandbox::Channel;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next();
    if role.as_deref() == Some("parent") {
        return parent(arguments.next().unwrap_or_default());
    }
    if role.as_deref() == Some("service") {
        return service(&arguments.next().unwrap_or_default());
    }
    // A line for the log, so that the pipes carry something.
    let _ = writeln!(std::io::stdout(), "fake worker \u{1b}[31mhere");
    let Ok(channel) = Channel::from_worker_fd() else {
        return ExitCode::from(2);
    };
    report(&channel, &json!({"event": "ready"}));
    let mut buffer = vec![0; MAX_MESSAGE];
    loop {
        let received = match channel.recv(&mut buffer) {
            Ok(received) if received.len > 0 => received,
            Ok(_) | Err(_) => return ExitCode::SUCCESS,
        };
        match Frame::<Value>::parse(&buffer[..received.len]) {
            Ok(Frame::Rtp {
                session,
                stream,
                packet,
            }) => {
                let mut out = Vec::new();
                write_rtp(session, stream, packet, &mut out);
                let _ = channel.send(&out, &[]);
            }
            Ok(Frame::Control(command)) => {
                if let Some(code) = obey(&channel, &command, received.fds) {
                    return code;
                }
            }
            Err(error) => report(&channel, &json!({"event": "bad", "why": error.to_string()})),
        }
    }
}

fn report(channel: &Channel, event: &Value) {
    let mut bytes = Vec::new();
    if write_control(event, &mut bytes).is_ok() {
        // The parent may be gone; the next read tells.
        let _ = channel.send(&bytes, &[]);
    }
}

fn obey(channel: &Channel, command: &Value, fds: Vec<std::os::fd::OwnedFd>) -> Option<ExitCode> {
    let word = command["do"].as_str().unwrap_or_default();
    if word == "exit" {
        return Some(ExitCode::from(3));
    } else if word == "abort" {
        std::process::abort();
    } else if word == "hang" {
        loop {
            thread::park();
        }
    } else if word == "flood" {
        loop {
            report(channel, &json!({"event": "flood"}));
        }
    } else if word == "garbage" {
        for bytes in [&b"\x09nothing"[..], b"\x00{broken", b"\x01\x00"] {
            let _ = channel.send(bytes, &[]);
        }
    } else if word == "pipewire" {
        let connected = fds.into_iter().map(std::os::unix::net::UnixStream::from);
        let connected = connected
            .filter(|socket| socket.peer_addr().is_ok())
            .count();
        report(
            channel,
            &json!({"event": "pipewire", "connected": connected}),
        );
    } else if word == "describe" {
        report(channel, &describe());
    } else {
        report(channel, &json!({"event": "echo", "of": command}));
    }
    None
}

fn describe() -> Value {
    let fds: BTreeSet<i32> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            // The directory being read is itself an open descriptor.
            let own = target.to_string_lossy().ends_with("/fd");
            entry.file_name().to_str()?.parse().ok().filter(|_| !own)
        })
        .collect();
    let environment: Vec<String> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    json!({"event": "described", "pid": std::process::id(), "fds": fds, "env": environment})
}

/// Plays `ahoyd`: starts itself as a hanging worker, tells its pid, and waits to be killed.
fn parent(own: String) -> ExitCode {
    struct Hanging;
    impl Protocol for Hanging {
        type Command = Value;
        type Event = Value;
        const PROGRAM: &'static str = "ahoy-fake-worker";
        const KEEPS_PIPEWIRE: bool = false;
        fn pipewire() -> Value {
            json!({"do": "pipewire"})
        }
        fn is_pipewire(_: &Value) -> bool {
            false
        }
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let (worker, mut handle) = Worker::<Hanging>::new(WorkerConfig {
            program: PathBuf::from(own),
            args: Vec::new(),
            pipewire: PathBuf::new(),
            pipewire_sockets: 1,
        });
        handle.set_wanted(true);
        let watching = async {
            while let Some(event) = handle.events.recv().await {
                if let WorkerEvent::Started(link) = &event {
                    let _ = link.send(json!({"do": "describe"}));
                    let _ = link.send(json!({"do": "hang"}));
                } else if let WorkerEvent::Event(event) = &event
                    && event["event"] == "described"
                {
                    let _ = writeln!(std::io::stdout(), "{}", event["pid"]);
                }
            }
        };
        tokio::join!(
            worker.run(tokio_util::sync::CancellationToken::new()),
            watching
        );
    });
    ExitCode::SUCCESS
}

/// Plays a service until its standard input closes.
fn service(filter: &str) -> ExitCode {
    if ahoy::service::init_log(filter).is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        ahoy::service::ready();
        let who = ahoy::service::Redacted("Alice");
        tracing::info!(%who, "a call from");
        let mut watchdog = ahoy::service::Watchdog::from_environment();
        let closed = tokio::task::spawn_blocking(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
        });
        let beating = async {
            loop {
                watchdog.beat().await;
            }
        };
        tokio::select! {
            _ = closed => {}
            () = beating => {}
        }
        ahoy::service::stopping();
    });
    ExitCode::SUCCESS
}
