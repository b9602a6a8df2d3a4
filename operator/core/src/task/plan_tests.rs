//! The planner, table by table.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use sky_crd::{
    condition::{ConditionType, Reason, is_true},
    task::{NodePhase, TaskPhase},
};

use super::{
    Warning,
    fixture::{apply, at, stored},
    is_finished,
    world::{World, job_names},
};
use crate::plan::{Refusal, Write};

#[test]
fn a_new_task_gets_service_and_jobs_in_rank_order() {
    let first = World::new(3).plan(0);
    assert!(matches!(first.writes[..2], [Write::CreateNetwork { .. }, Write::CreateJob(_)]));
    assert_eq!(job_names(&first), ["job-0123abcd-node-0", "job-0123abcd-node-1", "job-0123abcd-node-2"]);
    assert_eq!(first.status, None);
}

#[test]
fn two_nodes_that_move_together_cost_three_patches() {
    let mut world = World::new(2);
    world.pass(0);
    world.running(0, 1);
    assert!(world.pass(1).held_back);
    world.running(1, 1);
    world.pass(1);
    assert_eq!((world.patches, world.status().phase), (2, Some(TaskPhase::Running)));
    world.ended(0, 0, 5);
    assert!(world.pass(5).held_back);
    world.ended(1, 0, 5);
    world.pass(5);
    assert_eq!((world.patches, world.status().phase), (3, Some(TaskPhase::Succeeded)));
    assert!(is_finished(world.status()));
    assert_eq!(world.status().exit_code, Some(0));
    assert!(world.plan(99).is_empty());
}

#[test]
fn one_node_that_runs_alone_is_recorded_within_a_second() {
    let mut world = World::new(2);
    world.pass(0);
    world.running(0, 1);
    world.pass(1);
    world.pass(2);
    let status = world.status();
    assert_eq!((status.running_nodes, status.pending_nodes), (Some(1), Some(1)));
    assert_eq!(status.nodes[0].pod.as_deref(), Some("job-0123abcd-node-0-abcde"));
}

#[test]
fn the_first_failure_is_told_at_once_and_the_end_when_all_have_ended() {
    let mut world = World::new(2);
    world.pass(0);
    world.ended(1, 7, 3);
    let told = world.pass(3);
    assert_eq!(told.notes[0].message, "node-1: run ended with exit code 7: see the log");
    let status = world.status().clone();
    assert_eq!((status.phase, status.exit_code), (Some(TaskPhase::Failed), Some(7)));
    assert!(is_true(&status.conditions, ConditionType::Failed) && !is_finished(&status));
    world.ended(0, 0, 4);
    world.pass(4);
    assert!(is_finished(world.status()) && is_true(&world.status().conditions, ConditionType::Stalled));
    assert_eq!(world.status().failure, status.failure);
}

#[test]
fn a_job_that_is_gone_after_it_was_recorded_is_a_failure_and_never_made_again() {
    let mut world = World::new(2);
    world.pass(0);
    world.observed.jobs.remove(0);
    let next = world.pass(1);
    assert!(next.writes.is_empty());
    assert_eq!(world.status().failure.as_ref().unwrap().reason, "JobDeleted");
}

#[test]
fn a_job_that_is_gone_before_all_were_recorded_is_made_again() {
    let mut world = World::new(2);
    let first = world.plan(0);
    apply(&mut world.observed, &first);
    world.observed.jobs.remove(1);
    assert_eq!(job_names(&world.plan(0)), ["job-0123abcd-node-1"]);
}

#[test]
fn what_a_refusal_leaves_undone_is_waited_for_with_its_words() {
    let mut world = World::new(2);
    let message = "jobs.batch is forbidden: exceeded quota".to_owned();
    world.observed.refusal = Some(Refusal { reason: Reason::Refused, message: message.clone() });
    world.pass(0);
    let status = world.status();
    let step = "ask for less or for what is allowed there, or ask the administrator to raise the limit";
    assert_eq!(status.pending.as_ref().unwrap().message, format!("{message}: {step}"));
    assert!(is_true(&status.conditions, ConditionType::Stalled) && !is_finished(status));
    assert!(world.pass(1).is_empty());
    world.observed.refusal = None;
    assert_eq!(job_names(&world.plan(2)).len(), 2);
}

