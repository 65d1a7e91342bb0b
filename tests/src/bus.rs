//! A private bus, and a controller on it.
//!
//! Owns: the bus daemon, the connection, every signal of Ahoy with the time it came. Does not own:
//! what a method means. Invariant: nothing on this bus can be activated, so only what a trial
//! starts is there.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    pin::Pin,
    process::Stdio,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use futures_core::Stream as _;
use serde_json::Value;
use tokio::runtime::Handle;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, Variant, message};

use crate::{
    Result, Trouble,
    process::{Running, program},
    until,
};

/// The name of the daemon.
pub const NAME: &str = "org.ahoycall.Calls1";
/// Where all but the calls lies.
pub const ROOT: &str = "/org/ahoycall/Calls1";
/// The interface of calls.
pub const CALL: &str = "org.ahoycall.Calls1.Call";
/// The standard interface of properties.
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Longer than the daemon's own limit of 20 s for an answer.
const ANSWER: Duration = Duration::from_secs(25);

/// What the session.conf of dbus gives every session; without them those of a system bus hold.
const LIMITS: &str = "<limit name=\"max_incoming_bytes\">1000000000</limit>\
    <limit name=\"max_outgoing_bytes\">1000000000</limit>\
    <limit name=\"max_completed_connections\">100000</limit>\
    <limit name=\"max_connections_per_user\">100000</limit>\
    <limit name=\"max_match_rules_per_connection\">50000</limit>\
    <limit name=\"max_replies_per_connection\">50000</limit>";

/// A dictionary of the bus.
pub type Dict = BTreeMap<String, OwnedVariant>;
/// Options of a method.
pub type Options<'a> = BTreeMap<&'a str, Variant<'a>>;

/// A bus daemon.
#[derive(Debug)]
pub struct Daemon {
    /// Where it listens.
    pub address: String,
    running: Running,
}

impl Daemon {
    /// Starts one whose files lie in `directory`, and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(directory: &Path) -> Result<Self> {
        let file = directory.join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>{LIMITS}</busconfig>",
            directory.join("bus").display()
        );
        fs::write(&file, text).map_err(Trouble::io("bus.conf"))?;
        let mut command = program("dbus-daemon");
        command.arg("--config-file").arg(&file).args(["--nofork", "--print-address=1"]);
        let mut running = Running::start("dbus-daemon", command.stdout(Stdio::piped()))?;
        let mut address = String::new();
        if let Some(output) = running.child().stdout.take() {
            BufReader::new(output).read_line(&mut address).map_err(Trouble::io("dbus-daemon"))?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(Trouble::program("dbus-daemon", "it gave no address"));
        }
        Ok(Self { address, running })
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }
}

/// The reactor of all connections: one thread for the whole process.
fn reactor() -> Result<&'static Handle> {
    static REACTOR: OnceLock<std::result::Result<Handle, String>> = OnceLock::new();
    let made = REACTOR.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let handle = runtime.handle().clone();
        // Owned by the process: connections live in statics of tests as well.
        let run = move || runtime.block_on(std::future::pending::<()>());
        let thread = std::thread::Builder::new().name("reactor".to_owned()).spawn(run);
        thread.map_err(|error| error.to_string())?;
        Ok(handle)
    });
    made.as_ref().map_err(|why| Trouble::program("reactor", why.clone()))
}

/// A signal of the daemon.
#[derive(Clone, Debug)]
pub struct Signal {
    /// When it came.
    pub at: Instant,
    /// Object path.
    pub path: String,
    /// The last part of the interface's name.
    pub interface: String,
    /// Its name.
    pub member: String,
    /// What it carries.
    pub message: Message,
}

impl Signal {
    /// What it carries, as a type.
    #[must_use]
    pub fn body<T>(&self) -> Option<T>
    where
        T: serde::de::DeserializeOwned + zbus::Type,
    {
        self.message.body().deserialize().ok()
    }

    /// Whether it tells a new value of this property.
    #[must_use]
    pub fn changes(&self, path: &str, property: &str) -> bool {
        let told = || self.body::<(String, Dict, Vec<String>)>();
        self.path == path
            && self.member == "PropertiesChanged"
            && told().is_some_and(|(_, changed, _)| changed.contains_key(property))
    }
}

type Signals = Arc<Mutex<Vec<Signal>>>;

/// A controller.
#[derive(Clone, Debug)]
pub struct Bus {
    connection: Connection,
    signals: Signals,
}

async fn collect(mut stream: MessageStream, signals: Signals) {
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await;
        let Some(Ok(message)) = next else { return };
        let signal = {
            let header = message.header();
            let interface = header.interface().map(ToString::to_string).unwrap_or_default();
            Signal {
                at: Instant::now(),
                path: header.path().map(ToString::to_string).unwrap_or_default(),
                interface: interface.rsplit('.').next().unwrap_or_default().to_owned(),
                member: header.member().map(ToString::to_string).unwrap_or_default(),
                message: message.clone(),
            }
        };
        signals.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
    }
}

