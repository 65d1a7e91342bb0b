//! Claims about a contact who has every key of theirs and keeps no rule.

use std::{net::SocketAddr, time::Duration};

use super::world::{ALICE, BOB, CAROL, World};
use crate::{
    builtin::{ConnId, Sighting},
    call::Outcome,
    engine::{Command, CommandError, Reply},
    id::{CallId, Now},
    media::{MediaCommand, VideoSize},
    peer::Identity,
    session::{Chain, EpochInitiator, Established, Initiator, Secret, tag},
    wire::{Candidate, Envelope, Frame, Join, MediaWish, Offer, Purpose, Signal},
    written::Written,
};

/// Bob's keys in other hands, on a connection to Alice.
struct Mallory {
    world: World,
    conn: ConnId,
    call: CallId,
    session: Established,
    seq: u32,
}

fn identity() -> Identity {
    Identity::from_seed(&Secret([2; 32]))
}

fn device() -> Secret {
    Secret([102; 32])
}

fn offer(now: Now, call: CallId) -> Offer {
    Offer {
        call,
        devices: identity().certify(1, vec![device().device_key()]),
        media: MediaWish { video: true, frame_ms: 10, accept: VideoSize::P720 },
        sent_at: now.unix_s(),
        expires_at: now.unix_s() + 60,
        media_index: 77,
    }
}

/// Message 1 under a secret that Alice knows, in a connection of its own.
fn hello(
    world: &mut World,
    purpose: Purpose,
    secret: &Secret,
    payload: &[u8],
) -> (ConnId, Initiator) {
    let alice = Secret([101; 32]).device_key();
    let (noise, message) = Initiator::start(&device(), alice, secret, payload).unwrap();
    let context = [b"hello".as_slice(), &(world.now.unix_s() / 3600).to_be_bytes()].concat();
    let frame = Frame::Hello { purpose, tag: tag(secret, &context), message: &message };
    (world.inject(ALICE, &frame.to_bytes()), noise)
}

fn offers(world: &mut World, offer: &Offer) -> (ConnId, Initiator) {
    let pair = world.people[ALICE].peers[0].secret.clone();
    hello(world, Purpose::Call, &pair, &offer.to_bytes().unwrap())
}

impl Mallory {
    /// Rings at Alice.
    fn rings(mut world: World) -> Self {
        let call = CallId([0xAA; 16]);
        let offer = offer(world.now, call);
        let before = world.people[ALICE].frames.len();
        let (conn, noise) = offers(&mut world, &offer);
        let answer = match Frame::parse(&world.people[ALICE].frames[before]) {
            Ok(Frame::Answer(message)) => message.to_vec(),
            other => panic!("{other:?}"),
        };
        let (session, _) = noise.finish(&answer).unwrap();
        Self { world, conn, call, session, seq: 0 }
    }

    fn says(&mut self, signal: Signal) {
        let envelope = Envelope { call: self.call, seq: self.seq, signal };
        self.seq = self.seq.saturating_add(1);
        let sealed = self.session.seal(&envelope.to_padded().unwrap()).unwrap();
        self.world.say(ALICE, self.conn, &Frame::Sealed(&sealed).to_bytes());
    }

    fn rekeys(&mut self, chain: &Chain) {
        let alice = Secret([101; 32]).device_key();
        let (_, message) = EpochInitiator::start(&device(), alice, chain, 1).unwrap();
        self.says(Signal::Rekey1 { number: 1, message });
    }

    fn answer(&mut self) -> Option<Result<Reply, CommandError>> {
        self.world.command(ALICE, Command::Answer { call: self.call, video: false })
    }

    fn media_started(&self) -> bool {
        let started = |one: &MediaCommand| matches!(one, MediaCommand::Start { .. });
        self.world.people[ALICE].worker.iter().any(started)
    }

    fn holds(&mut self) -> crate::builtin::Footprint {
        self.world.people[ALICE].service.built_in().footprint()
    }
}

