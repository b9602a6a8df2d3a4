//! A failed attempt, and those that follow it.

use serde_json::{Value, json};
use sky_crd::task::TaskPhase;

use super::{is_finished, world::World};

/// Node 0 of two fails with this code.
pub(super) fn fail(world: &mut World, code: i32, second: i64) {
    world.running(1, second);
    world.ended(0, code, second);
    world.job_is_over(0, "Failed");
    world.settle(second);
}

/// The other is ended by its agent, and everything follows its course.
fn follow(world: &mut World, code: i32, second: i64) {
    world.ended_by_peer(1, 0, code, second);
    world.settle(second);
    world.settle(second + 1);
}

/// A task of two nodes that has its Jobs.
pub(super) fn begun(fields: &Value) -> World {
    let mut world = World::with(2, fields);
    world.pass(0);
    world
}

#[test]
fn a_failed_attempt_is_followed_by_another_of_all_nodes_until_the_limit() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    fail(&mut world, 7, 9);
    assert_eq!((world.status().phase, world.jobs().len()), (Some(TaskPhase::Running), 2), "it ends by itself");
    follow(&mut world, 7, 10);
    let status = world.status();
    assert_eq!((status.attempt, status.restarts, status.phase), (Some(1), Some(1), Some(TaskPhase::Pending)));
    assert_eq!(status.pending.as_ref().unwrap().reason, "Restarting");
    let first = &status.attempts[0];
    assert_eq!((first.attempt, first.reason.as_str(), first.exit_code), (0, "RunFailed", Some(7)));
    // Both Jobs are kept for their logs.
    assert_eq!(world.jobs(), ["job-0123abcd-node-0", "job-0123abcd-node-1"]);
    // It waits, and says when to look again.
    assert!(world.plan(11).requeue.unwrap().as_secs() <= 5);
    assert!(world.plan(11).is_empty());
    world.settle(30);
    assert!(world.jobs().contains(&"job-0123abcd-node-0-r1".to_owned()));
    fail(&mut world, 8, 40);
    let status = world.status();
    assert_eq!((status.phase, status.exit_code, status.attempt), (Some(TaskPhase::Failed), Some(8), Some(1)));
    assert!(!is_finished(status), "the other node still runs");
    world.ended(1, 0, 50);
    world.settle(50);
    assert!(is_finished(world.status()) && world.plan(999).is_empty());
}

#[test]
fn the_node_that_failed_keeps_its_job_when_its_peer_is_the_first_to_be_heard_of() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    world.running(0, 1);
    world.ended_by_peer(1, 0, 7, 10);
    world.settle(11);
    assert_eq!(world.jobs().len(), 2);
    world.ended(0, 7, 10);
    world.job_is_over(0, "Failed");
    world.settle(12);
    assert_eq!((world.jobs().len(), world.status().attempts[0].exit_code), (2, Some(7)));
}

/// On several machines a short run can be over before its kubelet has said that it began.
#[test]
fn a_node_that_is_not_heard_of_yet_keeps_its_job_and_its_log() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    world.set_pod(0, "Pending", json!({"waiting": {"reason": "PodInitializing"}}));
    world.ended_by_peer(1, 0, 7, 10);
    world.settle(11);
    assert_eq!(world.jobs().len(), 2, "it may be the one that failed");
    assert!(world.plan(11).requeue.unwrap().as_secs() <= 30);
    world.ended(0, 7, 10);
    world.job_is_over(0, "Failed");
    world.settle(12);
    assert_eq!((world.jobs().len(), world.status().attempts[0].exit_code), (2, Some(7)));
}

#[test]
fn a_node_that_is_never_heard_of_keeps_nobody_waiting_for_long() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    world.set_pod(0, "Pending", json!({"waiting": {"reason": "PodInitializing"}}));
    world.ended_by_peer(1, 0, 7, 10);
    world.settle(11);
    world.settle(45);
    assert_eq!(world.status().attempt, Some(1));
}

#[test]
fn a_node_that_cannot_start_is_not_waited_for() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    world.unplaced(0);
    world.ended(1, 7, 10);
    world.job_is_over(1, "Failed");
    world.settle(11);
    assert_eq!(world.jobs(), ["job-0123abcd-node-1"]);
}

#[test]
fn a_node_that_does_not_end_by_itself_is_ended() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    fail(&mut world, 7, 10);
    let wait = world.plan(11).requeue.unwrap().as_secs();
    assert!((60..=120).contains(&wait), "{wait}");
    world.settle(11 + wait);
    assert_eq!((world.jobs(), world.status().attempt), (vec!["job-0123abcd-node-0".to_owned()], Some(1)));
}

#[test]
fn a_listed_exit_code_is_not_counted_and_old_logs_go_in_the_end() {
    let mut world = begun(&json!({"recoverOnExitCodes": [33]}));
    for round in 0..6 {
        fail(&mut world, 33, 1000 * round + 10);
        follow(&mut world, 33, 1000 * round + 11);
        world.settle(1000 * round + 900);
    }
    let status = world.status();
    assert_eq!((status.attempt, status.restarts, status.attempts.len()), (Some(6), None, 6));
    assert_eq!(world.jobs().len(), 3 * 2 + 2, "the logs of three attempts, and the Jobs of the current one");
    fail(&mut world, 34, 9000);
    assert_eq!(world.status().phase, Some(TaskPhase::Failed));
}

#[test]
fn a_disruption_is_counted_apart() {
    let mut world = begun(&json!({"maxRestarts": 1}));
    for round in 0..2 {
        world.ended(0, 143, 10);
        world.disrupt();
        world.job_is_over(0, "Failed");
        // The other node is heard out first.
        world.settle(1000 * round + 10);
        world.settle(1000 * round + 45);
        world.settle(1000 * round + 900);
    }
    let status = world.status();
    assert_eq!((status.attempt, status.restarts, status.disruptions), (Some(2), None, Some(2)));
    assert_eq!(status.attempts[1].reason, "Disrupted");
}

#[test]
fn no_restart_after_a_stop_nor_after_a_failure_that_was_told() {
    let mut world = begun(&json!({"maxRestarts": 5, "stop": true}));
    world.settle(10);
    assert_eq!((world.status().phase, world.status().attempt), (Some(TaskPhase::Stopped), Some(0)));
    let mut world = begun(&json!({}));
    fail(&mut world, 1, 10);
    world.set(&json!({"maxRestarts": 5}));
    world.settle(20);
    assert_eq!((world.status().phase, world.status().attempt), (Some(TaskPhase::Failed), Some(0)));
}

#[test]
fn a_peer_that_succeeded_long_ago_does_not_shorten_the_time_of_the_others() {
    let mut world = World::with(3, &json!({"maxRestarts": 1}));
    world.pass(0);
    world.running(1, 1);
    world.ended(2, 0, 1);
    world.job_is_over(2, "Complete");
    world.ended(0, 7, 5000);
    world.job_is_over(0, "Failed");
    world.settle(5000);
    assert_eq!((world.status().phase, world.jobs().len()), (Some(TaskPhase::Running), 3), "it ends by itself");
}
