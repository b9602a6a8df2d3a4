//! Objects for the tests of this crate.

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ContainerState, ContainerStatus, Pod, PodStatus},
    },
    apimachinery::pkg::{
        apis::meta::v1::{OwnerReference, Time},
        util::intstr::IntOrString,
    },
    jiff::Timestamp,
};
use kube::{Resource, ResourceExt as _, core::ObjectMeta};
use sky_crd::task::SkyTask;

use super::{ObservedTask, Policy, ValidTask, validate};
use crate::{
    owner::controller_uid,
    plan::{Applied, Plan, Write},
};

pub(super) fn text(text: &str) -> IntOrString {
    IntOrString::String(text.to_owned())
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) fn policy() -> Policy {
    Policy {
        default_image: "python:3.13-slim".to_owned(),
        agent_image: "sky:1".to_owned(),
        git_image: "git:1".to_owned(),
        ..Policy::default()
    }
}

/// A task named `job` with id `0123abcd`, as the API server has it.
pub(super) fn task(nodes: u32) -> SkyTask {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyTask",
        "metadata": {"name": "job", "namespace": "ns", "uid": "0123abcd-1111-2222-3333-444444444444", "generation": 1},
        "spec": {"user": "ann", "numNodes": nodes, "run": "echo $HOME"},
        "status": {"observedGeneration": -1},
    }))
    .unwrap()
}

pub(super) fn valid(task: &SkyTask) -> ValidTask {
    validate(task, &policy()).unwrap()
}

/// The Jobs of these writes as an API server would return them.
pub(super) fn apply(observed: &mut ObservedTask, plan: &Plan<sky_crd::task::SkyTaskStatus>) {
    for write in &plan.writes {
        match write {
            Write::CreateJob(job) => observed.absorb(Applied::Job(Box::new(stored(job)))),
            Write::DeleteJob { uid, .. } => {
                for job in observed.jobs.iter_mut().filter(|job| job.metadata.uid.as_ref() == Some(uid)) {
                    job.metadata.deletion_timestamp = Some(Time(at(0)));
                }
            }
            Write::PutService(service) => observed.absorb(Applied::Service(Box::new(with_uid(service)))),
            Write::PutIngress(ingress) => observed.absorb(Applied::Ingress(Box::new(with_uid(ingress)))),
            Write::DeleteAddress { kind, .. } => observed.absorb(Applied::AddressGone(*kind)),
            Write::DeleteExtras { .. } => observed.absorb(Applied::ExtrasGone),
            _ => {}
        }
    }
}

/// The cluster finishes every deletion: pods have ended, then their Jobs are gone.
pub(super) fn collect_garbage(observed: &mut ObservedTask) {
    let going: Vec<_> = observed.jobs.iter().filter(|job| job.metadata.deletion_timestamp.is_some()).collect();
    let uids: Vec<_> = going.iter().filter_map(|job| job.metadata.uid.clone()).collect();
    observed.jobs.retain(|job| job.metadata.deletion_timestamp.is_none());
    observed.pods.retain(|pod| controller_uid(&pod.metadata).is_none_or(|uid| !uids.iter().any(|gone| gone == uid)));
}

/// A Job as an API server has it.
pub(super) fn stored(job: &Job) -> Job {
    with_uid(job)
}

fn with_uid<K: Resource + Clone>(object: &K) -> K {
    let mut object = object.clone();
    object.meta_mut().uid = Some(format!("uid-of-{}", object.name_any()));
    object
}

/// The pod of a Job with this container state.
pub(super) fn pod(job: &Job, phase: &str, state: serde_json::Value) -> Pod {
    let state: ContainerState = serde_json::from_value(state).unwrap();
    let owner = OwnerReference {
        controller: Some(true),
        kind: "Job".to_owned(),
        uid: job.metadata.uid.clone().unwrap(),
        ..OwnerReference::default()
    };
    let container = ContainerStatus { name: "task".to_owned(), state: Some(state), ..ContainerStatus::default() };
    Pod {
        metadata: ObjectMeta {
            name: Some(format!("{}-abcde", job.metadata.name.as_deref().unwrap())),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: None,
        status: Some(PodStatus {
            phase: Some(phase.to_owned()),
            container_statuses: Some(vec![container]),
            ..PodStatus::default()
        }),
    }
}
