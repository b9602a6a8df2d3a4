//! What must hold of a task that was deleted, suspended or stopped, and of everything that is not the task's.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret, Service},
};
use kube::{Resource, ResourceExt as _};
use serde_json::{Value, json};
use sky_crd::{
    condition::ConditionType,
    label,
    task::{SkyTask, TaskPhase},
};
use sky_tests::{
    audit,
    history::{Change, History},
    objects::{self, Objects},
    space::{Space, condition},
};

use super::{GO, held};

/// A task that nobody does anything to.
pub const BYSTANDER: &str = "bystander";
/// Objects of somebody else, which bear the labels of a task that is deleted.
const THEIRS: &str = "theirs";

/// Watches of all that a task may have, and what there was beside the tasks.
pub struct Witness {
    jobs: History<Job>,
    pods: History<Pod>,
    services: History<Service>,
    maps: History<ConfigMap>,
    secrets: History<Secret>,
    others: Objects,
}

impl Witness {
    /// Watches from now on; with the volume of the tasks, and a task that nobody touches.
    pub async fn start(space: &Space) -> Self {
        let witness = Self {
            jobs: History::start(space.api()).await,
            pods: History::start(space.api()).await,
            services: History::start(space.api()).await,
            maps: History::start(space.api()).await,
            secrets: History::start(space.api()).await,
            others: Objects::new(),
        };
        space.volume("data", json!({"accessModes": ["ReadWriteMany"]})).await;
        space.task(BYSTANDER, json!({"run": held::held_until(GO), "volumes": held::data()})).await;
        witness
    }

    /// As it is now, everything that is not the tasks' stays; with objects of somebody else that say that they were this
    /// task's.
    pub async fn remember(&mut self, space: &Space, task: &str) {
        let labels = json!({label::TASK: "true", label::TASK_ID: id(space, task), label::NODE_INDEX: "0"});
        let theirs = |more: Value| {
            let mut object = more;
            object["metadata"] = json!({"name": THEIRS, "labels": labels});
            object
        };
        space.create::<ConfigMap>(theirs(json!({}))).await;
        space.create::<Secret>(theirs(json!({}))).await;
        space.create::<Service>(theirs(json!({"spec": {"ports": [{"port": 80}]}}))).await;
        let container = json!({"name": "task", "image": "python:3.13-slim"});
        let template = json!({"spec": {"restartPolicy": "Never", "containers": [container]}});
        space.create::<Job>(theirs(json!({"spec": {"suspend": true, "template": template}}))).await;
        space.running(BYSTANDER).await;
        self.others = others(space).await;
    }

    /// All other objects are what they were, and the operator has deleted nothing that is not a task's.
    pub async fn nothing_else_was_touched(&self, space: &Space) {
        let now = others(space).await;
        assert_eq!(now.keys().collect::<Vec<_>>(), self.others.keys().collect::<Vec<_>>());
        for (name, object) in &self.others {
            assert_eq!(&now[name], object, "{name}");
        }
        if audit::is_readable() {
            let ids: BTreeSet<_> = space.tasks.states().iter().map(|task| task.task_id().to_string()).collect();
            let writes = audit::operator_writes(&space.name).into_iter();
            for write in writes.filter(|write| write.verb.starts_with("delete")) {
                let of_a_task = ids.iter().any(|id| write.object_ref.name.contains(id));
                assert!(of_a_task, "deleted by the operator: {write:?}");
            }
        }
    }

    /// How many Jobs the task has ever had.
    pub fn jobs_ever(&self, space: &Space, task: &str) -> usize {
        let (id, states) = (id(space, task), self.jobs.states());
        let of_task = states.iter().filter(|job| is_of(*job, &id));
        of_task.filter_map(kube::ResourceExt::uid).collect::<BTreeSet<_>>().len()
    }

    /// Waits until the deleted task is gone, and every child that it has ever had.
    pub async fn is_gone(&self, space: &Space, task: &str) {
        let is_gone = |changes: &[Change<SkyTask>]| {
            changes.iter().any(|change| matches!(change, Change::Gone(gone) if gone.name_any() == task)).then_some(())
        };
        space.tasks.find(&format!("{task} is gone"), is_gone).await;
        let id = id(space, task);
        self.jobs.gone(&format!("the Jobs of {task} are gone"), |job| is_of(job, &id)).await;
        self.pods.gone(&format!("the pods of {task} are gone"), |pod| is_of(pod, &id)).await;
        self.services.gone(&format!("the Services of {task} are gone"), |service| is_of(service, &id)).await;
        self.maps.gone(&format!("the ConfigMaps of {task} are gone"), |map| is_of(map, &id)).await;
        self.secrets.gone(&format!("the Secrets of {task} are gone"), |secret| is_of(secret, &id)).await;
    }
}

