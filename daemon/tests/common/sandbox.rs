//! A sandbox as Flatpak makes one, as far as the bus sees it: a proxy whose root names the app.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use zbus::{Connection, Message, MessageStream};

use super::Bus;

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The proxy, and where the app would find the bus.
pub(crate) struct Sandbox {
    _proxy: Running,
    pub(crate) address: String,
    /// The same for clients that send their handshake in one piece, as zbus does: xdg-dbus-proxy
    /// 0.1.4 takes one step after the other only. Passes no descriptors.
    pub(crate) paced: String,
}

impl Sandbox {
    /// Starts one that may talk to these names. `None` where that cannot be had.
    pub(crate) fn start(bus: &Bus, info: &str, talks_to: &[&str]) -> Option<Self> {
        let home = bus.home.path();
        let place = tempfile::Builder::new().prefix("app").tempdir_in(home).unwrap().keep();
        let (socket, named) = (place.join("proxied"), place.join("flatpak-info"));
        fs::write(&named, info).unwrap();
        let sandbox = Command::new("bwrap")
            .args(["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"])
            .args(["--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin"])
            .args(["--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--die-with-parent"])
            .arg("--bind")
            .args([home, home])
            .arg("--ro-bind")
            .args([&named, Path::new("/.flatpak-info")])
            .args(["--", "xdg-dbus-proxy", &bus.address])
            .arg(&socket)
            .arg("--filter")
            .args(talks_to.iter().map(|name| format!("--talk={name}")))
            .spawn();
        let mut proxy = match sandbox {
            Ok(child) => Running(child),
            Err(error) => {
                println!("SKIPPED: an app in a sandbox: bwrap: {error}");
                return None;
            }
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !socket.exists() {
            if let Ok(Some(status)) = proxy.0.try_wait() {
                println!("SKIPPED: an app in a sandbox: it does not start here: {status}");
                return None;
            }
            assert!(Instant::now() < deadline, "the proxy listens");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let pace = place.join("paced");
        let listener = UnixListener::bind(&pace).unwrap();
        let to = socket.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let to = to.clone();
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || relay(&client.unwrap(), &to));
            }
        });
        let [address, paced] = [socket, pace].map(|path| format!("unix:path={}", path.display()));
        Some(Self { _proxy: proxy, address, paced })
    }
}

/// Everything that came to a connection by now.
pub(crate) async fn until_now(connection: &Connection, heard: &mut MessageStream) -> Vec<Message> {
    let (bus, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    // What the bus sent before its answer has come before it.
    let mark = connection.call_method(Some(bus), path, Some(bus), "GetId", &()).await.unwrap();
    let mut all = Vec::new();
    loop {
        let message = heard.next().await.unwrap().unwrap();
        if message.header().reply_serial() == mark.header().reply_serial() {
            return all;
        }
        all.push(message);
    }
}

/// Carries a connection to the proxy, its handshake line by line.
fn relay(client: &UnixStream, to: &Path) -> std::io::Result<()> {
    let mut proxy = UnixStream::connect(to)?;
    let (mut sent, mut answers) =
        (BufReader::new(client.try_clone()?), BufReader::new(proxy.try_clone()?));
    loop {
        let mut line = Vec::new();
        sent.read_until(b'\n', &mut line)?;
        proxy.write_all(&line)?;
        if line.starts_with(b"BEGIN") || line.is_empty() {
            break;
        }
        let mut answer = Vec::new();
        answers.read_until(b'\n', &mut answer)?;
        (&*client).write_all(&answer)?;
    }
    let mut back = client.try_clone()?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        back.shutdown(std::net::Shutdown::Both)
    });
    std::io::copy(&mut sent, &mut proxy)?;
    proxy.shutdown(std::net::Shutdown::Both)
}
