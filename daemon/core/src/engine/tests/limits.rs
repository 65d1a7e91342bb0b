//! Claims about limits.

use super::*;

fn many(
    bench: &mut Bench,
    provider: &str,
    ids: std::ops::Range<u16>,
) -> Vec<Result<Reported, CommandError>> {
    ids.map(|id| {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        bench.tell(provider, Report::Outgoing(new_call(CallId(bytes)))).0
    })
    .collect()
}

fn end(bench: &mut Bench, provider: &str) {
    let calls: Vec<CallId> = bench.engine.live().map(Call::id).collect();
    for call in calls {
        bench.tell(provider, ended(call, EndReason::Failed)).0.unwrap();
    }
}

#[test]
fn a_provider_has_no_more_calls_than_it_said() {
    let mut bench = Bench::new();
    bench.register("a");
    let reported = many(&mut bench, "a", 0..20);
    assert_eq!(reported.iter().filter(|one| one.is_ok()).count(), MAX_CALLS_PER_PROVIDER);
    assert!(matches!(reported[16], Err(CommandError::LimitReached(_))));
    end(&mut bench, "a");
    assert!(many(&mut bench, "a", 30..31)[0].is_ok(), "ended calls leave room");
    let few = Registration { max_calls: 2, ..registration("b") };
    bench.engine.register(bench.now, few).unwrap();
    assert_eq!(many(&mut bench, "b", 40..50).iter().filter(|one| one.is_ok()).count(), 2);
    let greedy = Registration { max_calls: 1000, ..registration("c") };
    bench.engine.register(bench.now, greedy).unwrap();
    assert_eq!(many(&mut bench, "c", 60..90).iter().filter(|one| one.is_ok()).count(), 16);
}

#[test]
fn two_hundred_providers_have_five_hundred_calls() {
    let mut bench = Bench::new();
    for provider in 0..200_u16 {
        let name = format!("p{provider}");
        bench.register(&name);
        let first = provider * 3;
        let count = if provider < 100 { 3 } else { 2 };
        assert!(many(&mut bench, &name, first..first + count).iter().all(Result::is_ok));
    }
    assert_eq!(bench.engine.calls().count(), 500);
    for provider in 200..MAX_PROVIDERS - 1 {
        bench.register(&format!("p{provider}"));
    }
    let over = bench.engine.register(bench.now, registration("one-more"));
    assert_eq!(over, Err(CommandError::LimitReached("providers")));
}

#[test]
fn reporting_calls_is_capped_at_twenty_a_second_with_bursts_of_fifty() {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    let mut taken = 0;
    for id in 0..60 {
        taken += many(&mut bench, "a", id..id + 1).iter().filter(|one| one.is_ok()).count();
        end(&mut bench, "a");
    }
    assert_eq!(taken, 50);
    assert!(many(&mut bench, "b", 100..101)[0].is_ok(), "each has its own");
    bench.tell("b", ended(CallId([0; 16]), EndReason::Failed)).0.unwrap_err();
    bench.pass(Duration::from_secs(1));
    let later = many(&mut bench, "a", 200..230);
    assert_eq!(later.iter().filter(|one| one.is_ok()).count(), 16, "then max-calls is the limit");
}

#[test]
fn starting_calls_is_capped_for_each_sender() {
    let mut bench = Bench::new();
    let from = |sender| Command::Start {
        sender: SenderId(sender),
        provider: None,
        party: Party { handle: Handle::new("none", "x").unwrap(), ..party() },
        video: false,
        id: None,
    };
    let mut refused = |sender| {
        let (id, out) = bench.command(from(sender));
        reply(&out, id).unwrap().unwrap_err()
    };
    let errors: Vec<CommandError> = (0..51).map(|_| refused(1)).collect();
    assert!(matches!(errors[49], CommandError::NoProviderForScheme(_)));
    assert!(matches!(errors[50], CommandError::LimitReached(_)));
    assert!(matches!(refused(2), CommandError::NoProviderForScheme(_)));
}

#[test]
fn many_senders_do_not_wear_the_limit_out() {
    let mut bench = Bench::new();
    let now = bench.now;
    let take = |engine: &mut Engine, now, sender| engine.senders.take(now, SenderId(sender));
    for sender in 0..50 {
        assert!((0..50).all(|_| take(&mut bench.engine, now, sender).is_ok()));
    }
    for sender in 50..2000 {
        let _ = take(&mut bench.engine, now, sender);
    }
    assert!(take(&mut bench.engine, now, 0).is_err(), "still known");
    let later = Now { mono: now.mono + Duration::from_secs(60), ..now };
    assert!(take(&mut bench.engine, later, 5000).is_ok(), "who was idle is forgotten");
}
