//! An upgrade changes no Job: what the first version of the operator left in a cluster, as its successor reads it.
//!
//! `data/first-version/` was recorded from a cluster that the first version ran in (Jobs without template and pods without
//! most of their specification, as the caches keep them). It is never recorded again: whatever was once written must be
//! understood for ever.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{PersistentVolumeClaim, Pod},
    },
    jiff::Timestamp,
};
use kube::ResourceExt as _;
use serde::Deserialize;
use sky_crd::{
    task::{SkyTask, SkyTaskStatus, TaskPhase},
    volume::SkyVolume,
};
use sky_operator_core::{
    plan::{Plan, Write},
    task::{self, ObservedTask, Policy},
    volume::{self, ObservedVolume},
};

#[derive(Deserialize)]
struct Recorded {
    task: SkyTask,
    jobs: Vec<Job>,
    pods: Vec<Pod>,
    #[serde(default)]
    volumes: Vec<SkyVolume>,
    #[serde(default)]
    claims: Vec<PersistentVolumeClaim>,
}

#[derive(Deserialize)]
struct RecordedVolume {
    volume: SkyVolume,
    claims: Vec<PersistentVolumeClaim>,
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/first-version").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A minute after the last recording.
fn now() -> Timestamp {
    "2026-11-24T15:29:00Z".parse().unwrap()
}

fn plan(recorded: &Recorded, now: Timestamp) -> Plan<SkyTaskStatus> {
    let policy = Policy {
        default_image: "python:3.13-slim".to_owned(),
        agent_image: "sky:next".to_owned(),
        ..Policy::default()
    };
    let observed = ObservedTask {
        jobs: recorded.jobs.clone(),
        pods: recorded.pods.clone(),
        volumes: recorded.volumes.clone(),
        claims: recorded.claims.clone(),
        ..ObservedTask::default()
    };
    task::plan(&task::validate(&recorded.task, &policy).unwrap(), &observed, now)
}

/// The plan's status, or the recorded one where it has none.
fn status(recorded: &Recorded, plan: &Plan<SkyTaskStatus>) -> SkyTaskStatus {
    plan.status.clone().or_else(|| recorded.task.status.clone()).unwrap()
}

#[test]
fn no_task_of_the_first_version_gets_a_write_and_none_changes_its_phase() {
    for (name, phase, jobs) in [
        ("one-running", TaskPhase::Running, 1),
        ("two-running", TaskPhase::Running, 2),
        ("unschedulable", TaskPhase::Pending, 1),
        ("waiting-for-volume", TaskPhase::Pending, 0),
        ("succeeded", TaskPhase::Succeeded, 2),
        ("failed", TaskPhase::Failed, 1),
    ] {
        let mut recorded: Recorded = read(name);
        assert_eq!(recorded.jobs.len(), jobs, "{name}");
        let before = recorded.task.status.clone().unwrap();
        let first = plan(&recorded, now());
        assert!(first.writes.is_empty(), "{name}: {:#?}", first.writes);
        let after = status(&recorded, &first);
        assert_eq!((before.phase, after.phase), (Some(phase), Some(phase)), "{name}");
        let uids = |status: &SkyTaskStatus| status.nodes.iter().map(|node| node.job_uid.clone()).collect::<Vec<_>>();
        assert_eq!(uids(&after), uids(&before), "{name}");
        // What the new version has more to say is said once.
        recorded.task.status = Some(after);
        let second = plan(&recorded, now());
        assert!(second.is_empty(), "{name}: {second:#?}");
    }
}

/// The first version let the other nodes of a failed task go on. Now they end, as those of any task do: the one that
/// runs is deleted, nothing is created, and the failure stays what it was.
#[test]
fn a_task_that_has_failed_is_brought_to_its_end() {
    let mut recorded: Recorded = read("half-failed");
    let before = recorded.task.status.clone().unwrap();
    let decided = plan(&recorded, now());
    let after = status(&recorded, &decided);
    assert_eq!((&after.failure, after.phase, decided.writes.len()), (&before.failure, Some(TaskPhase::Failed), 0));
    recorded.task.status = Some(after);
    let writes = plan(&recorded, now()).writes;
    assert!(matches!(&writes[..], [Write::DeleteJob { name, .. }] if name.ends_with("-node-0")), "{writes:#?}");
}

#[test]
fn what_had_ended_stays_as_it_was_even_without_children() {
    for name in ["succeeded", "failed"] {
        let recorded: Recorded = read(name);
        assert!(plan(&recorded, now()).is_empty(), "{name}");
        let without = Recorded { jobs: Vec::new(), pods: Vec::new(), ..recorded };
        assert!(plan(&without, now()).is_empty(), "{name} without children");
    }
}

#[test]
fn a_volume_of_the_first_version_keeps_its_claim_as_it_is() {
    let recorded: RecordedVolume = read("volume-data");
    let claim = recorded.claims.into_iter().next();
    assert_eq!(claim.as_ref().map(kube::ResourceExt::name_any), Some(recorded.volume.claim_name()));
    let used_by = recorded.volume.status.as_ref().unwrap().used_by.clone();
    let observed = ObservedVolume { claim, used_by, ..ObservedVolume::default() };
    let plan = volume::plan(&volume::validate(&recorded.volume).unwrap(), &observed, now());
    assert!(plan.writes.is_empty(), "{}: {:#?}", recorded.volume.name_any(), plan.writes);
}