impl Bus {
    /// Connects, and collects every signal of the daemon, and of its name, from now on.
    ///
    /// # Errors
    /// The bus refuses.
    pub fn connect(address: &str) -> Result<Self> {
        let signals = Signals::default();
        let kept = signals.clone();
        let connected = async {
            let builder = zbus::connection::Builder::address(address);
            let connection = builder.method_timeout(ANSWER).build().await?;
            let rule = MatchRule::builder().msg_type(message::Type::Signal).path_namespace(ROOT);
            let rule = rule.build()?;
            let stream = MessageStream::for_match_rule(rule, &connection, None).await?;
            tokio::spawn(collect(stream, kept.clone()));
            // When the daemon came and went.
            let rule = MatchRule::builder().msg_type(message::Type::Signal);
            let rule = rule.interface("org.freedesktop.DBus").member("NameOwnerChanged");
            let rule = rule.arg(0, NAME).build()?;
            let stream = MessageStream::for_match_rule(rule, &connection, None).await?;
            tokio::spawn(collect(stream, kept));
            Ok(connection)
        };
        let connection = reactor()?.block_on(connected).map_err(Trouble::bus("connecting"))?;
        Ok(Self { connection, signals })
    }

    /// Calls a method of anything on the bus.
    ///
    /// # Errors
    /// What the other side answers.
    pub fn ask<B, R>(
        &self,
        (name, path, interface): (&str, &str, &str),
        method: &str,
        body: &B,
    ) -> Result<R>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        let call = self.connection.call_method(Some(name), path, Some(interface), method, body);
        let reply = reactor()?.block_on(call).map_err(Trouble::bus(method))?;
        reply.body().deserialize().map_err(Trouble::bus(method))
    }

    /// Is something itself on the bus, under a name, until the end.
    ///
    /// # Errors
    /// The name is another's.
    pub fn be(
        &self,
        name: &str,
        path: &str,
        what: impl zbus::object_server::Interface,
    ) -> Result<()> {
        let being = async {
            self.connection.object_server().at(path, what).await?;
            self.connection.request_name(name).await
        };
        reactor()?.block_on(being).map_err(Trouble::bus(name))
    }

    /// Calls a method of one of Ahoy's interfaces at the root, by its short name.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn call<B, R>(&self, interface: &str, method: &str, body: &B) -> Result<R>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        self.ask((NAME, ROOT, &format!("{NAME}.{interface}")), method, body)
    }

    /// Calls a method of a call.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn on_call<B>(&self, path: &str, method: &str, body: &B) -> Result<()>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        self.ask((NAME, path, CALL), method, body)
    }

    /// Calls a method of any interface of an object.
    ///
    /// # Errors
    /// The daemon's own.
    pub fn on_object<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<()>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        self.ask((NAME, path, interface), method, body)
    }

    /// A property of one of Ahoy's interfaces.
    ///
    /// # Errors
    /// The object or the property is not there.
    pub fn property(&self, path: &str, interface: &str, name: &str) -> Result<OwnedVariant> {
        let full = format!("{NAME}.{interface}");
        self.ask((NAME, path, PROPERTIES), "Get", &(full.as_str(), name))
    }

    /// A property that is a text; a path counts as one. Empty where it is not there.
    #[must_use]
    pub fn text(&self, path: &str, interface: &str, name: &str) -> String {
        let value = self.property(path, interface, name).ok();
        value.map(|value| text(&value)).unwrap_or_default()
    }

    /// How many signals came so far: a place to look on from.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The signals after the first `seen`.
    #[must_use]
    pub fn signals(&self, seen: usize) -> Vec<Signal> {
        let all = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(seen..).unwrap_or_default().to_vec()
    }

    /// Waits for a signal that fits, among those after the first `seen`.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn signal<T>(
        &self,
        seen: usize,
        what: &str,
        mut fits: impl FnMut(&Signal) -> Option<T>,
    ) -> Result<T> {
        until(what, || self.signals(seen).iter().find_map(&mut fits))
    }
}

/// A value's text; a path counts as one.
#[must_use]
pub fn text(value: &Variant<'_>) -> String {
    if let Variant::Variant(inner) = value {
        return text(inner);
    }
    if let Variant::ObjectPath(path) = value {
        return path.to_string();
    }
    <&str>::try_from(value).map(str::to_owned).unwrap_or_default()
}

/// The text of a key in a dictionary.
#[must_use]
pub fn word(dict: &Dict, key: &str) -> String {
    dict.get(key).map(|value| text(value)).unwrap_or_default()
}

/// JSON from bytes a program printed; nothing where it is none.
#[must_use]
pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}
