//! A calling app that fulfils whatever it is asked for, for tests about who gets through to it.

use std::collections::HashMap;

use zbus::{
    Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, connection::Builder, interface,
    object_server::Interface,
};

use super::{
    Daemon,
    calls::{Options, ROOT, error_name, proxy},
};

struct Fulfils;

#[interface(name = "org.ahoycall.Calls1.ProviderApp")]
impl Fulfils {
    fn perform(
        &self,
        _serial: u32,
        _txn: String,
        _action: String,
        _call: OwnedObjectPath,
        _args: HashMap<String, OwnedVariant>,
    ) {
    }
    fn timed_out(&self, _serial: u32) {}
    fn audio_activated(&self, _options: HashMap<String, OwnedVariant>) {}
    fn audio_deactivated(&self) {}
}

/// A registered app for the scheme "tel".
pub(crate) struct Calling {
    pub(crate) connection: Connection,
    pub(crate) provider: OwnedObjectPath,
}

impl Calling {
    pub(crate) async fn register(daemon: &Daemon) -> Self {
        Self::register_as(daemon, Fulfils).await
    }

    /// With what it does when it is asked for something.
    pub(crate) async fn register_as(daemon: &Daemon, app: impl Interface) -> Self {
        let address = daemon.bus.address.as_str();
        let connection = Builder::address(address).serve_at("/app", app).build().await.unwrap();
        let registry = proxy(&connection, ROOT, "Registry").await;
        let options =
            Options::from([("schemes", vec!["tel", "sip"].into()), ("hold", true.into())]);
        let object = ObjectPath::try_from("/app").unwrap();
        let body = ("org.example.Caller", object, options);
        let provider = registry.call("Register", &body).await.unwrap();
        Self { connection, provider }
    }

    /// A call comes in: its object and how it rings, or the last part of the error's name.
    pub(crate) async fn rings(
        &self,
        scheme: &str,
        value: &str,
    ) -> Result<(OwnedObjectPath, String), String> {
        let id = uuid();
        let options = Options::from([
            ("remote", Variant::from((scheme, value))),
            ("name", "Said by the app".into()),
            ("capabilities", vec!["hold", "mute"].into()),
        ]);
        let provider = proxy(&self.connection, self.provider.as_str(), "Provider").await;
        provider.call("ReportIncoming", &(id, options)).await.map_err(error_name)
    }

    pub(crate) async fn ends(&self, call: &OwnedObjectPath) {
        let provider = proxy(&self.connection, self.provider.as_str(), "Provider").await;
        let ended = (call, "cancelled", "", 0u64);
        provider.call::<_, _, ()>("ReportEnded", &ended).await.unwrap();
    }
}

/// A fresh id; the tests of a program run side by side on buses of their own.
pub(crate) fn uuid() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed))
}
