//! Stopping, suspending and trying again, table by table.

use std::collections::BTreeSet;

use serde_json::json;
use sky_crd::{
    condition::{ConditionType, is_true},
    task::TaskPhase,
};

use super::{
    fixture::{apply, at, collect_garbage, policy},
    invalid, is_finished,
    restart_tests::{begun, fail},
    validate,
    world::World,
};
use crate::plan::Write;

/// How far a task has come when something is asked of it.
#[derive(Clone, Copy, Debug)]
enum Step {
    New,
    Created,
    CreatedUnrecorded,
    Running,
    HalfDone,
    Done,
}

const STEPS: [Step; 6] = [Step::New, Step::Created, Step::CreatedUnrecorded, Step::Running, Step::HalfDone, Step::Done];

/// A task of two nodes that has come so far.
fn at_step(step: Step) -> World {
    let mut world = World::new(2);
    if matches!(step, Step::New) {
        return world;
    }
    world.pass(0);
    match step {
        Step::New | Step::Created => {}
        // The operator went away after it had created the Jobs.
        Step::CreatedUnrecorded => world.task.status = World::new(2).task.status,
        Step::Running => {
            world.running(0, 1);
            world.running(1, 1);
            world.pass(1);
        }
        Step::HalfDone => {
            world.ended(0, 0, 1);
            world.job_is_over(0, "Complete");
            world.running(1, 1);
            world.pass(3);
            world.pass(5);
        }
        Step::Done => {
            world.ended(0, 0, 1);
            world.ended(1, 0, 1);
            world.job_is_over(0, "Complete");
            world.job_is_over(1, "Complete");
            world.pass(1);
        }
    }
    world
}

fn holds(world: &World, kind: ConditionType) -> bool {
    is_true(&world.status().conditions, kind)
}

#[test]
fn a_task_that_is_stopped_at_any_step_leaves_nothing_running_and_never_runs_again() {
    for step in STEPS {
        let mut world = at_step(step);
        world.set(&json!({"stop": true}));
        world.settle(10);
        let (phase, jobs) = match step {
            Step::Done => (TaskPhase::Succeeded, 2),
            Step::HalfDone => (TaskPhase::Stopped, 1),
            _ => (TaskPhase::Stopped, 0),
        };
        assert_eq!((world.status().phase, world.jobs().len()), (Some(phase), jobs), "{step:?}");
        assert!(is_finished(world.status()) && !holds(&world, ConditionType::Reconciling), "{step:?}");
        assert_eq!(holds(&world, ConditionType::Complete), phase == TaskPhase::Succeeded, "{step:?}");
        assert!(holds(&world, ConditionType::Ready) && !holds(&world, ConditionType::Stalled), "{step:?}");
        assert!(!holds(&world, ConditionType::Failed), "{step:?}");
        // What has been stopped is over, but no longer what is asked for.
        world.set(&json!({"stop": false}));
        world.settle(99);
        assert_eq!((world.status().phase, world.jobs().len()), (Some(phase), jobs), "{step:?}");
        assert_eq!(holds(&world, ConditionType::Stalled), phase == TaskPhase::Stopped, "{step:?}");
        assert_eq!(holds(&world, ConditionType::Ready), phase == TaskPhase::Succeeded, "{step:?}");
        assert!(world.plan(199).is_empty(), "{step:?}");
    }
}

