//! A look from outside: the app that runs in the session, through the real service.
//!
//! Owns: what a controller can ask and see. Does not own: what only the service sees (`suite`).
//! Invariant: a call is placed only to whom the user named, and it is ended again whatever happens.

use std::time::Duration;

use zbus::{OwnedObjectPath, Variant};

use super::verdict::{Check, Findings, Verdict};
use crate::{
    bus::{self, Bus, CALL, MANAGER, Signals},
    error::{Error, Result},
    names::Handle,
    value::{self, Options},
};

/// Longer than the service waits for an end.
const ENDS: Duration = Duration::from_secs(8);
const PROVIDER: &str = "org.ahoycall.Calls1.Provider";

/// What is looked at.
pub(super) struct Target {
    /// Its name on the bus.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) remote: Option<Handle>,
    pub(super) wait: Duration,
}

struct Outside<'b> {
    bus: &'b Bus,
    signals: Signals,
    target: Target,
    found: Findings,
}

/// Looks at everything that can be seen.
pub(super) async fn run(bus: &Bus, target: Target) -> Result<Findings> {
    let signals = bus.signals().await?;
    let mut outside = Outside { bus, signals, target, found: Findings::default() };
    outside.script().await?;
    outside.found.close("only the deep suite sees that: ahoyctl provider check -- COMMAND");
    Ok(outside.found)
}