fn id(space: &Space, task: &str) -> String {
    let states = space.tasks.states();
    states.iter().find(|state| state.name_any() == task).expect("one of the tasks").task_id().to_string()
}

/// All objects that are no children of the tasks at the steps.
async fn others(space: &Space) -> Objects {
    let is_of_tasks = |object: &Value| {
        let (labels, name) = (&object["metadata"]["labels"], &object["metadata"]["name"]);
        !labels[label::TASK_ID].is_null() && labels[label::TASK_NAME] != BYSTANDER && name != THEIRS
    };
    objects::all(space).await.into_iter().filter(|(_, object)| !is_of_tasks(object)).collect()
}

fn is_of<K: Resource>(object: &K, id: &str) -> bool {
    object.labels().get(label::TASK_ID).is_some_and(|of| of == id) && object.name_any() != THEIRS
}

/// Which conditions are true, and why; all of them speak of the specification as it is.
pub fn stands(task: &SkyTask, expected: &[&str], why: &str) {
    let status = task.status.as_ref().expect("a status");
    let holds: BTreeSet<&str> =
        status.conditions.iter().filter(|found| found.status == "True").map(|found| found.type_.as_str()).collect();
    assert_eq!(holds, expected.iter().copied().collect(), "{}: {status:#?}", task.name_any());
    for found in &status.conditions {
        let said = (found.reason.as_str(), found.observed_generation);
        assert_eq!(said, (why, task.metadata.generation), "{}: {found:#?}", task.name_any());
    }
}

/// Suspended as it should be, with no Job and no pod but those of attempts that had ended before.
pub async fn is_suspended(space: &Space, name: &str, kept: usize) {
    let task = space.when(name, "is suspended", |task| condition(task, ConditionType::Suspended)).await;
    stands(&task, &["Ready", "Suspended"], "Suspended");
    nothing_runs_of(space, name, kept).await;
}

/// Stopped as it should be.
pub async fn is_stopped(space: &Space, name: &str, kept: usize) {
    let task = space.finished(name).await;
    assert_eq!(task.status.as_ref().and_then(|status| status.phase), Some(TaskPhase::Stopped), "{name}");
    stands(&task, &["Finished", "Ready"], "Stopped");
    never_completed(space, name);
    nothing_runs_of(space, name, kept).await;
}

/// At no moment of its life was the task said to be completed.
pub fn never_completed(space: &Space, name: &str) {
    let states = space.tasks.states();
    let completed = |task: &&SkyTask| {
        let phase = task.status.as_ref().and_then(|status| status.phase);
        condition(task, ConditionType::Complete) || phase == Some(TaskPhase::Succeeded)
    };
    let found = states.iter().filter(|task| task.name_any() == name).find(completed);
    assert!(found.is_none(), "{found:#?}");
}

/// The task has so many Jobs and as many pods, and all of them have ended.
pub async fn nothing_runs_of(space: &Space, name: &str, kept: usize) {
    let of_task = |annotations: &std::collections::BTreeMap<String, String>| {
        annotations.get(label::TASK_OBJECT).is_some_and(|of| of == name)
    };
    let jobs = space.api::<Job>().list(&Default::default()).await.expect("Jobs").items;
    let jobs: Vec<_> = jobs.into_iter().filter(|job| of_task(job.annotations())).collect();
    let is_over = |job: &Job| {
        let status = job.status.as_ref();
        status.is_some_and(|status| status.completion_time.is_some() || status.failed.is_some_and(|failed| failed > 0))
    };
    assert!(jobs.len() == kept && jobs.iter().all(is_over), "{name}: {jobs:#?}");
    let pods = space.api::<Pod>().list(&Default::default()).await.expect("pods").items;
    let pods: Vec<_> = pods.into_iter().filter(|pod| of_task(pod.annotations())).collect();
    let has_ended = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    assert!(pods.len() == kept && pods.iter().all(has_ended), "{name}: {pods:#?}");
}
