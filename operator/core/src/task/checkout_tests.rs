use kube::ResourceExt as _;
use serde_json::{Value, json};
use sky_crd::task::TaskPhase;

use super::*;
use crate::{
    plan::Write,
    task::{
        fixture::{at, task, valid},
        world::World,
    },
};

const URL: &str = "https://host.test/org/repo";

fn repository() -> Value {
    json!({"workdir": {"git": {"url": URL, "ref": "v1"}}})
}

/// The pod of node 0, whose checkout is in this state and whose own container waits for it.
fn set_checkout(world: &mut World, phase: &str, state: &Value) {
    world.set_pod(0, phase, json!({"waiting": {"reason": "PodInitializing"}}));
    let pod = world.observed.pods.last_mut().unwrap();
    let mut status = json!(pod.status);
    let container =
        json!({"name": CONTAINER, "image": "", "imageID": "", "restartCount": 0, "ready": false, "state": state});
    status["initContainerStatuses"] = json!([container]);
    pod.status = serde_json::from_value(status).unwrap();
}

fn ended(code: i32, reason: &str, said: &str) -> Value {
    json!({"terminated": {"exitCode": code, "reason": reason, "message": said, "finishedAt": at(5).to_string()}})
}

#[test]
fn a_long_checkout_is_told_and_a_short_one_is_not() {
    let mut world = World::with(1, &repository());
    world.settle(0);
    set_checkout(&mut world, "Pending", &json!({"running": {"startedAt": at(1).to_string()}}));
    world.settle(2);
    assert_eq!(world.status().pending, None);
    assert_eq!(world.plan(2).requeue.unwrap().as_secs(), 9, "looks again when it is worth a word");
    world.pass(11);
    world.pass(13);
    let pending = world.status().pending.clone().unwrap();
    assert_eq!(
        (pending.reason.as_str(), pending.message.as_str()),
        ("CheckingOut", "node-0: checking out https://host.test/org/repo at v1")
    );
}

#[test]
fn a_failed_checkout_is_told_with_its_cause() {
    for (code, kind, said, reason, told) in [
        (
            1,
            "Error",
            "fatal: Remote branch v1 not found in upstream origin\n",
            "CheckoutFailed",
            "commit `v1`: correct",
        ),
        (1, "Error", "", "CheckoutFailed", "kubectl describe pod"),
        (128, "StartError", "exec: \"sh\": executable file not found in $PATH", "CheckoutFailed", "--git-image"),
        (137, "OOMKilled", "", "OOMKilled", "resources.memory"),
    ] {
        let mut world = World::with(1, &repository());
        world.settle(0);
        // The container's end is seen before the pod's.
        set_checkout(&mut world, "Pending", &ended(code, kind, said));
        world.settle(6);
        let status = world.status();
        let failure = status.failure.clone().unwrap();
        assert_eq!((failure.reason.as_str(), failure.exit_code), (reason, None), "{said}");
        assert!(failure.message.starts_with("node-0: ") && failure.message.contains(told), "{}", failure.message);
        assert_eq!((status.phase, status.exit_code), (Some(TaskPhase::Failed), None), "no script has ended");
        assert_eq!(status.completion_time.as_ref().unwrap().0, at(5));
    }
}

#[test]
fn a_disruption_is_not_the_checkouts_fault() {
    let mut world = World::with(1, &repository());
    world.settle(0);
    set_checkout(&mut world, "Failed", &ended(137, "Error", ""));
    let pod = world.observed.pods.last_mut().unwrap();
    let mut status = json!(pod.status);
    status["conditions"] = json!([{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]);
    pod.status = serde_json::from_value(status).unwrap();
    world.settle(6);
    assert_eq!(world.status().failure.as_ref().unwrap().reason, "Disrupted");
}

#[test]
fn a_pod_that_is_gone_leaves_the_word_of_its_job() {
    let said =
        "Container sky-workdir for pod ns/job-0123abcd-x failed with exit code 1 matching FailJob rule at index 1";
    let node = failed_by_job(&NodeStatus::default(), said, None).unwrap();
    assert_eq!((node.reason.as_deref(), node.exit_code), (Some("CheckoutFailed"), None));
    assert_eq!(failed_by_job(&NodeStatus::default(), &said.replace("sky-workdir", "task"), None), None);
}

#[test]
fn the_commit_is_recorded() {
    let hash = "a".repeat(40);
    for (said, expected) in [(format!("{hash}\n"), Some(hash.as_str())), ("hello".to_owned(), None)] {
        let mut world = World::with(1, &repository());
        world.settle(0);
        set_checkout(&mut world, "Running", &ended(0, "Completed", &said));
        let pod = world.observed.pods.last_mut().unwrap();
        let mut status = json!(pod.status);
        status["containerStatuses"][0]["state"] = json!({"running": {"startedAt": at(6).to_string()}});
        pod.status = serde_json::from_value(status).unwrap();
        world.settle(7);
        assert_eq!(world.status().nodes[0].commit.as_deref(), expected);
    }
}

/// The token and what says how a host is reached, and nothing that is meant for the task's own image.
#[test]
fn git_gets_the_variables_that_mean_something_to_it() {
    let mut task = task(1);
    task.spec = serde_json::from_value(json!({
        "user": "ann", "run": "x", "workdir": {"git": {"url": "git@host.test:org/repo"}},
        "envs": {"GIT_TOKEN": "lost", "HTTPS_PROXY": "http://proxy:3128/$(X)", "PATH": "/nowhere", "LD_PRELOAD": "x"},
        "secrets": [
            {"name": "GIT_TOKEN", "secretName": "mine", "key": "token"}, {"name": "HF_TOKEN", "secretName": "mine", "key": "hf"},
        ],
    }))
    .unwrap();
    let writes = crate::task::plan(&valid(&task), &crate::task::ObservedTask::default(), at(0)).writes;
    let Some(Write::CreateJob(job)) = writes.into_iter().next_back() else { panic!("a Job") };
    assert!(!job.name_any().is_empty());
    let mut pod = job.spec.unwrap().template.spec.unwrap();
    let init = pod.init_containers.as_mut().unwrap().remove(0);
    let env = json!(init.env);
    let token = json!({"name": "GIT_TOKEN", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "token"}}});
    assert_eq!(env, json!([token, {"name": "HTTPS_PROXY", "value": "http://proxy:3128/$$(X)"}]));
    assert_eq!(init.args.unwrap()[2..], [CONTAINER, "https://host.test/org/repo", "", DIRECTORY]);
    assert_eq!(pod.containers[0].args.as_ref().unwrap().last().unwrap(), DIRECTORY);
}