#[test]
fn a_task_waits_for_its_volume() {
    let mut world = World::new(1);
    world.task.spec.volumes = serde_json::from_value(json!([{"mountPath": "/data", "name": "data"}])).unwrap();
    let waiting = world.pass(0);
    assert!(waiting.writes.is_empty());
    assert_eq!(world.status().pending.as_ref().unwrap().reason, "VolumeNotFound");
    let claim = json!({"metadata": {"name": "data", "namespace": "ns"}});
    world.observed.claims = vec![serde_json::from_value(claim).unwrap()];
    assert_eq!(job_names(&world.plan(1)).len(), 1);
    let foreign = json!({"metadata": {"name": "data", "namespace": "ns", "labels": {"username": "bob"}}});
    world.observed.claims = vec![serde_json::from_value(foreign).unwrap()];
    world.pass(2);
    world.pass(4);
    assert_eq!(world.status().pending.as_ref().unwrap().reason, "VolumeForbidden");
}

#[test]
fn a_task_waits_for_its_secrets_and_says_so_when_they_do_not_come_at_once() {
    let mut world = World::new(1);
    world.task.metadata.creation_timestamp = Some(Time(at(0)));
    world.observed.absent_secrets = vec!["token".to_owned()];
    let soon = world.pass(1);
    assert!(soon.is_empty() && soon.requeue.unwrap().as_millis() == 250, "{soon:?}");
    let later = world.pass(8);
    assert_eq!((later.notes[0].reason, later.requeue.unwrap().as_secs()), (Reason::SecretNotFound, 2));
    let message = "the Secret token does not exist in the namespace ns: create it, and the task goes on by itself";
    assert_eq!(world.status().pending.as_ref().unwrap().message, message);
    assert_eq!(world.pass(600).requeue.unwrap().as_secs(), 15);
    world.observed.absent_secrets.clear();
    world.pass(601);
    assert_eq!((world.status().nodes.len(), &world.status().pending), (1, &None));
}

#[test]
fn a_foreign_job_of_the_right_name_is_not_ours() {
    let mut world = World::new(1);
    let first = world.plan(0);
    apply(&mut world.observed, &first);
    world.observed.jobs[0].metadata.owner_references.as_mut().unwrap()[0].uid = "another".to_owned();
    assert_eq!(job_names(&world.plan(0)), ["job-0123abcd"]);
}

#[test]
fn a_final_node_stays_final_whatever_an_older_cache_says() {
    let mut world = World::new(2);
    world.pass(0);
    world.ended(0, 3, 2);
    world.pass(2);
    world.running(0, 1);
    world.running(1, 1);
    world.pass(3);
    assert_eq!(world.status().nodes[0].phase, NodePhase::Failed);
}