/// What link.md plans a cookie for: over TCP the address is proven by the connection, and without a
/// tag that we know no key is touched, whatever the frame is and whatever it carries.
#[test]
fn a_frame_without_a_known_tag_costs_no_arithmetic_with_keys() {
    let mut world = World::joined();
    world.invite(ALICE, false);
    let before = world.people[ALICE].service.built_in().opened();
    let offer = offer(world.now, CallId([1; 16])).to_bytes().unwrap();
    let (pair, now) = (world.people[ALICE].peers[0].secret.clone(), world.now);
    let alice = Secret([101; 32]).device_key();
    // Good in all but its tag: of another secret, another use, or an hour that is over.
    let (_, good) = Initiator::start(&device(), alice, &pair, &offer).unwrap();
    let hour = |ago: u64| (now.unix_s() / 3600 - ago).to_be_bytes();
    let foreign = tag(&Secret([77; 32]), &[b"hello".as_slice(), &hour(0)].concat());
    let shown = tag(&pair, &[b"mdns".as_slice(), &hour(0)].concat());
    let old = tag(&pair, &[b"hello".as_slice(), &hour(2)].concat());
    for tag in [foreign, shown, old, [0; 8]] {
        for purpose in [Purpose::Call, Purpose::Join] {
            for message in [good.as_slice(), &[0; 1300], &[]] {
                world.inject(ALICE, &Frame::Hello { purpose, tag, message }.to_bytes());
            }
        }
    }
    for frame in [Frame::Answer(&good), Frame::Sealed(&good)] {
        world.inject(ALICE, &frame.to_bytes());
    }
    // A contact's tag opens no invite.
    let (_, mine) = Initiator::start(&device(), alice, &pair, &offer).unwrap();
    let known = tag(&pair, &[b"hello".as_slice(), &hour(0)].concat());
    let join = Frame::Hello { purpose: Purpose::Join, tag: known, message: &mine };
    world.inject(ALICE, &join.to_bytes());
    assert_eq!(world.people[ALICE].service.built_in().opened(), before);
    let call = Frame::Hello { purpose: Purpose::Call, tag: known, message: &mine };
    world.inject(ALICE, &call.to_bytes());
    assert_eq!(world.people[ALICE].service.built_in().opened(), before + 1);
}

#[test]
fn a_contact_is_recognised_in_every_hour_and_by_no_tag_of_hours_ago() {
    let mut world = World::joined();
    let pair = world.people[ALICE].peers[0].secret.clone();
    for number in 1..4 {
        let early = world.now;
        let offer = offer(early, CallId([number; 16]));
        offers(&mut world, &offer);
        assert_eq!(world.state(ALICE, offer.call), "ringing");
        world.command(ALICE, Command::Decline(offer.call, None));
        let before = world.people[ALICE].service.built_in().opened();
        world.now.unix_us += 3 * 3_600_000_000;
        let context = [b"hello".as_slice(), &(early.unix_s() / 3600).to_be_bytes()].concat();
        let tag = tag(&pair, &context);
        let old = Frame::Hello { purpose: Purpose::Call, tag, message: &[0; 1300] };
        world.inject(ALICE, &old.to_bytes());
        assert_eq!(world.people[ALICE].service.built_in().opened(), before);
    }
}

#[test]
fn a_contact_is_recognised_under_a_secret_that_is_new_and_no_longer_under_the_old_one() {
    let mut world = World::joined();
    let first = offer(world.now, CallId([1; 16]));
    offers(&mut world, &first);
    let bob = world.people[BOB].service.built_in().identity();
    let before = world.people[ALICE].service.built_in().opened();
    let old = world.people[ALICE].peers[0].secret.clone();
    let change = |peer: &mut crate::peer::PeerRecord| peer.secret = Secret([66; 32]);
    world.people[ALICE].service.built_in().update_peer(bob, change);
    let call = offer(world.now, CallId([2; 16]));
    hello(&mut world, Purpose::Call, &old, &call.to_bytes().unwrap());
    assert_eq!(world.people[ALICE].service.built_in().opened(), before);
    hello(&mut world, Purpose::Call, &Secret([66; 32]), &call.to_bytes().unwrap());
    assert_eq!(world.state(ALICE, call.call), "ringing");
}

const LATE: Duration = Duration::from_secs(21);

/// A caller who sent no keys kept a leg alive after the engine had given the answer up; keys sent
/// then opened the microphone without a call.
#[test]
fn keys_that_come_after_the_answer_was_given_up_open_no_microphone() {
    let mut mallory = Mallory::rings(World::joined());
    assert_eq!(mallory.answer(), None);
    mallory.world.pass(Duration::from_secs(16));
    let view = mallory.world.people[ALICE].service.engine().call(mallory.call).unwrap().view();
    assert_eq!(view.end_reason.0, "failed");
    assert!(view.end_reason.1.contains("no media keys"), "{}", view.end_reason.1);
    let chain = mallory.session.chain().clone();
    mallory.rekeys(&chain);
    assert!(!mallory.media_started());
    assert_eq!(mallory.holds().calls, 0);
}