#[test]
fn a_task_that_is_suspended_has_no_jobs_and_resumes_as_a_new_attempt() {
    for step in STEPS {
        let mut world = at_step(step);
        world.set(&json!({"suspend": true}));
        world.settle(10);
        if matches!(step, Step::Done) {
            assert!(is_finished(world.status()));
            continue;
        }
        // The log of a node that had succeeded is kept.
        assert_eq!(world.jobs().len(), usize::from(matches!(step, Step::HalfDone)), "{step:?}");
        assert!(holds(&world, ConditionType::Suspended) && holds(&world, ConditionType::Ready), "{step:?}");
        assert!(!holds(&world, ConditionType::Reconciling) && !is_finished(world.status()), "{step:?}");
        assert!(world.plan(500).is_empty(), "{step:?}");
        world.set(&json!({"suspend": false}));
        world.settle(20);
        let suffix = if matches!(step, Step::New) { "" } else { "-r1" };
        let name = |index: u32| format!("job-0123abcd-node-{index}{suffix}");
        assert!((0..2).all(|index| world.jobs().contains(&name(index))), "{step:?}: {:?}", world.jobs());
        assert_eq!(world.status().phase, Some(TaskPhase::Pending), "{step:?}");
        assert!(!holds(&world, ConditionType::Suspended), "{step:?}");
    }
}

#[test]
fn a_suspended_task_can_be_stopped() {
    let mut world = at_step(Step::Running);
    world.set(&json!({"suspend": true}));
    world.settle(10);
    world.set(&json!({"stop": true}));
    world.settle(20);
    assert_eq!(world.status().phase, Some(TaskPhase::Stopped));
}

#[test]
fn a_stop_beats_a_suspension_that_is_under_way() {
    let mut world = at_step(Step::Running);
    world.set(&json!({"suspend": true}));
    world.pass(10);
    world.pass(10);
    world.set(&json!({"stop": true}));
    world.settle(20);
    assert_eq!((world.status().phase, world.jobs().len()), (Some(TaskPhase::Stopped), 0));
}

#[test]
fn what_was_told_to_end_ends_even_if_it_is_taken_back() {
    let mut world = at_step(Step::Running);
    world.set(&json!({"stop": true}));
    world.pass(10);
    world.set(&json!({"stop": false}));
    world.settle(20);
    assert_eq!(world.status().phase, Some(TaskPhase::Stopped));
}

#[test]
fn nothing_is_concluded_from_an_absence_that_only_a_cache_knows() {
    let mut world = at_step(Step::New);
    world.set(&json!({"stop": true}));
    world.pass(1);
    assert!(world.plan(1).doubt);
}

#[test]
fn a_job_that_comes_late_is_removed() {
    let mut world = at_step(Step::Running);
    let late = world.observed.jobs.clone();
    world.set(&json!({"stop": true}));
    world.settle(10);
    world.observed.jobs = late;
    for job in &mut world.observed.jobs {
        job.metadata.uid = Some("uid-of-a-late-create".to_owned());
    }
    world.settle(20);
    assert_eq!(world.jobs().len(), 0);
    assert_eq!(world.status().completion_time.as_ref().unwrap().0, at(10));
}

#[test]
fn the_time_of_a_task_runs_from_its_first_container_and_not_while_it_is_suspended() {
    let mut world = begun(&json!({"activeDeadlineSeconds": 100}));
    world.settle(50);
    assert!(world.plan(60).requeue.unwrap().as_secs() > 100, "it has not run yet");
    world.running(0, 100);
    world.running(1, 100);
    world.pass(100);
    assert_eq!(world.plan(130).requeue.unwrap().as_secs(), 70);
    world.set(&json!({"suspend": true}));
    world.settle(150);
    assert!(world.plan(5000).is_empty());
    world.set(&json!({"suspend": false}));
    world.settle(1000);
    assert_eq!(world.status().paused_seconds, Some(850));
    assert_eq!(world.plan(1010).requeue.unwrap().as_secs(), 40);
    world.settle(1051);
    let status = world.status();
    assert_eq!((status.phase, status.exit_code), (Some(TaskPhase::Failed), None));
    assert_eq!(status.failure.as_ref().unwrap().reason, "DeadlineExceeded");
    assert!(is_finished(status) && holds(&world, ConditionType::Failed) && world.jobs().is_empty());
}

