//! Processes that end with the trial.
//!
//! Owns: starting in a group of their own, ending. Does not own: what they do. Invariant: none
//! outlives its owner, not even where the owner is killed (`setpriv --pdeathsig`).

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{Result, Trouble, need};

/// A program that dies with the thread that starts it. Start long-lived ones from a thread that
/// stays.
#[must_use]
pub fn program(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", name]);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A running process and all that it starts.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts a command made by [`program`].
    ///
    /// # Errors
    /// It is not installed, or the system refuses.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        if need::find(name).is_none() && !name.contains('/') {
            return Err(Trouble::program(name, "is not installed"));
        }
        let child = command.spawn().map_err(|error| Trouble::program(name, error.to_string()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// Its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        crate::until(&what, || self.ended())
    }

    /// Sends the process itself, not its group, a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends the process as a crash would; what it started is left to notice by itself.
    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Runs a command to its end and gives what it printed.
///
/// # Errors
/// It cannot start, or fails.
pub fn output(name: &str, command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| Trouble::program(name, error.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Trouble::program(name, format!("{}: {}", output.status, said.trim())))
}