/// Keys at the last moment moved the provider's own deadline past the engine's.
#[test]
fn media_closes_when_the_engine_gives_the_answer_up() {
    let mut mallory = Mallory::rings(World::joined());
    mallory.answer();
    mallory.world.pass(Duration::from_secs(14));
    let chain = mallory.session.chain().clone();
    mallory.rekeys(&chain);
    assert!(mallory.media_started());
    assert_eq!(mallory.world.people[ALICE].media.len(), 1);
    mallory.world.pass(LATE - Duration::from_secs(14));
    assert_eq!(mallory.world.state(ALICE, mallory.call), "ended");
    assert!(mallory.world.people[ALICE].media.is_empty());
    let stopped = |one: &MediaCommand| matches!(one, MediaCommand::Stop { .. });
    assert!(mallory.world.people[ALICE].worker.iter().any(stopped));
    assert_eq!(mallory.holds().calls, 0);
}

#[test]
fn an_offer_that_comes_too_late_is_one_missed_call_and_holds_nothing() {
    for (sent_at, expires_at) in [(0, 0), (u64::MAX, u64::MAX), (5, 4)] {
        let mut world = World::joined();
        let mut offer = offer(world.now, CallId([1; 16]));
        (offer.sent_at, offer.expires_at) = (sent_at, expires_at);
        offers(&mut world, &offer);
        let alice = &mut world.people[ALICE];
        assert_eq!(alice.missed, [offer.call]);
        assert_eq!(alice.rows.values().next().unwrap().outcome, Outcome::Missed);
        assert!(alice.service.engine().ringing().is_none());
        assert_eq!(alice.service.built_in().footprint().calls, 0);
    }
}

#[test]
fn an_offer_that_never_ends_rings_no_longer_than_another() {
    let mut world = World::joined();
    let mut offer = offer(world.now, CallId([1; 16]));
    (offer.sent_at, offer.expires_at) = (0, u64::MAX);
    offers(&mut world, &offer);
    assert_eq!(world.state(ALICE, offer.call), "ringing");
    world.pass(Duration::from_secs(61));
    assert_eq!(world.reason(ALICE, offer.call), "unanswered");
}

#[test]
fn an_offer_under_the_id_of_our_own_call_changes_nothing() {
    let mut world = World::joined();
    let call = world.call(ALICE, false);
    world.command(BOB, Command::Answer { call, video: false });
    for wait in [0, 11] {
        world.pass(Duration::from_secs(wait));
        let offer = offer(world.now, call);
        offers(&mut world, &offer);
        assert_eq!(world.state(ALICE, call), "active");
        assert!(world.people[ALICE].service.engine().ringing().is_none());
    }
    world.command(ALICE, Command::HangUp(call));
    assert_eq!(world.reason(BOB, call), "remote-hangup", "the session is still the true one");
}

#[test]
fn an_offer_that_the_engine_refuses_is_told_so_and_holds_nothing() {
    let mut world = World::joined();
    let call = world.call(ALICE, false);
    world.command(ALICE, Command::HangUp(call));
    let offer = offer(world.now, call);
    offers(&mut world, &offer);
    assert!(world.people[ALICE].service.engine().ringing().is_none());
    assert_eq!(world.people[ALICE].service.built_in().footprint().calls, 0);
}

#[test]
fn a_contact_who_offers_calls_without_end_is_cut_off() {
    let mut world = World::joined();
    for number in 0..40 {
        let offer = offer(world.now, CallId([number; 16]));
        let (conn, _) = offers(&mut world, &offer);
        world.hang_up(ALICE, conn);
    }
    let held = world.people[ALICE].service.built_in().footprint();
    assert_eq!((held.seen, held.calls, held.connections), (10, 0, 0));
    assert_eq!(world.people[ALICE].rows.len(), 10);
    world.pass(Duration::from_secs(61));
    let offer = offer(world.now, CallId([99; 16]));
    offers(&mut world, &offer);
    assert_eq!(world.state(ALICE, offer.call), "ringing", "after a while they may call again");
}

