//! Ahoy's windows: who rings, the call, people and recents.
//!
//! Owns: the process. Does not own: calls: this is a controller of `org.ahoycall.Calls1` like any other, and
//! closing it ends nothing. Invariant: one process a session; a second start shows the first.

mod app;
mod code;
mod devices;
mod echo;
mod memory;
mod menu_entry;
mod people;
mod pixels;
mod quality;
mod renderer;
mod service;
mod state;
mod talk;
mod test_call;
mod ui;
mod video;
mod words;

use std::{cell::RefCell, io::Write as _, ops::ControlFlow, process::ExitCode, rc::Rc};

use adw::prelude::*;
use gtk::{gio, glib};

use crate::{app::Windows, service::Service};

const ABOUT: &str = "\
Shows who rings, the call, and people and recent calls.

Examples:
  ahoy-window                people and recent calls
  ahoy-window --person ID    the same, and asks how to call somebody (ID: ahoyctl contacts list --json)
  ahoy-window --background   nothing until a call comes: for the start of a session";

fn main() -> ExitCode {
    // Before any thread and any library that starts one.
    if std::env::args().nth(1).is_some_and(|first| first == code::READ) {
        return code::serve();
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("AHOY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    renderer::choose();
    let service = match Service::start() {
        Ok(started) => started,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ahoy-window: no thread for the bus: {error}");
            return ExitCode::FAILURE;
        }
    };
    let app = adw::Application::builder()
        .application_id(app::ID)
        .flags(gio::ApplicationFlags::HANDLES_COMMAND_LINE)
        .build();
    app.set_option_context_summary(Some(ABOUT));
    app.add_main_option(
        "background",
        glib::Char::from(b'b'),
        glib::OptionFlags::NONE,
        glib::OptionArg::None,
        "Show nothing until a call comes",
        None,
    );
    app.add_main_option(
        "person",
        glib::Char::from(b'p'),
        glib::OptionFlags::NONE,
        glib::OptionArg::String,
        "Ask how to call this person",
        Some("ID"),
    );
    let version = "Say which version this is";
    let (short, none) = (glib::Char::from(b'V'), glib::OptionFlags::NONE);
    app.add_main_option("version", short, none, glib::OptionArg::None, version, None);
    app.connect_handle_local_options(|_, options| {
        if !options.contains("version") {
            return ControlFlow::Continue(());
        }
        let _ = writeln!(std::io::stdout(), "ahoy-window {}", env!("CARGO_PKG_VERSION"));
        ControlFlow::Break(glib::ExitCode::SUCCESS)
    });
    let windows: Rc<RefCell<Option<Rc<Windows>>>> = Rc::default();
    let started = windows.clone();
    app.connect_startup(move |app| {
        started.replace(Some(Windows::start(app, service.clone())));
    });
    let hold = RefCell::new(None);
    app.connect_command_line(move |app, line| {
        // Calls come when they come: it stays until it is told to quit.
        hold.borrow_mut().get_or_insert_with(|| app.hold());
        let options = line.options_dict();
        let person = options.lookup::<String>("person").ok().flatten();
        if let Some(windows) = windows.borrow().as_ref() {
            match person {
                Some(id) => windows.ask_how(id),
                None if !options.contains("background") => windows.show(),
                None => {}
            }
        }
        glib::ExitCode::SUCCESS
    });
    match app.run().into() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
