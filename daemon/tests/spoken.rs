//! Commands in words, through the running daemon: what is said is typed here.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::time::Duration;

use common::{
    Daemon, NAME, QUIET,
    caller::Calling,
    calls::{Options, PATIENCE, ROOT, property, proxy, until},
    connect, start,
};
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout};
use zbus::{Connection, Proxy, fdo, proxy::SignalStream};

struct Scene {
    bus: Connection,
    voice: Proxy<'static>,
    prompts: SignalStream<'static>,
    app: Calling,
    _daemon: Daemon,
}

impl Scene {
    async fn set() -> Option<Self> {
        let daemon = start(QUIET)?;
        let bus = connect(&daemon).await;
        let voice = proxy(&bus, ROOT, "Voice").await;
        let prompts = voice.receive_signal("Prompt").await.unwrap();
        let app = Calling::register(&daemon).await;
        Some(Self { bus, voice, prompts, app, _daemon: daemon })
    }

    async fn knows(&self, name: &str, handles: &[(&str, &str, &str)]) {
        let contact = Options::from([("name", name.into()), ("handles", handles.to_vec().into())]);
        let contacts = proxy(&self.bus, ROOT, "Contacts").await;
        contacts.call::<_, _, String>("Put", &(contact,)).await.unwrap();
    }

    /// Says something, and gives what is said back.
    async fn says(&mut self, text: &str) -> String {
        self.tells(text).await;
        let prompt = timeout(PATIENCE, self.prompts.next()).await.unwrap().unwrap();
        let (text, _): (String, Vec<String>) = prompt.body().deserialize().unwrap();
        text
    }

    /// Says something that is done without a word.
    async fn tells(&self, text: &str) {
        let options = Options::from([("text", text.into())]);
        self.voice.call::<_, _, ()>("Listen", &(options,)).await.unwrap();
    }

    async fn calls(&self) -> Vec<String> {
        let objects = fdo::ObjectManagerProxy::new(&self.bus, NAME, ROOT).await.unwrap();
        let all = objects.get_managed_objects().await.unwrap();
        let is_call = |path: &&zbus::OwnedObjectPath| path.contains("/call/");
        all.keys().filter(is_call).map(|path| path.to_string()).collect()
    }

    /// The call that comes of it.
    async fn call(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(call) = self.calls().await.pop() {
                return call;
            }
            assert!(Instant::now() < deadline, "a call");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn gets_through(&self, call: &str) {
        let provider = proxy(&self.app.connection, self.app.provider.as_str(), "Provider").await;
        let path = zbus::ObjectPath::try_from(call).unwrap();
        provider.call::<_, _, ()>("ReportState", &(path, "active", 0u64)).await.unwrap();
        until(&self.bus, call, "State", "active").await;
    }
}

#[tokio::test]
async fn somebody_is_called_by_the_address_that_was_said_and_the_call_does_what_is_said() {
    let Some(mut scene) = Scene::set().await else { return };
    scene.knows("Ann", &[("tel", "+49301", "home"), ("sip", "ann@a.example", "")]).await;
    assert_eq!(scene.says("call ann at work").await, "Calling Ann.");
    let none = timeout(PATIENCE, scene.prompts.next()).await.unwrap().unwrap();
    let (text, _): (String, Vec<String>) = none.body().deserialize().unwrap();
    assert_eq!(text, "Ann has no such address.");
    assert_eq!(scene.says("call ann on sip").await, "Calling Ann.");
    let call = scene.call().await;
    assert_eq!(property(&scene.bus, &call, "Remote").await.as_deref(), Some("sip"));
    scene.gets_through(&call).await;
    scene.tells("hold").await;
    until(&scene.bus, &call, "Held", "true").await;
    scene.tells("resume").await;
    until(&scene.bus, &call, "Held", "false").await;
    let refused = scene.says("press one two").await;
    assert!(refused.contains("cannot"), "what its app cannot do is said: {refused}");
    scene.tells("hang up").await;
    until(&scene.bus, &call, "State", "ended").await;
}

#[tokio::test]
async fn numbers_are_confirmed_and_short_ones_never_called_whoever_has_them() {
    let Some(mut scene) = Scene::set().await else { return };
    scene.knows("Police", &[("tel", "110", "")]).await;
    let never = "I cannot place emergency calls. Please use a telephone.";
    assert_eq!(scene.says("call nine one one").await, never);
    assert_eq!(scene.says("call police").await, "Calling Police.");
    let prompt = timeout(PATIENCE, scene.prompts.next()).await.unwrap().unwrap();
    let (text, _): (String, Vec<String>) = prompt.body().deserialize().unwrap();
    assert_eq!(text, never);
    assert_eq!(scene.says("dial oh three oh one two three").await, "Call 0 3 0 1 2 3? Yes or no?");
    assert_eq!(scene.calls().await, [] as [&str; 0]);
    scene.tells("yes").await;
    let call = scene.call().await;
    assert_eq!(property(&scene.bus, &call, "Remote").await.as_deref(), Some("tel"));
}

#[tokio::test]
async fn do_not_disturb_is_set_for_a_time_and_taken_back() {
    let Some(mut scene) = Scene::set().await else { return };
    let bus = scene.bus.clone();
    let mode = async || {
        let name = format!("{NAME}.Manager");
        let properties = fdo::PropertiesProxy::new(&bus, NAME, ROOT).await.unwrap();
        let value = properties.get(name.as_str().try_into().unwrap(), "DoNotDisturb").await;
        String::try_from(value.unwrap()).unwrap()
    };
    assert_eq!(mode().await, "off");
    let said = scene.says("do not disturb for half an hour").await;
    assert_eq!((said.as_str(), mode().await.as_str()), ("Do not disturb, for 30 minutes.", "on"));
    let said = scene.says("do not disturb off").await;
    assert_eq!((said.as_str(), mode().await.as_str()), ("Calls ring again.", "off"));
}