#[test]
fn a_contact_who_calls_on_and_on_leaves_room_for_others() {
    let mut world = World::joined();
    for number in 0..9 {
        let offer = offer(world.now, CallId([number; 16]));
        offers(&mut world, &offer);
    }
    assert_eq!(world.people[ALICE].service.engine().attention().unanswered.len(), 2);
    assert_eq!(world.people[ALICE].service.built_in().footprint().calls, 2);
}

#[test]
fn an_invite_for_many_in_the_wrong_hands_fills_no_address_book() {
    let mut world = World::joined();
    world.invite(ALICE, false);
    let secret = world.people[ALICE].invites.last().unwrap().secret.clone();
    for seed in 40..140 {
        let devices =
            Identity::from_seed(&Secret([seed; 32])).certify(1, vec![device().device_key()]);
        let join = Join { devices, name: "one of many".into(), listens: Some(1) };
        hello(&mut world, Purpose::Join, &secret, &join.to_bytes().unwrap());
    }
    let known = world.people[ALICE].service.built_in().peers().count();
    assert!((20..=31).contains(&known), "{known}");
}

#[test]
fn a_flood_of_signals_costs_its_sender_the_connection() {
    let mut mallory = Mallory::rings(World::joined());
    for number in 0..200 {
        mallory.says(Signal::State { muted: false, video: number % 2 == 0, held: false });
    }
    assert_eq!(mallory.world.reason(ALICE, mallory.call), "cancelled");
    assert_eq!(mallory.holds().connections, 0);
}

#[test]
fn the_last_number_of_a_signal_is_taken_once_and_there_is_none_after_it() {
    let mut mallory = Mallory::rings(World::joined());
    mallory.seq = u32::MAX;
    mallory.says(Signal::State { muted: false, video: false, held: true });
    let flags = mallory.world.people[ALICE].service.engine().call(mallory.call).unwrap().flags();
    assert!(flags.remote_held);
    mallory.says(Signal::State { muted: false, video: false, held: false });
    assert_eq!(mallory.world.reason(ALICE, mallory.call), "cancelled", "its connection is closed");
}

#[test]
fn signals_out_of_their_phase_change_nothing() {
    let mut mallory = Mallory::rings(World::joined());
    let wish = MediaWish { video: true, frame_ms: 10, accept: VideoSize::P720 };
    mallory.says(Signal::Accept { media: wish });
    mallory.says(Signal::Busy);
    mallory.says(Signal::Select);
    mallory.says(Signal::Text(Written::new("Buy this".to_owned(), true).unwrap()));
    for number in [0, 1, 2, u32::MAX] {
        mallory.says(Signal::Rekey1 { number, message: vec![0; 48] });
        mallory.says(Signal::Rekey2 { number, message: vec![0; 48] });
    }
    assert_eq!(mallory.world.state(ALICE, mallory.call), "ringing");
    assert!(!mallory.media_started());
    assert_eq!(mallory.world.people[ALICE].texts, [], "to ring is not to write");
}

#[test]
fn media_is_sent_to_no_address_that_is_ours_or_that_no_machine_can_have() {
    let mut mallory = Mallory::rings(World::joined());
    let own = SocketAddr::new(mallory.world.people[ALICE].address.ip(), 4712).to_string();
    let bad = [
        "192.0.2.66:0",
        "224.0.0.251:5353",
        "[ff02::fb]:5353",
        "0.0.0.0:9",
        "[::]:9",
        "255.255.255.255:9",
        "127.0.0.1:631",
        "[::1]:631",
        "[::ffff:127.0.0.1]:631",
        &own,
    ];
    for address in bad {
        mallory.says(Signal::Candidate(Candidate { address: address.parse().unwrap() }));
    }
    for address in ["192.0.2.66:4712", "192.0.2.66:4712", "[::ffff:192.0.2.66]:4712"] {
        mallory.says(Signal::Candidate(Candidate { address: address.parse().unwrap() }));
    }
    mallory.answer();
    let chain = mallory.session.chain().clone();
    mallory.rekeys(&chain);
    mallory.says(Signal::Candidate(Candidate { address: bad[6].parse().unwrap() }));
    assert_eq!(mallory.world.people[ALICE].candidates, ["192.0.2.66:4712".parse().unwrap()]);
}

