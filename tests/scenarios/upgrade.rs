//! An upgrade of the operator changes nothing of what its predecessor has made, nor does going back: with the operator of
//! an earlier commit, which `tests/run/operator-before` builds for `make test-long`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
};

use k8s_openapi::api::batch::v1::Job;
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
    cluster::required,
    history::History,
    objects,
    operator::Operator,
    space::{Space, condition},
};

/// Each task that there can be, and the phase that it is in while nothing happens.
fn tasks() -> Vec<(&'static str, Value, TaskPhase)> {
    let data = json!([{"mountPath": "/data", "name": "data"}]);
    let until_told = "until [ -e /data/go ]; do sleep 0.2; done; echo told";
    let once = format!("[ -e /data/mark ] || {{ touch /data/mark; exit 7; }}; {until_told}");
    let long = format!("{}true", "# filler\n".repeat(1000));
    vec![
        ("runs", json!({"run": until_told, "volumes": data}), TaskPhase::Running),
        ("pair", json!({"numNodes": 2, "run": until_told, "volumes": data}), TaskPhase::Running),
        ("again", json!({"run": once, "volumes": data, "maxRestarts": 1}), TaskPhase::Running),
        ("waits", json!({"run": "true", "nodeSelector": {"pool": "nowhere"}}), TaskPhase::Pending),
        ("volumeless", json!({"run": "true", "volumes": [{"mountPath": "/d", "name": "later"}]}), TaskPhase::Pending),
        ("paused", json!({"run": "true", "suspend": true}), TaskPhase::Suspended),
        ("stopped", json!({"run": "true", "stop": true}), TaskPhase::Stopped),
        ("failed", json!({"run": "exit 3"}), TaskPhase::Failed),
        ("long", json!({"run": long, "resources": {"ports": ["8080"]}}), TaskPhase::Succeeded),
        ("expired", json!({"run": "true", "ttlSecondsAfterFinished": 0}), TaskPhase::Succeeded),
    ]
}

fn phase(task: &SkyTask) -> Option<TaskPhase> {
    task.status.as_ref().and_then(|status| status.phase)
}

/// Every task is where it belongs, and nothing more will happen to it by itself.
async fn settled(space: &Space) {
    for (name, _, expected) in tasks() {
        let is_there = |task: &SkyTask| {
            let Some(status) = &task.status else { return false };
            let whole = match name {
                "again" => status.attempt == Some(1) && status.running_nodes == Some(1),
                "pair" => status.running_nodes == Some(2),
                "waits" => status.pending.is_some() && status.nodes.iter().all(|node| node.pod.is_some()),
                "volumeless" => status.pending.is_some(),
                "expired" => status.cleaned_up_time.is_some(),
                "long" | "failed" | "stopped" => condition(task, ConditionType::Finished),
                _ => true,
            };
            phase(task) == Some(expected) && whole
        };
        space.when(name, "is where it belongs", is_there).await;
    }
}

async fn set(space: &Space, name: &str, spec: &Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    space.api::<SkyTask>().patch(name, &PatchParams::default(), &patch).await.expect("this may change");
}

/// How many Jobs each task has ever had.
fn counts(jobs: &History<Job>) -> BTreeMap<String, usize> {
    let mut uids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for job in jobs.states() {
        let task = job.annotations().get("skytask.dev/task").cloned().unwrap_or_default();
        uids.entry(task).or_default().extend(job.uid());
    }
    uids.into_iter().map(|(task, uids)| (task, uids.len())).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the operator of an earlier commit"]
async fn forth_and_back_changes_no_child_and_runs_nothing_twice() {
    let Some(before) = env::var("SKY_TEST_OPERATOR_BEFORE").ok().filter(|path| !path.is_empty()) else {
        println!("skipped: no operator of an earlier commit");
        return;
    };
    let now = required("SKY_TEST_OPERATOR");
    Space::with_operator("upgrade", 12, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let mut operator = Operator::start_program(Path::new(&before), &space.name);
        space.volume("data", json!({"accessModes": ["ReadWriteMany"]})).await;
        for (name, spec, _) in tasks() {
            space.task(name, spec).await;
        }
        settled(&space).await;
        let made = objects::all(&space).await;
        for (turn, program) in [&now, &before, &now].into_iter().enumerate() {
            operator.kill();
            operator = Operator::start_program(Path::new(program), &space.name);
            // A task that begins and ends proves that the operator has seen all others.
            let probe = format!("probe-{turn}");
            space.task(&probe, json!({"run": "true"})).await;
            assert_eq!(phase(&space.finished(&probe).await), Some(TaskPhase::Succeeded));
            settled(&space).await;
            let mut there = objects::all(&space).await;
            there.retain(|name, _| !name.contains(" probe-"));
            assert_eq!(there.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>(), "turn {turn}");
            for (name, object) in &made {
                assert_eq!(&there[name], object, "turn {turn}: {name}");
            }
        }
        // All that can end ends well, under the operator that did not begin it.
        set(&space, "paused", &json!({"suspend": false})).await;
        space.volume("later", json!({})).await;
        space.task("key", json!({"run": "touch /data/go", "volumes": [{"mountPath": "/data", "name": "data"}]})).await;
        for name in ["key", "runs", "pair", "again", "paused", "volumeless"] {
            let task = space.finished(name).await;
            assert_eq!(phase(&task), Some(TaskPhase::Succeeded), "{name}: {:#?}", task.status);
        }
        let expected = [
            ("again", 2),
            ("expired", 1),
            ("failed", 1),
            ("key", 1),
            ("long", 1),
            ("pair", 2),
            ("paused", 1),
            ("probe-0", 1),
            ("probe-1", 1),
            ("probe-2", 1),
            ("runs", 1),
            ("volumeless", 1),
            ("waits", 1),
        ];
        let expected: BTreeMap<_, _> = expected.into_iter().map(|(task, count)| (task.to_owned(), count)).collect();
        assert_eq!(counts(&jobs), expected, "Jobs that there ever were");
        operator
    })
    .await;
}