#[test]
fn a_task_whose_nodes_do_not_all_start_in_time_has_failed() {
    let mut world = World::with(2, &json!({"startDeadlineSeconds": 30}));
    world.task.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    world.pass(0);
    world.running(0, 10);
    world.pass(10);
    assert_eq!(world.plan(12).requeue.unwrap().as_secs(), 18);
    world.settle(30);
    assert_eq!(world.status().failure.as_ref().unwrap().reason, "StartDeadlineExceeded");
    assert!(is_finished(world.status()));
}

#[test]
fn after_its_time_a_finished_task_is_a_record_and_then_nothing() {
    let mut world = at_step(Step::Done);
    world.set(&json!({"ttlSecondsAfterFinished": 100, "retainSeconds": 1000}));
    assert_eq!(world.plan(51).requeue.unwrap().as_secs(), 50);
    world.settle(101);
    assert_eq!((world.jobs().len(), world.status().phase), (0, Some(TaskPhase::Succeeded)));
    assert_eq!(world.status().cleaned_up_time.as_ref().unwrap().0, at(101));
    assert!(world.plan(200).is_empty());
    assert_eq!(world.plan(200).requeue.unwrap().as_secs(), 801);
    assert!(matches!(world.plan(1001).writes[..], [Write::DeleteTask { .. }]));
}