#[test]
fn sightings_with_copied_tags_are_cut_and_do_not_hide_where_a_contact_is() {
    let mut world = World::joined();
    let (pair, now) = (world.people[BOB].peers[0].secret.clone(), world.now);
    let alice = world.people[ALICE].service.built_in().identity();
    let context = [b"mdns".as_slice(), &alice.0, &(now.unix_s() / 3600).to_be_bytes()].concat();
    let tags = vec![tag(&pair, &context)];
    let shown = |addresses| Sighting { tags: tags.clone(), addresses };
    let true_one = shown(vec![world.people[ALICE].address]);
    world.people[BOB].service.built_in().handle_sighting(now, &true_one);
    for number in 0..50u8 {
        let nowhere = (0..=255).map(|host| SocketAddr::from(([198, 51, number, host], 4711)));
        let sighting = shown(nowhere.chain(["224.0.0.1:1".parse().unwrap()]).collect());
        world.people[BOB].service.built_in().handle_sighting(now, &sighting);
    }
    assert!(world.people[BOB].service.built_in().footprint().addresses <= 16);
    // The true one again, last in a list of others: there they were reached, so there they are.
    let alice = world.people[ALICE].address;
    let others = ["198.51.100.1:1".parse().unwrap(), "198.51.100.2:1".parse().unwrap()];
    world.people[BOB]
        .service
        .built_in()
        .handle_sighting(now, &shown([&others[..], &[alice]].concat()));
    world.people[BOB].dialed.clear();
    let call = world.call(BOB, false);
    assert_eq!(world.state(BOB, call), "remote-ringing");
    assert_eq!(world.people[BOB].dialed, [alice]);
}

#[test]
fn a_device_that_was_taken_off_the_list_does_not_come_back_with_an_older_list() {
    let mut world = World::joined();
    let bob = world.people[BOB].service.built_in().identity();
    let newer = identity().certify(7, vec![Secret([55; 32]).device_key()]);
    let kept = newer.clone();
    let alice = world.people[ALICE].service.built_in();
    alice.update_peer(bob, |peer| peer.devices = kept);
    world.invite(ALICE, false);
    let secret = world.people[ALICE].invites.last().unwrap().secret.clone();
    let devices = identity().certify(6, vec![device().device_key()]);
    let join = Join { devices, name: "Bob".into(), listens: None };
    hello(&mut world, Purpose::Join, &secret, &join.to_bytes().unwrap());
    let peer = world.people[ALICE].service.built_in().peer(bob).unwrap();
    assert_eq!(peer.devices, newer);
}

/// A wrong answer ended the call at once: whoever copied a contact's tags and answered nonsense could
/// keep a user from calling them.
#[test]
fn nonsense_from_whoever_is_at_an_address_does_not_end_the_call() {
    let mut world = World::of_three();
    let places = vec![world.people[CAROL].address, world.people[ALICE].address];
    let alice = world.people[ALICE].service.built_in().identity();
    world.people[BOB].service.built_in().update_peer(alice, |peer| peer.hints = places);
    let call = CallId([5; 16]);
    let start = world.start(ALICE, false, Some(call));
    world.press(BOB, start);
    // Connected to Carol's address, and the offer is out.
    world.step(2);
    let conn = world.newest_conn();
    world.say(BOB, conn, &Frame::Answer(&[7; 1400]).to_bytes());
    assert_eq!((world.state(BOB, call), world.state(ALICE, call)), ("remote-ringing", "ringing"));
}

#[test]
fn numbers_of_ours_that_have_run_out_say_nothing_more_and_end_no_call() {
    let mut mallory = Mallory::rings(World::joined());
    mallory.world.people[ALICE].service.built_in().wear_out(mallory.call);
    for number in [0, 1, u32::MAX] {
        mallory.says(Signal::Rekey1 { number, message: vec![0; 48] });
    }
    assert_eq!(mallory.world.state(ALICE, mallory.call), "ringing");
    let declined = mallory.world.command(ALICE, Command::Decline(mallory.call, None));
    assert_eq!(declined, Some(Ok(Reply::Done)));
    assert_eq!(mallory.holds().connections, 0);

    let mut world = World::joined();
    let call = world.call(ALICE, false);
    world.command(BOB, Command::Answer { call, video: false });
    world.people[ALICE].service.built_in().wear_out(call);
    world.people[ALICE].service.built_in().handle_rekey_due(call);
    world.pass(Duration::from_secs(300));
    assert_eq!((world.state(ALICE, call), world.state(BOB, call)), ("active", "active"));
    world.command(ALICE, Command::HangUp(call));
    assert_eq!(world.state(ALICE, call), "ended");
}
