//! A bus of its own, the app on it, and this program in the place of the service.
//!
//! Owns: dbus-daemon, the app's process, the connection, all of which end with it. Does not own: what
//! is tried (`suite`), what is right (`book`). One task reads every message, so that the order in
//! which the app spoke is the order in which it is judged. Invariant: nothing is waited for without a
//! deadline.

use std::{
    collections::HashMap,
    path::PathBuf,
    pin::Pin,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_core::Stream as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::Instant,
};
use zbus::{Connection, DynamicType, Message, MessageStream, message::Type};

use super::{
    book::{Answer, App, Book},
    said::{self, Said},
};
use crate::{
    error::{Error, Result},
    value::Options,
};

const APP: &str = "org.ahoycall.Calls1.ProviderApp";
/// Both names of the service; the second one is the apps' own.
const NAMES: [&str; 2] = [crate::bus::NAME, "org.ahoycall.Provider1"];
/// A bus is there at once or not at all.
const BUS: Duration = Duration::from_secs(10);

/// How the app answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Fulfilled,
    /// Error name and text.
    Refused(String, String),
    /// Nothing within the deadline, in seconds.
    Silent(u64),
    /// The app's connection has gone.
    Gone,
}

impl Reply {
    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Fulfilled => "it was fulfilled".to_owned(),
            Self::Refused(name, text) if text.is_empty() => format!("the error {name}"),
            Self::Refused(name, text) => format!("the error {name}: {text}"),
            Self::Silent(seconds) => format!("no reply within {seconds} s"),
            Self::Gone => "the app has gone".to_owned(),
        }
    }
}

/// How the app is started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) command: Vec<String>,
    /// Whether its output is shown.
    pub(super) output: bool,
}

/// Everything that a check runs on.
pub(super) struct Stage {
    pub(super) book: Book,
    connection: Connection,
    messages: MessageStream,
    replies: HashMap<u32, Reply>,
    serial: u32,
    address: String,
    app: Child,
    _bus: Child,
    _directory: Directory,
}

/// A private directory that goes with its owner.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // Nobody can be told; it is a temporary one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Directory {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("ahoyctl-check-{}-{}", std::process::id(), since.as_nanos());
        let path = std::env::temp_dir().join(name);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Error::file(&path, &error))?;
        Ok(Self(path))
    }
}

/// Starts dbus-daemon with the rules of a session's; nothing can be activated on it, or the real
/// service would come.
async fn start_bus(directory: &Directory) -> Result<(Child, String)> {
    let configuration = directory.0.join("bus.conf");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
        directory.0.join("bus").display()
    );
    std::fs::write(&configuration, text).map_err(|error| Error::file(&configuration, &error))?;
    let mut bus = Command::new("dbus-daemon")
        .arg("--config-file")
        .arg(&configuration)
        .args(["--nofork", "--print-address"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_start("dbus-daemon", &error.to_string()))?;
    let output = bus.stdout.take().ok_or_else(|| cannot_start("dbus-daemon", "no output"))?;
    let mut address = String::new();
    let mut output = BufReader::new(output);
    let read = tokio::time::timeout(BUS, output.read_line(&mut address)).await;
    if !matches!(read, Ok(Ok(1..))) {
        return Err(cannot_start("dbus-daemon", "it gave no address"));
    }
    Ok((bus, address.trim().to_owned()))
}

fn cannot_start(program: &str, why: &str) -> Error {
    Error::refused(
        "System",
        format!("{program} cannot be started: {why}"),
        "Is it installed, and is the command written as in a shell, after --?",
    )
}

fn start_app(start: &Start, address: &str) -> Result<Child> {
    let (program, arguments) = start
        .command
        .split_first()
        .ok_or_else(|| Error::usage("there is no command after --", "See: --help"))?;
    let output = || if start.output { Stdio::inherit() } else { Stdio::null() };
    Command::new(program)
        .args(arguments)
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        // Where it would find another bus than this one.
        .env_remove("DBUS_STARTER_ADDRESS")
        .env_remove("DBUS_STARTER_BUS_TYPE")
        .stdin(Stdio::null())
        // stdout is for the result; what an app prints must not end up in JSON.
        .stdout(if start.output { Stdio::from(std::io::stderr()) } else { Stdio::null() })
        .stderr(output())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_start(program, &error.to_string()))
}

async fn serve(address: &str) -> Result<(Connection, MessageStream)> {
    let connection =
        zbus::connection::Builder::address(address).method_timeout(BUS).build().await?;
    let messages = MessageStream::from(&connection);
    for name in NAMES {
        connection.request_name(name).await?;
    }
    Ok((connection, messages))
}

impl Stage {
    /// Starts all of it; the app last, so that it finds a service.
    pub(super) async fn open(start: &Start) -> Result<Self> {
        let directory = Directory::new()?;
        let (bus, address) = start_bus(&directory).await?;
        let (connection, messages) = serve(&address).await?;
        let app = start_app(start, &address)?;
        Ok(Self {
            book: Book::default(),
            connection,
            messages,
            replies: HashMap::new(),
            serial: 0,
            address,
            app,
            _bus: bus,
            _directory: directory,
        })
    }