impl Outside<'_> {
    async fn script(&mut self) -> Result<()> {
        if !self.is_registered().await? {
            return Ok(());
        }
        let Some(remote) = self.target.remote.clone() else {
            let why = "no call is placed without --remote HANDLE".to_owned();
            for check in [Check::Start, Check::StartGoesOn, Check::Hold, Check::Mute, Check::End] {
                self.found.note(check, Verdict::NotTried(why.clone()));
            }
            return Ok(());
        };
        if let Some(call) = self.start(&remote).await? {
            let went = self.talk(&call).await;
            self.end(&call).await?;
            went?;
        }
        let stays = self.provider().await?;
        self.found.note(
            Check::Stays,
            if stays { Verdict::Ok } else { Verdict::Broken("its registration has gone".into()) },
        );
        Ok(())
    }

    async fn is_registered(&mut self) -> Result<bool> {
        let bus = "org.freedesktop.DBus";
        let asked = self
            .bus
            .connection()
            .call_method(
                Some(bus),
                "/org/freedesktop/DBus",
                Some(bus),
                "NameHasOwner",
                &(self.target.name.as_str(),),
            )
            .await?;
        let runs: bool = asked.body().deserialize()?;
        let came = match (runs, self.provider().await?) {
            // An app needs no name of its own beside its id.
            (_, true) => {
                self.found.note(Check::Registers, Verdict::Ok);
                return Ok(true);
            }
            (true, false) => format!(
                "{} runs, but nobody has registered as {} (see --provider-id)",
                self.target.name, self.target.id
            ),
            (false, false) => format!("nobody has the name {} on the bus", self.target.name),
        };
        self.found.broken(Check::Registers, came);
        Ok(false)
    }

    fn path(&self) -> String {
        format!("{}/provider/{}", bus::ROOT, crate::provider::escape(&self.target.id))
    }

    async fn provider(&self) -> Result<bool> {
        let path = self.path();
        let objects = self.bus.objects().await?;
        Ok(objects.iter().any(|(at, has)| at.as_str() == path && has.contains_key(PROVIDER)))
    }

    async fn start(&mut self, remote: &Handle) -> Result<Option<String>> {
        let handles = [(remote.scheme.as_str(), remote.value.as_str())];
        let options = Options::from([("video", Variant::from(false))]);
        let body = (self.target.id.as_str(), handles.as_slice(), options);
        let started = self.bus.call::<_, OwnedObjectPath>(MANAGER, "StartCall", &body).await;
        let call = match started {
            Ok(call) => call.to_string(),
            Err(error) => {
                self.judge(Check::Start, "StartCall", Err(error.into()))?;
                return Ok(None);
            }
        };
        self.found.note(Check::Start, Verdict::Ok);
        match self.becomes(&call, self.target.wait, &["active", "ended"]).await?.as_str() {
            "active" => {
                self.found.note(Check::StartGoesOn, Verdict::Ok);
                return Ok(Some(call));
            }
            "requested" => {
                let came = format!("it is \"requested\" after {} s", self.target.wait.as_secs());
                self.found.broken(Check::StartGoesOn, came);
                self.end(&call).await?;
            }
            "ended" => self.found.note(Check::StartGoesOn, Verdict::Ok),
            // Nobody takes it: as far as it came it is right.
            _ => {
                self.found.note(Check::StartGoesOn, Verdict::Ok);
                self.end(&call).await?;
            }
        }
        Ok(None)
    }

    /// Waits until a call is in one of these states; gives the one it is in at last.
    async fn becomes(&mut self, call: &str, time: Duration, wanted: &[&str]) -> Result<String> {
        let deadline = tokio::time::Instant::now() + time;
        loop {
            let props = self.bus.properties(call, CALL).await;
            let state = match &props {
                Ok(props) => value::text(props, "State").to_owned(),
                // The object goes two seconds after the end.
                Err(_) => "ended".to_owned(),
            };
            if wanted.contains(&state.as_str()) {
                return Ok(state);
            }
            match tokio::time::timeout_at(deadline, self.signals.next()).await {
                Ok(signal) => drop(signal?),
                Err(_) => return Ok(state),
            }
        }
    }

    /// What can be asked of an active call.
    async fn talk(&mut self, call: &str) -> Result<()> {
        let can = value::list(&self.bus.properties(call, CALL).await?, "Capabilities");
        let can = |what: &str| can.iter().any(|has| has == what);
        if can("hold") {
            // What was refused is not so already.
            if self.ask(call, Check::Hold, "SetHeld", true).await? {
                self.ask(call, Check::Again, "SetHeld", true).await?;
                self.ask(call, Check::Hold, "SetHeld", false).await?;
            }
        } else {
            self.found.note(Check::Hold, Verdict::NotClaimed);
        }
        if can("mute") {
            self.ask(call, Check::Mute, "SetMuted", true).await?;
            self.ask(call, Check::Mute, "SetMuted", false).await?;
        } else {
            self.found.note(Check::Mute, Verdict::NotClaimed);
        }
        if can("video") {
            self.ask(call, Check::Video, "SetVideo", true).await?;
            self.ask(call, Check::Video, "SetVideo", false).await?;
        } else {
            self.found.note(Check::Video, Verdict::NotClaimed);
        }
        Ok(())
    }

    async fn ask(&mut self, call: &str, check: Check, method: &str, on: bool) -> Result<bool> {
        let asked = self.bus.call_at(call, CALL, method, &(on,)).await.map_err(Error::from);
        let done = asked.is_ok();
        self.judge(check, &format!("{method} {on}"), asked)?;
        Ok(done)
    }

    /// What the app is to blame for is broken; anything else ends the look.
    fn judge(&mut self, check: Check, what: &str, asked: Result<()>) -> Result<()> {
        match asked {
            Ok(()) => self.found.note(check, Verdict::Ok),
            Err(Error::Refused { name, cause, .. })
                if matches!(name.as_str(), "Timeout" | "ProviderFailed" | "ProviderGone") =>
            {
                self.found.broken(check, format!("{what}: {cause}"));
            }
            Err(Error::Refused { name, cause, .. }) => {
                let why = format!("{what} was refused by the service: {name}: {cause}");
                self.found.note(check, Verdict::NotTried(why));
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Hangs up; the service says how the app took it.
    async fn end(&mut self, call: &str) -> Result<()> {
        let none = (Options::new(),);
        let hang_up = self.bus.call_at(call, CALL, "HangUp", &none);
        let asked = hang_up.await.map_err(Error::from);
        if asked.is_err() {
            return self.judge(Check::End, "HangUp", asked);
        }
        let how = tokio::time::timeout(ENDS, self.finished(call, "end")).await;
        match how {
            Ok(how) => match how?.as_str() {
                "done" => self.found.note(Check::End, Verdict::Ok),
                other => self.found.broken(Check::End, format!("end: {other}")),
            },
            Err(_) => {
                let why = "the service did not say how it went".to_owned();
                self.found.note(Check::End, Verdict::NotTried(why));
            }
        }
        Ok(())
    }

    async fn finished(&mut self, call: &str, wanted: &str) -> Result<String> {
        loop {
            let message = self.signals.next().await?;
            if bus::named(&message).member != "ActionFinished" {
                continue;
            }
            let body = message.body();
            let read = body.deserialize::<(u32, OwnedObjectPath, String, String, String)>();
            let Ok((_, of, action, result, error)) = read else { continue };
            if of.as_str() == call && action == wanted {
                let text = if error.is_empty() { String::new() } else { format!(": {error}") };
                return Ok(format!("{result}{text}"));
            }
        }
    }
}
