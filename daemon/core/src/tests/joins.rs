//! Claims about invites between two people.

use std::time::Duration;

use super::world::{ALICE, BOB, World};
use crate::{
    builtin::Sighting,
    engine::{Command, CommandError},
    peer::{InviteError, PairState},
};

#[test]
fn accepting_an_invite_makes_both_sides_contacts_with_a_fresh_secret() {
    let mut world = World::new();
    let link = world.invite(ALICE, true);
    world.accept(BOB, &link).unwrap();
    let (alice, bob) = (&world.people[ALICE].peers[0], &world.people[BOB].peers[0]);
    assert!(alice.secret == bob.secret);
    assert!(alice.secret != world.people[ALICE].invites[0].secret);
    assert_eq!((alice.name.as_str(), bob.name.as_str()), ("Bob", "Alice"));
    assert_eq!(bob.state, PairState::Joined);
}

#[test]
fn an_issuer_who_is_away_is_joined_when_back() {
    let mut world = World::new();
    let link = world.invite(ALICE, true);
    world.reachable = false;
    world.accept(BOB, &link).unwrap();
    assert!(matches!(world.people[BOB].peers[0].state, PairState::Pending { .. }));
    world.pass(Duration::from_secs(60));
    world.reachable = true;
    world.pass(Duration::from_secs(120));
    assert_eq!(world.people[BOB].peers[0].state, PairState::Joined);
}

#[test]
fn a_pending_contact_cannot_be_called_yet_and_says_why() {
    let mut world = World::new();
    let link = world.invite(ALICE, true);
    world.reachable = false;
    world.accept(BOB, &link).unwrap();
    let alice = world.people[ALICE].service.built_in().identity().to_string();
    let party = crate::call::Party {
        handle: crate::id::Handle::new("ahoy", &alice).unwrap(),
        name: String::new(),
        source: crate::call::NameSource::None,
        contact: None,
        marks: crate::call::Marks::default(),
    };
    let start = Command::Start {
        sender: crate::id::SenderId::OWN,
        provider: None,
        party,
        video: false,
        id: None,
    };
    match world.command(BOB, start) {
        Some(Err(CommandError::ProviderFailed(why))) => assert!(why.contains("not confirmed")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_single_use_invite_serves_one_person() {
    let mut world = World::joined();
    let used = world.people[ALICE].invites.last().unwrap().clone();
    assert!(used.used);
    let carol = crate::peer::Identity::from_seed(&crate::session::Secret([42; 32])).key();
    assert_eq!(used.check(world.now.unix_s(), carol), Err(InviteError::Used));
    let bob = world.people[BOB].service.built_in().identity();
    assert_eq!(used.check(world.now.unix_s(), bob), Ok(()), "a lost welcome can be asked again");
}

#[test]
fn an_invite_that_expires_while_pending_is_given_up() {
    let mut world = World::new();
    let link = world.invite(ALICE, true);
    world.reachable = false;
    world.accept(BOB, &link).unwrap();
    world.pass(Duration::from_secs(3600 + 301));
    assert_eq!(world.people[BOB].join_failed, [InviteError::Expired]);
}

#[test]
fn a_sighting_hurries_a_join_and_foreign_tags_do_not() {
    let mut world = World::new();
    let link = world.invite(ALICE, true);
    let listens = world.people[ALICE].address;
    world.reachable = false;
    world.accept(BOB, &link).unwrap();
    world.pass(Duration::from_secs(40));
    world.reachable = true;
    let foreign = Sighting { tags: vec![[1; 8]; 50], addresses: vec![listens] };
    world.people[BOB].service.built_in().handle_sighting(world.now, &foreign);
    world.run();
    assert_ne!(world.people[BOB].peers[0].state, PairState::Joined);
    world.pass(Duration::from_secs(400));
    assert_eq!(world.people[BOB].peers[0].state, PairState::Joined);
}

/// A daemon that started was found by nobody for its first five minutes: its tags were due at the
/// next timer only, and none was set.
#[test]
fn who_we_can_be_found_by_is_due_at_once_after_a_start_and_after_a_new_contact() {
    let mut world = World::new();
    assert_eq!(world.people[ALICE].service.next_timeout(), Some(Duration::ZERO));
    world.pass(Duration::from_secs(1));
    assert_ne!(world.people[ALICE].service.next_timeout(), Some(Duration::ZERO));
    let bob = world.people[BOB].service.built_in().identity();
    world.people[ALICE].service.built_in().forget(bob);
    assert_eq!(world.people[ALICE].service.next_timeout(), Some(Duration::ZERO));
}
