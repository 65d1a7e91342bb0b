//! `ahoy-media`: Ahoy's media worker.
//!
//! Owns: the order of starting: libraries, lock, threads. Does not own: anything after that.
//! Invariant: no packet of a peer is looked at before the worker is locked in.

mod describe;
mod dtmf;
mod flow;
mod health;
mod inbox;
mod mix;
mod parent;
mod picture;
mod playout;
mod pw;
mod ringtone;
mod rtp;
mod session;
mod sound;
mod tones;
mod vp8;
mod worker;

use std::{io::Write as _, process::ExitCode, sync::Arc};

use ahoy_core::media::MediaEvent;
use ahoy_sandbox::{Channel, Policy};

use crate::{
    flow::plugins,
    inbox::Input,
    parent::Parent,
    pw::{Notes, PipeWire},
    session::World,
    worker::Worker,
};

/// Why the worker cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}; ahoy-media is started by ahoyd, not by hand")]
    Parent(std::io::Error),
    #[error(transparent)]
    Plugins(#[from] plugins::PluginError),
    #[error("{0}")]
    Lock(#[from] ahoy_sandbox::LockError),
    #[error("PipeWire's library does not start: {0}; is it installed?")]
    PipeWire(String),
    #[error("the parent cannot be listened to: {0}")]
    Listen(std::io::Error),
}

fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        return answer(&argument);
    }
    plugins::restart_without_registry();
    let filter = tracing_subscriber::EnvFilter::try_from_env("AHOY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Read by ahoyd, line by line.
        .with_ansi(false)
        .without_time()
        .init();
    // A worker without one of its threads would look alive and be silent; one that ends is replaced.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ahoy-media cannot start");
            ExitCode::FAILURE
        }
    }
}

fn answer(argument: &str) -> ExitCode {
    let text = match argument {
        "--version" => concat!("ahoy-media ", env!("CARGO_PKG_VERSION"), "\n"),
        _ => "usage: ahoy-media [--version]\nStarted by ahoyd; does nothing on its own.\n",
    };
    let written = std::io::stdout().write_all(text.as_bytes());
    if written.is_ok() && argument == "--version" { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() -> Result<(), StartError> {
    let parent = Parent::new(Channel::from_worker_fd().map_err(StartError::Parent)?);
    let gstreamer = plugins::load()?;
    let locked = ahoy_sandbox::lock(&Policy::system())?;
    tracing::info!(?locked, "locked in");
    let (inputs, inbox) = inbox::inbox();
    let notes: Notes = {
        let inputs = inputs.clone();
        Arc::new(move |note| inputs.put(Input::PipeWire(note)))
    };
    let pipewire = PipeWire::start(notes).map_err(StartError::PipeWire)?;
    let lock_warning = locked.warning().unwrap_or_default().to_owned();
    parent.tell(&MediaEvent::Ready { gstreamer, lock: locked.to_string(), lock_warning });
    parent.listen(inputs.clone()).map_err(StartError::Listen)?;
    let health = health::Health::default();
    Worker::new(World { pipewire, parent, inputs, health }).run(&inbox);
    Ok(())
}
