//! A real baresip without sound devices, which is on loopback alone.

use std::{
    net::{TcpListener, UdpSocket},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, Instant, timeout},
};

use super::common::calls::PATIENCE;

const MODULES: &str = "/usr/lib/baresip/modules";

/// A baresip; ends with the test.
pub(crate) struct Baresip {
    process: Child,
    home: tempfile::TempDir,
    /// Where it takes commands.
    pub(crate) control: String,
    /// Its address: `user@127.0.0.1:port`.
    pub(crate) address: String,
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// SIP takes this port and, for TLS, the next one.
fn sip_port() -> u16 {
    loop {
        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let both = port.checked_add(1).map(|next| [port, next]).unwrap_or_default();
        if both.into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Baresip {
    /// Starts one; `None` where it is not installed.
    pub(crate) fn start(user: &str) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let (sip, control) = (sip_port(), free_port());
        let address = format!("{user}@127.0.0.1:{sip}");
        let control = format!("127.0.0.1:{control}");
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\n\
             audio_player aubridge,{user}\naudio_source ausine,440\naudio_alert aubridge,{user}\n\
             ausrc_srate 48000\nauplay_srate 48000\nausrc_channels 2\nauplay_channels 2\n\
             call_max_calls 8\nmodule_path {MODULES}\nmodule g711.so\nmodule ausine.so\n\
             module aubridge.so\nmodule_app account.so\nmodule_app menu.so\n\
             module_app ctrl_tcp.so\nctrl_tcp_listen {control}\n"
        );
        std::fs::write(home.path().join("config"), config).unwrap();
        let account = format!("\"Ms {user}\" <sip:{address}>;regint=0\n");
        std::fs::write(home.path().join("accounts"), account).unwrap();
        std::fs::write(home.path().join("contacts"), "").unwrap();
        match Self::spawn(home.path()) {
            Ok(process) => Some(Self { process, home, control, address }),
            Err(_) => {
                println!("SKIPPED: baresip is not installed");
                assert!(
                    std::env::var_os("AHOY_REQUIRE").is_none_or(|groups| groups.is_empty()),
                    "baresip is required"
                );
                None
            }
        }
    }

    fn spawn(home: &std::path::Path) -> std::io::Result<Child> {
        Command::new("baresip")
            .arg("-f")
            .arg(home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it once more, with the same ports.
    pub(crate) fn start_again(&mut self) {
        self.process = Self::spawn(self.home.path()).unwrap();
    }

    /// Controls it from the test: then nobody else does.
    pub(crate) async fn control(&self) -> Control {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(stream) = TcpStream::connect(&self.control).await {
                return Control { stream, bytes: Vec::new() };
            }
            assert!(Instant::now() < deadline, "baresip listens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A peer's baresip, as its user moves it.
pub(crate) struct Control {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Control {
    pub(crate) async fn say(&mut self, command: &str, about: &str) {
        let text = serde_json::json!({ "command": command, "params": about }).to_string();
        let frame = format!("{}:{text},", text.len());
        self.stream.write_all(frame.as_bytes()).await.unwrap();
    }

    async fn frame(&mut self) -> Value {
        loop {
            let colon = self.bytes.iter().position(|byte| *byte == b':');
            if let Some(colon) = colon {
                let length: usize =
                    std::str::from_utf8(&self.bytes[..colon]).unwrap().parse().unwrap();
                if self.bytes.len() > colon + 1 + length {
                    let rest = self.bytes.split_off(colon + 2 + length);
                    let frame = std::mem::replace(&mut self.bytes, rest);
                    return serde_json::from_slice(&frame[colon + 1..=colon + length]).unwrap();
                }
            }
            assert_ne!(self.stream.read_buf(&mut self.bytes).await.unwrap(), 0, "baresip is there");
        }
    }

    /// Waits for an event of a call, and gives its details.
    pub(crate) async fn hears(&mut self, kind: &str) -> String {
        let wait = async {
            loop {
                let frame = self.frame().await;
                if frame["type"] == kind {
                    return frame["param"].as_str().unwrap_or_default().to_owned();
                }
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{kind} was to come"))
    }

    /// Asks, and gives what is printed.
    pub(crate) async fn asks(&mut self, command: &str) -> String {
        self.say(command, "").await;
        let wait = async {
            loop {
                let frame = self.frame().await;
                if frame["response"] == true {
                    return frame["data"].as_str().unwrap_or_default().to_owned();
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("an answer")
    }
}