/// Also those of attempts in the middle, whose scripts nobody has any more.
#[test]
fn after_its_time_no_scripts_of_any_attempt_are_left() {
    let script = |word: &str| json!({"run": format!("{}echo {word}", "# filler\n".repeat(1000))});
    let mut world = World::with(1, &json!({"updatePolicy": "Rerun"}));
    let mut made = BTreeSet::new();
    for (attempt, word) in ["one", "two", "three"].into_iter().enumerate() {
        world.set(&script(word));
        let second = i64::try_from(attempt).unwrap() * 10;
        let is_made = |write: &Write| match write {
            Write::CreateScripts(map) => map.metadata.name.clone(),
            _ => None,
        };
        if attempt > 0 {
            world.pass(second);
        }
        made.extend(world.plan(second).writes.iter().filter_map(is_made));
        world.settle(second);
        world.ended(0, 0, second + 1);
        world.job_is_over(0, "Complete");
        world.settle(second + 2);
    }
    assert_eq!(made.len(), 3);
    world.set(&json!({"ttlSecondsAfterFinished": 0}));
    world.observed.jobs_are_live = true;
    let deleted = world.plan(100).writes.into_iter().find_map(|write| match write {
        Write::DeleteExtras { scripts, .. } => Some(scripts),
        _ => None,
    });
    assert_eq!(deleted.unwrap().into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn a_finished_task_takes_note_of_a_change_and_does_nothing() {
    let mut world = at_step(Step::Done);
    let before = world.status().clone();
    world.task.metadata.generation = Some(2);
    world.settle(10);
    let after = world.status();
    assert_eq!(after.observed_generation, Some(2));
    assert!(after.conditions.iter().all(|condition| condition.observed_generation == Some(2)));
    assert_eq!((&after.nodes, &after.completion_time), (&before.nodes, &before.completion_time));
}

/// Everything that the task has ended with is told in `attempts`, and the next run begins.
fn runs_again(world: &World, attempt: u32, reason: &str) {
    let status = world.status();
    assert_eq!((status.attempt, status.phase), (Some(attempt), Some(TaskPhase::Pending)), "{status:#?}");
    assert_eq!(status.attempts.last().unwrap().reason, reason);
    assert_eq!((&status.failure, &status.exit_code, &status.start_time), (&None, &None, &None));
    assert!(!is_finished(status) && holds(world, ConditionType::Reconciling));
    assert_eq!(world.jobs().iter().filter(|name| name.ends_with(&format!("-r{attempt}"))).count(), 2);
}

#[test]
fn a_new_token_runs_a_task_again_whatever_it_has_come_to() {
    for step in STEPS {
        let mut world = at_step(step);
        if !matches!(step, Step::New) {
            world.pass(6);
            world.set(&json!({"runToken": "2"}));
            world.settle(10);
            match step {
                Step::Done => runs_again(&world, 1, "Succeeded"),
                _ => runs_again(&world, 1, "Rerun"),
            }
            world.set(&json!({"runToken": null}));
            world.settle(20);
            assert!(world.status().attempt <= Some(1), "a token that is taken away is no new one");
        }
    }
}

#[test]
fn a_changed_script_runs_again_as_the_policy_says() {
    for (policy, step, again) in [
        ("Reject", Step::Running, false),
        ("Reject", Step::Done, false),
        ("NextRestart", Step::Running, false),
        ("NextRestart", Step::Done, false),
        ("Rerun", Step::Running, true),
        ("Rerun", Step::Done, true),
    ] {
        let mut world = at_step(step);
        world.set(&json!({"run": "echo other", "updatePolicy": policy}));
        world.settle(10);
        assert_eq!(world.status().attempt, Some(u32::from(again)), "{policy} {step:?}");
        assert!(world.plan(11).is_empty());
        world.set(&json!({"maxRestarts": 1, "envs": {}, "updatePolicy": policy}));
        world.settle(20);
        assert_eq!(world.status().attempt, Some(u32::from(again)), "{policy} {step:?}: nothing else has changed");
    }
}

#[test]
fn the_next_attempt_takes_a_change_over() {
    let mut world = World::with(2, &json!({"maxRestarts": 1, "updatePolicy": "NextRestart"}));
    world.pass(0);
    let first = world.status().run_hash.clone();
    world.set(&json!({"run": "echo other", "numNodes": 3}));
    world.settle(5);
    assert_eq!((world.status().attempt, world.jobs().len(), &world.status().run_hash), (Some(0), 2, &first));
    fail(&mut world, 7, 10);
    world.settle(100);
    assert_eq!((world.status().attempt, world.status().nodes.len()), (Some(1), 3));
    assert_ne!(world.status().run_hash, first);
    assert_eq!(world.status().restarts, Some(1));
}

#[test]
fn a_finished_task_does_not_run_again_because_of_what_an_older_operator_did_not_record() {
    let mut world = at_step(Step::Done);
    let status = world.task.status.as_mut().unwrap();
    (status.run_hash, status.run_token) = (None, None);
    world.set(&json!({"run": "echo other", "updatePolicy": "Rerun", "runToken": "1"}));
    assert!(world.plan(99).is_empty());
}

#[test]
fn a_task_that_serves_is_healthy_from_its_start_to_its_first_failure() {
    let mut world = World::with(2, &json!({"healthyWhen": "Started"}));
    world.pass(0);
    world.running(0, 1);
    world.pass(1);
    world.pass(3);
    assert!(!holds(&world, ConditionType::Ready));
    world.running(1, 4);
    world.pass(4);
    assert!(holds(&world, ConditionType::Ready) && !holds(&world, ConditionType::Reconciling));
    world.ended(0, 1, 5);
    world.pass(5);
    assert!(!holds(&world, ConditionType::Ready));
}

#[test]
fn what_runs_is_ended_before_a_change_that_can_never_run_is_told() {
    let mut world = begun(&json!({"updatePolicy": "Rerun"}));
    world.set(&json!({"resources": {"cpus": "many"}}));
    let error = validate(&world.task, &policy()).unwrap_err();
    let deletes = invalid(&world.task, &error, &world.observed, at(5));
    assert_eq!((deletes.writes.len(), &deletes.status), (2, &None));
    apply(&mut world.observed, &deletes);
    assert!(invalid(&world.task, &error, &world.observed, at(5)).is_empty(), "it waits for them to go");
    collect_garbage(&mut world.observed);
    assert!(invalid(&world.task, &error, &world.observed, at(6)).doubt);
    world.observed.jobs_are_live = true;
    let told = invalid(&world.task, &error, &world.observed, at(6)).status.unwrap();
    assert!(is_finished(&told) && told.failure.unwrap().reason == "InvalidSpec");
}