    /// The service ends and comes back, as after a crash: on a new connection, with nothing known.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.book.restart();
        self.replies.clear();
        for name in NAMES {
            self.connection.release_name(name).await?;
        }
        let (connection, messages) = serve(&self.address).await?;
        self.messages = messages;
        std::mem::replace(&mut self.connection, connection).graceful_shutdown().await;
        Ok(())
    }

    /// How the app's process ended, if it did.
    pub(super) fn app_ended(&mut self) -> Option<String> {
        self.app.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Handles messages until something is so, or the time is over.
    pub(super) async fn until<T>(
        &mut self,
        time: Duration,
        mut so: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + time;
        loop {
            if let Some(found) = so(self) {
                return Some(found);
            }
            let next = std::future::poll_fn(|cx| Pin::new(&mut self.messages).poll_next(cx));
            // Without an app nothing will come any more, and nothing says so on the bus at once.
            let ended = self.app.wait();
            tokio::select! {
                biased;
                message = next => match message {
                    Some(Ok(message)) => self.handle(&message).await,
                    Some(Err(_)) => {}
                    None => return None,
                },
                _ = ended, if self.book.app.is_none() => return so(self),
                () = tokio::time::sleep_until(deadline) => return None,
            }
        }
    }

    async fn handle(&mut self, message: &Message) {
        let header = message.header();
        let reply = match message.message_type() {
            Type::MethodCall => return self.answer(message).await,
            Type::MethodReturn => Reply::Fulfilled,
            Type::Error => {
                let name = header.error_name().map(ToString::to_string).unwrap_or_default();
                let text = message.body().deserialize::<&str>().unwrap_or_default().to_owned();
                if name.ends_with(".ServiceUnknown") || name.ends_with(".NoReply") {
                    Reply::Gone
                } else {
                    Reply::Refused(name, text)
                }
            }
            Type::Signal => return,
        };
        if let Some(serial) = header.reply_serial() {
            self.book.replied(serial.get(), reply == Reply::Fulfilled);
            self.replies.insert(serial.get(), reply);
        }
    }

    async fn answer(&mut self, message: &Message) {
        let header = message.header();
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let answer = match said::read(message) {
            Ok(Said::Other) if is_ping(message) => Answer::Nothing,
            Ok(said) => self.book.handle(&sender, said),
            Err(why) => self.book.malformed(why),
        };
        let path = |text: String| zbus::OwnedObjectPath::try_from(text).unwrap_or_default();
        let sent = match answer {
            Answer::Nothing => self.connection.reply(&header, &()).await,
            Answer::Path(call) => self.connection.reply(&header, &path(call)).await,
            Answer::Incoming(call, word) => {
                self.connection.reply(&header, &(path(call), word)).await
            }
            Answer::Refused(error, text) => {
                let name = format!("org.ahoycall.Calls1.Error.{error}");
                self.connection.reply_error(&header, name, &text).await
            }
        };
        // Whoever asked has gone; that is noticed elsewhere.
        drop(sent);
    }

    /// Sends a method call of ProviderApp; gives its number.
    async fn send<B>(&self, app: &App, member: &str, body: &B) -> Option<Message>
    where
        B: serde::Serialize + DynamicType,
    {
        let message = Message::method_call(app.object.as_str(), member)
            .destination(app.name.as_str())
            .interface(APP)
            .build(body)
            .ok()?;
        self.connection.send(&message).await.ok()?;
        Some(message)
    }

    async fn reply_to(&mut self, sent: Option<Message>, seconds: u64) -> Reply {
        let Some(sent) = sent else { return Reply::Gone };
        let serial = sent.primary_header().serial_num().get();
        let time = Duration::from_secs(seconds);
        let reply = self.until(time, |stage| stage.replies.remove(&serial)).await;
        self.book.out = None;
        match reply {
            Some(reply) => reply,
            None if self.app_ended().is_some() => Reply::Gone,
            None => Reply::Silent(seconds),
        }
    }

    /// Calls a method that says nothing back but that it was taken.
    pub(super) async fn tell<B>(&mut self, member: &str, body: &B) -> Reply
    where
        B: serde::Serialize + DynamicType,
    {
        let Some(app) = self.book.app.clone() else { return Reply::Gone };
        let sent = self.send(&app, member, body).await;
        self.reply_to(sent, 5).await
    }

    /// Asks for an action and waits as long as the contract does.
    pub(super) async fn perform(
        &mut self,
        action: &'static str,
        call: &str,
        args: Options<'_>,
    ) -> Reply {
        let Some(app) = self.book.app.clone() else { return Reply::Gone };
        let Ok(path) = zbus::ObjectPath::try_from(call) else { return Reply::Gone };
        self.serial += 1;
        let change = change(action, &args);
        let body = (self.serial, format!("txn-{}", self.serial), action, path, args);
        let sent = self.send(&app, "Perform", &body).await;
        if let Some(message) = &sent {
            let serial = message.primary_header().serial_num().get();
            self.book.asked(serial, call, action, change);
        }
        let deadline = if matches!(action, "start" | "answer") { 20 } else { 5 };
        self.reply_to(sent, deadline).await
    }

    /// The number of the last action.
    pub(super) const fn last_serial(&self) -> u32 {
        self.serial
    }
}

/// The flag that fulfilment sets, where it sets one.
fn change(action: &str, args: &Options<'_>) -> Option<bool> {
    let key = match action {
        "set-held" => "held",
        "set-muted" => "muted",
        _ => return None,
    };
    args.get(key).and_then(|value| bool::try_from(value).ok())
}

fn is_ping(message: &Message) -> bool {
    message.header().member().is_some_and(|member| member.as_str() == "Ping")
}
