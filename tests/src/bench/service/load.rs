//! Many apps with many calls, and actions at a steady pace.
//!
//! Owns: the pace and the count. Does not own: apps. Invariant: actions go out at their time whether
//! those before them are done or not, and each one is counted at its controller and at its app.

use std::{
    collections::BTreeMap,
    sync::PoisonError,
    time::{Duration, Instant},
};

use ahoy_trial::{
    Result, Stage, Trouble,
    bus::{CALL, NAME},
    within,
};
use zbus::Connection;

use super::{
    Size,
    app::{App, Shared},
    host::Host,
    runtime, spread,
};
use crate::{
    figure,
    process::{cpu, pss},
    progress,
};

/// New calls of one app in a second, below its cap of 20.
const PACE: Duration = Duration::from_millis(60);
/// An action that takes longer is late.
const LATE: Duration = Duration::from_millis(100);
/// Memory is looked at when it has not grown for so long.
const CALM: Duration = Duration::from_secs(2);

/// Memory once it is calm, MB.
fn memory(process: u32) -> Result<f64> {
    let mut last = (Instant::now(), 0.0);
    within(CALM * 10, "memory that is calm", || {
        let now = pss(process)?;
        if (now - last.1).abs() > 0.05 {
            last = (Instant::now(), now);
        }
        (last.0.elapsed() >= CALM).then_some(now)
    })
}

/// Apps with calls that are on, in turns: the first call of each, then the second of each.
async fn talk(apps: &mut [App], calls: usize) -> Result<Vec<String>> {
    let mut all = Vec::with_capacity(calls);
    while all.len() < calls {
        let round = Instant::now();
        for app in apps.iter_mut().take(calls - all.len()) {
            all.push(app.talk().await?);
        }
        tokio::time::sleep(PACE.saturating_sub(round.elapsed())).await;
    }
    Ok(all)
}

/// What came of one action.
struct Done {
    took: Duration,
    refused: Option<String>,
}

async fn act(controller: Connection, call: String, muted: bool) -> Done {
    let begin = Instant::now();
    let asked = controller.call_method(Some(NAME), &*call, Some(CALL), "SetMuted", &(muted,)).await;
    Done { took: begin.elapsed(), refused: asked.err().map(|error| error.to_string()) }
}

/// Actions at their times, each call in its turn.
async fn pace(controller: &Connection, calls: &[String], size: &Size) -> Result<Vec<Done>> {
    let total = u64::from(size.rate) * size.time.as_secs();
    let begin = tokio::time::Instant::now();
    let mut out = Vec::new();
    for (number, call) in (0..total).zip(calls.iter().cycle()) {
        let due = Duration::from_secs(1) * u32::try_from(number).unwrap_or(u32::MAX) / size.rate;
        tokio::time::sleep_until(begin + due).await;
        let muted = (number / calls.len() as u64).is_multiple_of(2);
        out.push(tokio::spawn(act(controller.clone(), call.clone(), muted)));
    }
    let mut done = Vec::with_capacity(out.len());
    for one in out {
        done.push(one.await.map_err(|error| Trouble::Wrong(error.to_string()))?);
    }
    Ok(done)
}

/// Actions per call that were done, as their controller was told.
fn sent(calls: &[String], done: &[Done]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (call, one) in calls.iter().cycle().zip(done) {
        *all.entry(call.clone()).or_default() += u64::from(one.refused.is_none());
    }
    all
}

fn count(calls: &[String], done: Vec<Done>, asked: &Shared) {
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    let sent = sent(calls, &done);
    let performed = |call: &String| asked.performs.get(call).copied().unwrap_or(0);
    let lost: u64 = sent.iter().map(|(call, sent)| sent.saturating_sub(performed(call))).sum();
    let more: u64 = sent.iter().map(|(call, sent)| performed(call).saturating_sub(*sent)).sum();
    let refused = done.iter().filter(|one| one.refused.is_some()).count();
    if let Some(why) = done.iter().find_map(|one| one.refused.as_deref()) {
        progress(&format!("refused: {why}"));
    }
    figure("load_actions", done.len() as f64, "actions");
    figure("load_actions_performed", asked.performs.values().sum::<u64>() as f64, "actions");
    figure("load_actions_refused", refused as f64, "actions");
    figure("load_actions_lost", lost as f64, "actions");
    figure("load_actions_doubled", (more + asked.doubled) as f64, "actions");
    let late = done.iter().filter(|one| one.took > LATE).count();
    figure("load_actions_late", late as f64, "actions over 100 ms");
    let times = done.iter().map(|one| one.took.as_secs_f64() * 1e6).collect();
    spread("load_action_to_reply", times, "us");
}

pub(super) fn run(stage: &Stage, size: &Size) -> Result<()> {
    progress(&format!("{} apps, {} calls", size.apps, size.calls));
    let host = Host::start(stage, "load")?;
    let ahoyd = host.process().ok_or_else(|| Trouble::program("ahoyd", "does not run"))?;
    let asked = Shared::default();
    let runtime = runtime()?;
    let alone = memory(ahoyd)?;
    let mut apps = runtime.block_on(async {
        let mut apps = Vec::with_capacity(size.apps);
        for number in 0..size.apps {
            apps.push(App::register(&host.bus.address, number, asked.clone()).await?);
        }
        Ok::<_, Trouble>(apps)
    })?;
    let registered = memory(ahoyd)?;
    let calls = runtime.block_on(talk(&mut apps, size.calls))?;
    let talking = memory(ahoyd)?;
    let each = |growth: f64, of: usize| growth * 1024.0 / of as f64;
    figure("memory_per_app", each(registered - alone, size.apps), "kB");
    figure("memory_per_call", each(talking - registered, size.calls), "kB");
    progress(&format!("{} actions a second for {:?}", size.rate, size.time));
    let begin = (Instant::now(), cpu(ahoyd), cpu(host.bus.id()));
    let done = runtime.block_on(async {
        let connected = zbus::connection::Builder::address(host.bus.address.as_str()).build().await;
        let controller = connected.map_err(Trouble::bus("connecting"))?;
        pace(&controller, &calls, size).await
    })?;
    let took = begin.0.elapsed().as_secs_f64();
    for (name, process, before) in
        [("ahoyd", ahoyd, begin.1), ("dbus_daemon", host.bus.id(), begin.2)]
    {
        if let (Some(before), Some(after)) = (before, cpu(process)) {
            figure(&format!("load_cpu_{name}"), (after - before) / took * 100.0, "% of a core");
        }
    }
    figure("load_rate", done.len() as f64 / took, "actions/s");
    count(&calls, done, &asked);
    figure("load_pss_growth", memory(ahoyd)? - talking, "MB");
    // Until here they are connected.
    drop(apps);
    Ok(())
}
