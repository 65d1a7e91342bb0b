//! The PipeWire thread: its loop, its connection, the table of wanted streams.
//!
//! Owns: the connection's life. Does not own: what streams do ([`super::streams`]). Invariant: no
//! callback of the library changes the table; they only send notes, so nothing is freed under one.

use std::{cell::RefCell, collections::BTreeMap, os::fd::OwnedFd, rc::Rc, sync::mpsc::SyncSender};

use pipewire::{
    channel::Receiver,
    context::Context,
    core::{Core, Listener},
    main_loop::MainLoop,
};

use super::{
    Note, Notes, Request, Spec,
    captures::Captures,
    devices::Watch,
    streams::{self, Open},
};
use crate::health::Key;

/// Runs until asked to quit.
pub(super) fn run(inbox: Receiver<Request>, notes: &Notes, ready: &SyncSender<Result<(), String>>) {
    pipewire::init();
    let set_up = || -> Result<_, pipewire::Error> {
        let main_loop = MainLoop::new(None)?;
        let context = Context::new(&main_loop)?;
        Ok((main_loop, context))
    };
    let (main_loop, context) = match set_up() {
        Ok(parts) => parts,
        Err(error) => {
            drop(ready.send(Err(error.to_string())));
            return;
        }
    };
    drop(ready.send(Ok(())));
    let table = RefCell::new(Table {
        context,
        notes: notes.clone(),
        connection: None,
        streams: BTreeMap::new(),
    });
    let quit = main_loop.clone();
    let attached = inbox.attach(main_loop.loop_(), move |request| {
        if !table.borrow_mut().handle(request) {
            quit.quit();
        }
    });
    main_loop.run();
    drop(attached);
}

/// One connection. Fields are dropped in this order: listeners before what they listen to.
struct Connection {
    _watch: Watch,
    captures: Captures,
    _errors: Listener,
    core: Core,
}

struct Wanted {
    spec: Spec,
    open: Option<Open>,
}

struct Table {
    context: Context,
    notes: Notes,
    connection: Option<Connection>,
    streams: BTreeMap<Key, Wanted>,
}

impl Table {
    /// Carries out one request; false ends the thread.
    fn handle(&mut self, request: Request) -> bool {
        match request {
            Request::Connect(socket) => self.connect(socket),
            Request::Disconnect => self.disconnect(),
            Request::Open(key, spec) => {
                // The old stream goes first: two nodes of one name would confuse those who link.
                self.streams.remove(&key);
                self.streams.insert(key, Wanted { spec, open: None });
                self.open(key);
            }
            Request::Retry(key) => self.open(key),
            Request::Close(key) => {
                self.streams.remove(&key);
            }
            Request::Show(key) => {
                if let Some(open) = self.streams.get(&key).and_then(|wanted| wanted.open.as_ref()) {
                    open.show();
                }
            }
            Request::Shut(nodes) => {
                if let Some(connection) = &self.connection {
                    connection.captures.shut(&nodes);
                }
            }
            Request::Quit => {
                self.disconnect();
                return false;
            }
        }
        true
    }

    fn disconnect(&mut self) {
        self.streams.values_mut().for_each(|wanted| wanted.open = None);
        self.connection = None;
    }

    fn connect(&mut self, socket: OwnedFd) {
        self.disconnect();
        match self.context.connect_fd(socket, None) {
            Ok(core) => self.connected(core),
            Err(error) => {
                let why = format!("PipeWire refused the connection ({error}); is it running?");
                (self.notes)(Note::Disconnected(why));
            }
        }
    }

    fn connected(&mut self, core: Core) {
        let watch = match Watch::new(&core, self.notes.clone()) {
            Ok(watch) => watch,
            Err(error) => {
                (self.notes)(Note::Disconnected(format!("PipeWire lists no devices ({error})")));
                return;
            }
        };
        let captures = match Captures::new(&core, self.notes.clone()) {
            Ok(captures) => captures,
            Err(error) => {
                (self.notes)(Note::Disconnected(format!("PipeWire lists no streams ({error})")));
                return;
            }
        };
        let errors = listen(&core, &self.notes, &watch, &captures);
        self.connection = Some(Connection { _watch: watch, captures, _errors: errors, core });
        let wanted: Vec<Key> = self.streams.keys().copied().collect();
        wanted.into_iter().for_each(|key| self.open(key));
    }

    fn open(&mut self, key: Key) {
        let (Some(connection), Some(wanted)) = (&self.connection, self.streams.get_mut(&key))
        else {
            return;
        };
        wanted.open = None;
        match streams::open(&connection.core, key, &wanted.spec, &self.notes) {
            Ok(open) => wanted.open = Some(open),
            Err(error) => {
                let why = format!("PipeWire gave no stream ({error}); see its journal");
                (self.notes)(Note::Down(key, Some(why)));
            }
        }
    }
}

/// Listens for the end of the connection and for the answer that all devices were listed.
fn listen(core: &Core, notes: &Notes, watch: &Watch, captures: &Captures) -> Listener {
    let (on_error, on_done) = (notes.clone(), notes.clone());
    let (listed, all) = (watch.listed(), captures.listed());
    let connected = Rc::new(std::cell::Cell::new(false));
    // The answer to this comes after everything that exists now was listed.
    drop(core.sync(0));
    core.add_listener_local()
        .error(move |id, _, result, message| {
            if id == pipewire::core::PW_ID_CORE && result == -EPIPE {
                let why = format!("PipeWire went away ({message}); calls go on when it is back");
                on_error(Note::Disconnected(why));
            } else {
                tracing::debug!(id, result, message, "PipeWire reports an error");
            }
        })
        .done(move |_, _| {
            if !connected.replace(true) {
                on_done(Note::Connected);
                listed();
                all();
            }
        })
        .info(|_| {})
        .register()
}

/// The library's number for a connection closed by the other end.
const EPIPE: i32 = 32;
