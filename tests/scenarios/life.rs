//! Stopping, suspending and starting again, on a real cluster.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret, Service},
};
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use sky_crd::{
    condition::ConditionType,
    task::{SkyTask, TaskPhase},
};
use sky_tests::{
    history::{Change, History},
    space::{Space, condition, reason},
};

async fn set(space: &Space, name: &str, spec: &Value) {
    patch(space, name, spec).await.expect("this may change");
}

async fn patch(space: &Space, name: &str, spec: &Value) -> Result<SkyTask, kube::Error> {
    let patch = Patch::Merge(json!({"spec": spec}));
    space.api::<SkyTask>().patch(name, &PatchParams::default(), &patch).await
}

fn is(task: &SkyTask, phase: TaskPhase) -> bool {
    task.status.as_ref().and_then(|status| status.phase) == Some(phase)
}

fn of_task<'a, K: kube::Resource>(objects: &'a [K], task: &str) -> impl Iterator<Item = &'a K> {
    objects.iter().filter(move |object| object.annotations().get("skytask.dev/task").is_some_and(|of| of == task))
}

/// Names of the Jobs that the task has now.
async fn jobs(space: &Space, task: &str) -> BTreeSet<String> {
    let jobs = space.api::<Job>().list(&Default::default()).await.expect("a list").items;
    of_task(&jobs, task).map(kube::ResourceExt::name_any).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_stopped_at_any_step_leaves_nothing_running_and_runs_nothing_twice() {
    Space::with("stop", 8, async |space| {
        let pods: History<Pod> = History::start(space.api()).await;
        let created: History<Job> = History::start(space.api()).await;
        let script = "trap 'echo bye > /dev/termination-log; exit 0' TERM; echo on; sleep 600 & wait";
        let two = json!({"numNodes": 2, "run": script});
        let mut born_stopped = two.clone();
        born_stopped["stop"] = json!(true);
        space.task("before-all", born_stopped).await;
        space.task("pending", json!({"run": "true", "nodeSelector": {"pool": "nowhere"}})).await;
        space.task("in-setup", json!({"setup": script, "run": "echo never"})).await;
        space.task("running", two.clone()).await;
        space.task("done", json!({"run": "true"})).await;
        space.finished("done").await;
        space
            .when("running", "runs", |task| {
                is(task, TaskPhase::Running) && task.status.as_ref().is_some_and(|s| s.running_nodes == Some(2))
            })
            .await;
        space.when("in-setup", "runs", |task| is(task, TaskPhase::Running)).await;
        space.when("pending", "has a Job", |task| task.status.as_ref().is_some_and(|s| s.pending.is_some())).await;
        for name in ["pending", "in-setup", "running", "done"] {
            set(&space, name, &json!({"stop": true})).await;
        }
        for name in ["before-all", "pending", "in-setup", "running"] {
            let task = space.finished(name).await;
            assert!(is(&task, TaskPhase::Stopped), "{name}: {:#?}", task.status);
            assert!(!condition(&task, ConditionType::Failed) && !condition(&task, ConditionType::Complete), "{name}");
            assert!(condition(&task, ConditionType::Ready), "{name} is what it was asked to be");
            assert_eq!(jobs(&space, name).await, BTreeSet::new(), "{name}");
            let left = space.api::<Pod>().list(&Default::default()).await.expect("a list").items;
            assert_eq!(of_task(&left, name).count(), 0, "{name}");
        }
        assert!(is(&space.finished("done").await, TaskPhase::Succeeded));
        // The scripts were asked, not killed.
        let said = pods.states().iter().any(|pod| json!(pod.status).to_string().contains("bye"));
        assert!(said, "no script has seen SIGTERM");
        for name in ["before-all", "pending", "in-setup", "running", "done"] {
            set(&space, name, &json!({"stop": false})).await;
        }
        space.task("last", json!({"run": "true"})).await;
        space.finished("last").await;
        let all = created.states();
        let mut count =
            |name: &str| of_task(&all, name).filter_map(|job| job.metadata.uid.clone()).collect::<BTreeSet<_>>().len();
        assert_eq!(["before-all", "pending", "in-setup", "running", "done"].map(&mut count), [0, 1, 1, 2, 1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_task_has_no_jobs_and_starts_again_from_the_beginning() {
    Space::with("suspend", 2, async |space| {
        let waiting = json!({"suspend": true, "numNodes": 2, "run": "echo $NODE_RANK; [ -z \"$AGAIN\" ] && sleep 600"});
        space.task("pair", waiting).await;
        let suspended = space.when("pair", "is suspended", |task| condition(task, ConditionType::Suspended)).await;
        assert!(condition(&suspended, ConditionType::Ready) && !condition(&suspended, ConditionType::Reconciling));
        assert_eq!(jobs(&space, "pair").await, BTreeSet::new());
        set(&space, "pair", &json!({"suspend": false})).await;
        let both = |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.running_nodes == Some(2));
        space.when("pair", "runs", both).await;
        set(&space, "pair", &json!({"suspend": true})).await;
        let again = |task: &SkyTask| {
            is(task, TaskPhase::Suspended) && task.status.as_ref().is_some_and(|s| s.attempt == Some(1))
        };
        let suspended = space.when("pair", "is suspended again", again).await;
        assert_eq!(jobs(&space, "pair").await, BTreeSet::new());
        let attempts = suspended.status.expect("a status").attempts;
        assert_eq!((attempts.len(), attempts[0].reason.as_str()), (1, "Suspended"));
        // Where there are several machines, each node may have had one of its own.
        assert!((1..=2).contains(&attempts[0].machines.len()), "{attempts:#?}");
        set(&space, "pair", &json!({"suspend": null})).await;
        let second = |task: &SkyTask| both(task) && task.status.as_ref().is_some_and(|s| s.attempt == Some(1));
        let running = space.when("pair", "runs again", second).await;
        let names: Vec<_> = running.status.expect("a status").nodes.into_iter().filter_map(|node| node.job).collect();
        assert!(names.iter().all(|name| name.ends_with("-r1")), "{names:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_node_restarts_all_nodes_and_the_old_log_stays() {
    Space::with("restart", 5, async |space| {
        let pods: History<Pod> = History::start(space.api()).await;
        let volume = json!([{"mountPath": "/data", "name": "marks"}]);
        space.volume("marks", json!({})).await;
        // The first attempt fails on node 1, once it is told to; the second on nobody.
        let script = "echo attempt; if [ $NODE_RANK = 1 ]; then until [ -e /data/told ]; do sleep 0.2; done; \
                      [ -e /data/mark ] || { touch /data/mark; exit 7; }; else [ -e /data/mark ] || sleep 600; fi";
        space.task("pair", json!({"numNodes": 2, "run": script, "volumes": volume, "maxRestarts": 1})).await;
        // A node that is not known to run when another fails is deleted soon, since nobody may be there to end it.
        space.running("pair").await;
        space.task("tell", json!({"run": "touch /data/told", "volumes": volume})).await;
        let done = space.finished("pair").await;
        let status = done.status.clone().expect("a status");
        assert!(is(&done, TaskPhase::Succeeded), "{status:#?}");
        assert_eq!((status.attempt, status.restarts, status.exit_code), (Some(1), Some(1), Some(0)));
        let first = &status.attempts[0];
        assert_eq!((first.reason.as_str(), first.exit_code), ("RunFailed", Some(7)), "{first:#?}");
        assert_eq!(space.log(&done, 1).await, "attempt\n");
        // The pods of the first attempt are still there, with their logs: the peer was ended by its own agent.
        let (id, kept) = (done.task_id(), jobs(&space, "pair").await);
        assert!([0, 1].iter().all(|node| kept.contains(&format!("pair-{id}-node-{node}"))), "{kept:?}");
        assert!(
            space.tasks.states().iter().all(|task| !is(task, TaskPhase::Failed)),
            "it never was said to have failed"
        );
        let of_pair = pods.states().into_iter().filter(|pod| pod.name_any().starts_with("pair-"));
        assert_eq!(of_pair.filter_map(|pod| pod.uid()).collect::<BTreeSet<_>>().len(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_end_a_task_and_what_is_over_goes_in_time() {
    Space::with("time", 3, async |space| {
        let services: History<Service> = History::start(space.api()).await;
        let tokens: History<Secret> = History::start(space.api()).await;
        space.task("slow", json!({"run": "sleep 600", "activeDeadlineSeconds": 2})).await;
        space.task("nowhere", json!({"run": "true", "nodeSelector": {"pool": "nowhere"}})).await;
        let filler = "# filler\n".repeat(1000);
        // The second attempt succeeds, and has a ConfigMap of its own.
        let run = format!("[ $NODE_RANK = 0 ] || [ -e /data/mark ] || {{ touch /data/mark; exit 7; }}\n{filler}");
        space.volume("marks", json!({})).await;
        let short = json!({
            "numNodes": 2, "run": run, "resources": {"ports": ["8080"]}, "ttlSecondsAfterFinished": 1, "maxRestarts": 1,
            "volumes": [{"mountPath": "/data", "name": "marks"}],
        });
        space.task("record", short).await;
        space.task("gone", json!({"run": "true", "retainSeconds": 1})).await;
        // Not before the scheduler has said why, however long that takes.
        let is_told = |task: &SkyTask| {
            let pending = task.status.as_ref().and_then(|status| status.pending.as_ref());
            pending.is_some_and(|pending| pending.message.contains("node affinity/selector"))
        };
        space.when("nowhere", "waits for a machine", is_told).await;
        set(&space, "nowhere", &json!({"startDeadlineSeconds": 2})).await;

        for (name, expected, word) in [
            ("slow", "DeadlineExceeded", "longer than 2 s"),
            ("nowhere", "StartDeadlineExceeded", "node affinity/selector"),
        ] {
            let task = space.finished(name).await;
            assert_eq!(reason(&task).as_deref(), Some(expected));
            let failure = task.status.expect("a status").failure.expect("a failure");
            assert!(failure.message.contains(word) && failure.message.contains("spec."), "{}", failure.message);
            assert_eq!(jobs(&space, name).await, BTreeSet::new());
        }

        let cleaned = |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.cleaned_up_time.is_some());
        let record = space.when("record", "is cleaned up", cleaned).await;
        assert!(is(&record, TaskPhase::Succeeded) && condition(&record, ConditionType::Ready));
        assert_eq!((services.uids().len(), tokens.uids().len()), (2, 1), "of the nodes and of the ports; one token");
        services.all_gone("the Services").await;
        tokens.all_gone("the token").await;
        let maps = space.api::<ConfigMap>().list(&Default::default()).await.expect("a list").items;
        assert!(maps.iter().all(|map| !map.name_any().ends_with("-scripts")));
        let gone = |changes: &[Change<SkyTask>]| {
            changes.iter().any(|change| matches!(change, Change::Gone(task) if task.name_any() == "gone")).then_some(())
        };
        space.tasks.find("the task without a future", gone).await;
        // The record is left alone.
        assert!(space.api::<SkyTask>().get_opt("record").await.expect("an answer").is_some());
    })
    .await;
}

async fn log_is(space: &Space, task: &SkyTask, line: &str) {
    assert_eq!(Box::pin(space.log(task, 0)).await, format!("{line}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_task_runs_again_only_as_its_policy_says() {
    Space::with("policy", 3, async |space| {
        let filler = "# filler\n".repeat(1000);
        let script = |word: &str| format!("{filler}echo {word}");
        space.task("fixed", json!({"run": script("one")})).await;
        space.task("flexible", json!({"run": script("one"), "updatePolicy": "Rerun"})).await;
        let server = json!({"run": "sleep 600", "updatePolicy": "NextRestart", "healthyWhen": "Started"});
        space.task("server", server).await;
        space.finished("fixed").await;
        log_is(&space, &space.finished("flexible").await, "one").await;
        space.when("server", "is healthy", |task| condition(task, ConditionType::Ready)).await;

        let refused = patch(&space, "fixed", &json!({"run": script("two")})).await.expect_err("refused").to_string();
        assert!(refused.contains("spec.run") && refused.contains("field is immutable"), "{refused}");
        for (name, field) in [("fixed", "user"), ("flexible", "user"), ("flexible", "name"), ("flexible", "taskId")] {
            let change = json!({field: "0123abcd"});
            let refused = patch(&space, name, &change).await.expect_err("who a task is never changes").to_string();
            assert!(refused.contains("field is immutable"), "{refused}");
        }

        let attempt = |task: &SkyTask| task.status.as_ref().and_then(|status| status.attempt);
        set(&space, "flexible", &json!({"run": script("two"), "maxRestarts": 2})).await;
        let again = |task: &SkyTask| attempt(task) == Some(1) && condition(task, ConditionType::Finished);
        log_is(&space, &space.when("flexible", "has run again", again).await, "two").await;
        set(&space, "server", &json!({"run": "echo next"})).await;
        set(&space, "fixed", &json!({"runToken": "again"})).await;
        let fixed = space.when("fixed", "has run again", again).await;
        log_is(&space, &fixed, "one").await;
        assert_eq!(fixed.status.expect("a status").attempts[0].reason, "Succeeded");
        // What served goes on until it is told.
        let server = space.api::<SkyTask>().get("server").await.expect("the task");
        assert_eq!((attempt(&server), condition(&server, ConditionType::Ready)), (Some(0), true));
        set(&space, "server", &json!({"runToken": "now"})).await;
        log_is(&space, &space.when("server", "has run again", again).await, "next").await;
    })
    .await;
}
