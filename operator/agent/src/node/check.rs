//! What must hold whatever happens, and a search through everything that can happen to three nodes.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::world::{Budget, Choice, Life, Place, RUN_CODE, SETUP_CODE, World};
use super::*;

/// In every state.
pub(super) fn check_always(world: &World) {
    let somebody_ran = world.places.iter().any(|place| place.ran);
    if somebody_ran {
        assert!(world.places.iter().all(|place| place.setup_ok), "run before setup succeeded everywhere: {world:?}");
    }
    for place in &world.places {
        if let Some(cause) = place.cause {
            check_cause(world, place, cause);
        }
    }
}

/// A node that was stopped names the one where it began.
fn check_cause(world: &World, place: &Place, cause: Cause) {
    let peer = &world.places[cause.peer];
    let ok = match cause.why {
        Why::Failed { phase: Phase::Setup, code } => peer.code == Some(SETUP_CODE) && code == SETUP_CODE,
        Why::Failed { phase: Phase::Run, code } => peer.code == Some(RUN_CODE) && code == RUN_CODE,
        Why::Lost => peer.life == Life::Dead || peer.life == Life::Gone && world.disturbed,
        Why::Absent => peer.life == Life::Dead || world.disturbed,
        Why::Restarted => false,
    };
    assert!(ok, "{place:?} was stopped for no reason: {world:?}");
}

/// When nothing more happens.
pub(super) fn check_end(world: &World) {
    assert!(world.places.iter().all(|place| place.life.is_over()), "a node waits for ever: {world:?}");
    let trouble = |place: &Place| place.life == Life::Dead || place.code.is_some_and(|code| code != 0);
    let all_well = !world.places.iter().any(trouble) && !world.disturbed;
    for place in world.places.iter().filter(|place| place.life == Life::Gone) {
        assert_ne!(place.code.is_some(), place.cause.is_some(), "{place:?}");
        assert!(!all_well || place.code == Some(0), "{world:?}");
        assert!(place.code != Some(0) || place.ran, "{world:?}");
    }
}

/// What can happen next, but for trouble.
pub(super) fn ends(choices: &[Choice]) -> bool {
    choices.iter().all(|choice| matches!(choice, Choice::Die(_) | Choice::Break(..)))
}

/// Goes through every state that can be reached. Returns how many there are.
fn explore(nodes: usize, budget: Budget) -> usize {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let start = World::new(nodes, budget);
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    let mut open = vec![start];
    while let Some(world) = open.pop() {
        check_always(&world);
        let choices = world.choices();
        if ends(&choices) {
            check_end(&world);
        }
        for choice in choices {
            let mut next = world.clone();
            next.choose(choice);
            if seen.insert(hasher.hash_one(&next)) {
                open.push(next);
            }
        }
    }
    seen.len()
}

fn count(nodes: usize, failures: u8, deaths: u8, breaks: u8, late: u8) -> usize {
    explore(nodes, Budget { failures, deaths, breaks, late })
}

#[test]
fn one_and_two_nodes_whatever_happens() {
    assert!(count(1, 1, 1, 0, 0) > 5);
    assert!(count(2, 2, 2, 3, 2) > 1000);
}

#[test]
fn three_nodes_where_one_fails() {
    assert!(count(3, 1, 0, 0, 0) > 100_000);
}

#[test]
fn three_nodes_where_two_die() {
    assert!(count(3, 0, 2, 0, 0) > 100_000);
}

#[test]
fn three_nodes_where_a_connection_breaks() {
    assert!(count(3, 0, 0, 1, 0) > 100_000);
}

#[test]
fn three_nodes_where_one_is_late() {
    assert!(count(3, 0, 0, 0, 1) > 100_000);
}

#[test]
#[ignore = "takes minutes: eight million states"]
fn three_nodes_where_one_fails_and_one_dies() {
    assert!(count(3, 1, 1, 0, 0) > 1_000_000);
}
