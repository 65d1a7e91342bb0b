//! A calling app: registers, has calls that are on, does at once what it is asked for.
//!
//! Owns: its connection, and the count of what it was asked for. Does not own: pace. Invariant:
//! every `Perform` is counted before it is answered, one that came twice as well.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use ahoy_trial::{
    Result, Trouble,
    bus::{NAME, ROOT},
};
use zbus::{
    Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, connection::Builder, fdo,
    interface,
};

/// The bus name that calling apps talk to.
const APPS: &str = "org.ahoycall.Provider1";
const OBJECT: &str = "/app";

type Options<'a> = HashMap<&'a str, Variant<'a>>;

/// What apps were asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// How often, by call.
    pub(super) performs: BTreeMap<String, u64>,
    /// Serials: unique in the whole service.
    serials: HashSet<u32>,
    /// Serials that came again.
    pub(super) doubled: u64,
}

impl Asked {
    fn take(&mut self, serial: u32, call: &str) {
        *self.performs.entry(call.to_owned()).or_default() += 1;
        self.doubled += u64::from(!self.serials.insert(serial));
    }
}

pub(super) type Shared = Arc<Mutex<Asked>>;

struct Object(Shared);

#[interface(name = "org.ahoycall.Calls1.ProviderApp")]
impl Object {
    fn perform(
        &self,
        serial: u32,
        _txn: String,
        _action: String,
        call: OwnedObjectPath,
        _args: HashMap<String, OwnedVariant>,
    ) -> fdo::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(serial, &call);
        Ok(())
    }

    fn timed_out(&self, _serial: u32) {}

    fn audio_activated(&self, _options: HashMap<String, OwnedVariant>) {}

    fn audio_deactivated(&self) {}
}

/// One app.
pub(super) struct App {
    connection: Connection,
    provider: OwnedObjectPath,
    number: usize,
    calls: usize,
}

impl App {
    /// Connects and registers.
    pub(super) async fn register(address: &str, number: usize, asked: Shared) -> Result<Self> {
        let id = format!("org.example.Bench{number}");
        let connected = Builder::address(address).serve_at(OBJECT, Object(asked)).build().await;
        let connection = connected.map_err(Trouble::bus("connecting an app"))?;
        let object =
            ObjectPath::try_from(OBJECT).map_err(|error| Trouble::Wrong(error.to_string()))?;
        let options = Options::from([("schemes", vec!["tel"].into())]);
        let registry = format!("{NAME}.Registry");
        let body = (id.as_str(), object, options);
        let call = connection.call_method(Some(APPS), ROOT, Some(&*registry), "Register", &body);
        let reply = call.await.map_err(Trouble::bus("Register"))?;
        let provider = reply.body().deserialize().map_err(Trouble::bus("Register"))?;
        Ok(Self { connection, provider, number, calls: 0 })
    }

    /// A call that its user placed in the app, and that is on.
    pub(super) async fn talk(&mut self) -> Result<String> {
        self.calls += 1;
        let uuid = format!("{:08x}-0000-4000-8000-{:012x}", self.number, self.calls);
        let remote = format!("+4930{:04}{:04}", self.number, self.calls);
        let options = Options::from([
            ("remote", Variant::from(("tel", remote.as_str()))),
            ("capabilities", vec!["mute"].into()),
        ]);
        let call: OwnedObjectPath =
            self.report("ReportOutgoing", &(uuid.as_str(), options)).await?;
        self.report::<_, ()>("ReportState", &(&call, "active", 0_u64)).await?;
        Ok(call.to_string())
    }

    async fn report<B, R>(&self, method: &str, body: &B) -> Result<R>
    where
        B: serde::Serialize + zbus::DynamicType,
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        let interface = format!("{NAME}.Provider");
        let path = self.provider.as_str();
        let call = self.connection.call_method(Some(APPS), path, Some(&*interface), method, body);
        let reply = call.await.map_err(Trouble::bus(method))?;
        reply.body().deserialize().map_err(Trouble::bus(method))
    }
}