#[test]
fn ends_are_explained() {
    let terminated = |code: i32, reason: &str, message: &str| json!({"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": at(1).to_string()}});
    let no_shell = r#"exec: "sh": executable file not found in $PATH"#;
    for (state, reason, code) in [
        (terminated(7, "Error", "last line"), "RunFailed", 7),
        (terminated(137, "OOMKilled", ""), "OOMKilled", 137),
        (terminated(3, "Error", r#"{"phase":"setup","exitCode":3}"#), "SetupFailed", 3),
        (terminated(128, "StartError", no_shell), "NoShell", 128),
        (terminated(128, "StartError", "permission denied"), "StartFailed", 128),
        (terminated(143, "Error", ""), "RunFailed", 143),
    ] {
        let mut world = World::new(1);
        world.pass(0);
        world.set_pod(0, "Failed", state);
        world.pass(1);
        let failure = world.status().failure.clone().unwrap();
        assert_eq!((failure.reason.as_str(), failure.exit_code), (reason, Some(code)));
    }
}

/// What an agent leaves behind on a node that it has ended because of node `peer`.
fn ended_by(world: &mut World, index: usize, peer: &str, second: i64) {
    let message = format!(r#"{{"phase":"run","exitCode":137,"peer":{peer}}}"#);
    let end = json!({"exitCode": 137, "reason": "Error", "message": message, "finishedAt": at(second).to_string()});
    world.set_pod(index, "Failed", json!({"terminated": end}));
}

const FAILED_1: &str = r#"1,"peerState":"failed","peerPhase":"run","peerExitCode":7"#;

#[test]
fn the_failure_is_that_of_the_node_that_failed_by_itself_in_whatever_order_they_end() {
    for culprit_first in [true, false] {
        let mut world = World::new(3);
        world.pass(0);
        for step in [culprit_first, !culprit_first] {
            if step {
                world.ended(1, 7, 5);
            } else {
                ended_by(&mut world, 0, FAILED_1, 3);
                ended_by(&mut world, 2, FAILED_1, 3);
            }
            world.pass(6);
            let status = world.status();
            let failure = status.failure.as_ref().unwrap();
            assert_eq!((failure.node, failure.exit_code, failure.reason.as_str()), (Some(1), Some(7), "RunFailed"));
            assert_eq!(failure.message, "node-1: run ended with exit code 7: see the log");
            assert_eq!((status.phase, status.exit_code), (Some(TaskPhase::Failed), Some(7)));
        }
        assert!(is_finished(world.status()));
        let ended = &world.status().nodes[2];
        assert_eq!((ended.exit_code, ended.reason.as_deref()), (Some(137), Some("PeerFailed")));
        assert_eq!(ended.message.as_deref(), Some("ended because of node-1: run ended with exit code 7"));
    }
}

#[test]
fn what_a_node_itself_tells_of_its_end_replaces_what_its_peers_say() {
    let mut world = World::new(2);
    world.pass(0);
    world.running(1, 1);
    world.observed.pods[0].spec = serde_json::from_value(json!({"nodeName": "m", "containers": []})).unwrap();
    ended_by(&mut world, 0, r#"1,"peerState":"lost""#, 3);
    world.pass(3);
    let failure = world.status().failure.as_ref().unwrap();
    let said = "node-1: the machine m was lost: its peers have lost contact with it";
    assert!(failure.reason == "NodeLost" && failure.message.starts_with(said), "{failure:#?}");
    let end = json!({"exitCode": 137, "reason": "OOMKilled", "finishedAt": at(1).to_string()});
    world.set_pod(1, "Failed", json!({"terminated": end}));
    world.pass(5);
    let failure = world.status().failure.as_ref().unwrap();
    assert_eq!((failure.node, failure.reason.as_str()), (Some(1), "OOMKilled"));
}

/// Nobody waits for a node that has not started; the others end by themselves, and their logs stay.
#[test]
fn when_a_node_has_failed_the_operator_ends_those_that_cannot_know() {
    let deletes = |world: &World, second: i64| {
        let writes = world.plan(second).writes;
        writes.iter().filter(|write| matches!(write, Write::DeleteJob { .. })).count()
    };
    let mut world = World::new(3);
    world.pass(0);
    world.running(0, 1);
    world.pass(2);
    world.ended(1, 7, 5);
    world.pass(5);
    assert_eq!((deletes(&world, 94), &world.status().ending), (0, &None), "node 0 has time to end by itself");
    let wait = world.plan(10).requeue.unwrap();
    assert_eq!(wait.as_secs(), 85, "15 s to lose a peer, twice, 30 s of grace and 30 s to report, from second 5 on");
    world.pass(95);
    assert_eq!(world.status().ending.as_ref().unwrap().reason, "PeerFailed");
    assert_eq!(deletes(&world, 96), 2);
    let mut world = World::new(2);
    world.pass(0);
    world.ended(1, 7, 5);
    world.pass(5);
    assert_eq!(world.plan(10).requeue.unwrap().as_secs(), 25, "node 0 does not run: once that is certain");
    world.pass(35);
    assert_eq!((deletes(&world, 36), world.status().exit_code), (1, Some(7)));
    world.job_is_over(1, "Failed");
    world.settle(37);
    let status = world.status();
    assert!(is_finished(status) && status.phase == Some(TaskPhase::Failed) && status.exit_code == Some(7));
    assert_eq!(status.nodes[0].reason.as_deref(), Some("PeerFailed"));
}

/// A network that was cut in two: each has ended because of the other.
#[test]
fn nodes_that_have_lost_each_other_still_have_a_failure() {
    let mut world = World::new(2);
    world.pass(0);
    ended_by(&mut world, 0, r#"1,"peerState":"lost""#, 3);
    ended_by(&mut world, 1, r#"0,"peerState":"lost""#, 4);
    world.pass(5);
    let failure = world.status().failure.as_ref().unwrap();
    assert_eq!((failure.node, failure.reason.as_str()), (Some(1), "NodeLost"));
    assert!(is_finished(world.status()));
}

#[test]
fn exit_code_0_of_a_disrupted_pod_is_no_success() {
    let mut world = World::new(1);
    world.pass(0);
    world.ended(0, 0, 1);
    let condition = json!([{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]);
    world.observed.pods[0].status.as_mut().unwrap().conditions = serde_json::from_value(condition).unwrap();
    world.pass(1);
    assert_eq!(world.status().failure.as_ref().unwrap().reason, "Disrupted");
}

#[test]
fn a_job_tells_the_end_of_a_pod_that_is_gone() {
    for (kind, message, phase, code) in [
        ("Complete", "", TaskPhase::Succeeded, Some(0)),
        (
            "Failed",
            "Container task for pod ns/x failed with exit code 9 matching FailJob rule at index 1",
            TaskPhase::Failed,
            Some(9),
        ),
        ("Failed", "Pod ns/x has condition DisruptionTarget matching FailJob rule at index 0", TaskPhase::Failed, None),
    ] {
        let mut world = World::new(1);
        world.pass(0);
        let status = json!({"conditions": [{"type": kind, "status": "True", "message": message, "lastTransitionTime": at(9).to_string()}]});
        world.observed.jobs[0].status = serde_json::from_value(status).unwrap();
        world.pass(9);
        assert_eq!((world.status().phase, world.status().exit_code), (Some(phase), code), "{message}");
    }
}

#[test]
fn waiting_pods_say_why() {
    let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "m"}});
    for (reason, expected) in [
        ("ErrImagePull", Some("ImagePull")),
        ("ImagePullBackOff", Some("ImagePull")),
        ("InvalidImageName", Some("ImagePull")),
        ("CreateContainerConfigError", Some("StartFailed")),
        ("ContainerCreating", None),
        ("PodInitializing", None),
    ] {
        let mut world = World::new(1);
        world.pass(0);
        world.set_pod(0, "Pending", waiting(reason));
        world.pass(1);
        world.pass(3);
        assert_eq!(world.status().pending.as_ref().map(|pending| pending.reason.as_str()), expected, "{reason}");
    }
}

#[test]
fn what_only_events_tell_is_told() {
    let warning = |about: &str, reason: &str| Warning {
        about: about.to_owned(),
        reason: reason.to_owned(),
        message: "words".to_owned(),
        at: at(1),
    };
    let mut world = World::new(1);
    world.pass(0);
    world.observed.warnings = vec![warning("job-0123abcd", "FailedCreate"), warning("other", "FailedCreate")];
    world.pass(1);
    world.pass(3);
    let pending = world.status().pending.clone().unwrap();
    assert_eq!((pending.reason.as_str(), pending.message.starts_with("node-0: words: ask")), ("Refused", true));
    world.set_pod(0, "Pending", json!({"waiting": {"reason": "ContainerCreating"}}));
    world.observed.warnings.push(warning("job-0123abcd-abcde", "FailedMount"));
    world.pass(4);
    world.pass(6);
    assert_eq!(world.status().pending.as_ref().unwrap().reason, "MountFailed");
    world.running(0, 7);
    world.pass(7);
    assert_eq!(world.status().pending, None);
}

#[test]
fn an_adopted_job_counts_as_made() {
    let mut world = World::new(2);
    let writes = world.plan(0).writes;
    let Write::CreateJob(job) = &writes[1] else { panic!("Service and token come first") };
    world.observed.jobs.push(stored(job));
    assert_eq!(job_names(&world.plan(0)), ["job-0123abcd-node-1"]);
}

#[test]
fn a_node_that_ran_does_not_wait_again_when_its_pod_goes() {
    let mut world = World::new(1);
    world.pass(0);
    world.running(0, 1);
    world.pass(1);
    world.observed.pods.clear();
    assert!(world.pass(2).is_empty());
    assert_eq!(world.status().phase, Some(TaskPhase::Running));
}

#[test]
fn a_recorded_job_that_a_cache_does_not_have_must_be_asked_for() {
    let mut world = World::new(2);
    world.pass(0);
    assert_eq!(world.observed.unseen(world.status()).count(), 0);
    world.observed.jobs.remove(1);
    let unseen: Vec<_> = world.observed.unseen(world.status()).map(|node| node.index).collect();
    assert_eq!(unseen, [1]);
}
