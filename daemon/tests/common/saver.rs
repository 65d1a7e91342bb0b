//! A screen saver that covers the screen when the test says so.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use zbus::{Connection, connection::Builder, interface};

use super::calls::{PATIENCE, ROOT, proxy};

struct Object(Arc<Mutex<bool>>);

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Object {
    fn get_active(&self) -> bool {
        *self.0.lock().unwrap()
    }

    #[zbus(signal)]
    async fn active_changed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        active: bool,
    ) -> zbus::Result<()>;
}

pub(crate) struct Saver {
    connection: Connection,
    active: Arc<Mutex<bool>>,
}

const PATH: &str = "/org/freedesktop/ScreenSaver";

impl Saver {
    pub(crate) async fn on(address: &str) -> Self {
        let active = Arc::new(Mutex::new(false));
        let connection = Builder::address(address)
            .serve_at(PATH, Object(Arc::clone(&active)))
            .name("org.freedesktop.ScreenSaver")
            .build()
            .await
            .unwrap();
        Self { connection, active }
    }

    /// Locks or unlocks, until the daemon knows it.
    pub(crate) async fn lock(&self, active: bool, controller: &Connection) {
        *self.active.lock().unwrap() = active;
        let server = self.connection.object_server();
        let saver = server.interface::<_, Object>(PATH).await.unwrap();
        Object::active_changed(saver.signal_emitter(), active).await.unwrap();
        let manager = proxy(controller, ROOT, "Manager").await;
        let deadline = Instant::now() + PATIENCE;
        while manager.get_property::<bool>("SessionLocked").await.unwrap() != active {
            assert!(Instant::now() < deadline, "the daemon knows that it is {active}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}
