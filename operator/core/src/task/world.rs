//! A cluster of one task, for tests of the planner.

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobStatus},
        core::v1::Pod,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt;
use serde_json::{Value, json};
use sky_crd::task::{SkyTask, SkyTaskStatus};

use super::{
    ObservedTask, Policy,
    fixture::{apply, at, collect_garbage, pod, policy, task},
    plan, validate,
};
use crate::plan::{Plan, Write};

/// What the operator would see of a task, and the status that it has written.
pub(super) struct World {
    pub(super) task: SkyTask,
    pub(super) observed: ObservedTask,
    pub(super) policy: Policy,
    pub(super) patches: u32,
}

impl World {
    pub(super) fn new(nodes: u32) -> Self {
        Self { task: task(nodes), observed: ObservedTask::default(), policy: policy(), patches: 0 }
    }

    /// A task with these fields beside the usual ones.
    pub(super) fn with(nodes: u32, fields: &Value) -> Self {
        let mut world = Self::new(nodes);
        world.set(fields);
        world
    }

    /// The user changes the specification.
    pub(super) fn set(&mut self, fields: &Value) {
        let mut spec = json!(self.task.spec);
        for (name, value) in fields.as_object().unwrap() {
            spec[name] = value.clone();
        }
        self.task.spec = serde_json::from_value(spec).unwrap();
    }

    pub(super) fn plan(&self, second: i64) -> Plan<SkyTaskStatus> {
        plan(&validate(&self.task, &self.policy).unwrap(), &self.observed, at(second))
    }

    /// One pass of the operator: plan, read again in doubt, apply, plan again, write the status.
    pub(super) fn pass(&mut self, second: i64) -> Plan<SkyTaskStatus> {
        let mut next = self.plan(second);
        if next.doubt {
            self.observed.jobs_are_live = true;
            next = self.plan(second);
        }
        if !next.writes.is_empty() {
            apply(&mut self.observed, &next);
            next = self.plan(second);
        }
        (self.observed.jobs_are_live, self.observed.extras_are_gone) = (false, false);
        if let Some(status) = &next.status {
            self.task.status = Some(status.clone());
            self.patches += 1;
        }
        self.observed.noticed = if next.held_back { self.observed.noticed.or(Some(at(second))) } else { None };
        next
    }

    /// Passes until nothing is left to do, while the cluster does what it is asked.
    pub(super) fn settle(&mut self, second: i64) {
        for _ in 0..20 {
            let rests = self.pass(second).is_empty();
            let jobs = self.observed.jobs.len();
            collect_garbage(&mut self.observed);
            if rests && self.observed.jobs.len() == jobs && self.plan(second).is_empty() {
                return;
            }
        }
        panic!("does not come to rest: {:#?}", self.plan(second));
    }

    pub(super) fn status(&self) -> &SkyTaskStatus {
        self.task.status.as_ref().unwrap()
    }

    pub(super) fn job(&self, index: usize) -> Job {
        let attempt = self.task.status.as_ref().and_then(|status| status.attempt).unwrap_or(0);
        let name = self.task.names().job(u32::try_from(index).unwrap(), attempt);
        self.observed.jobs.iter().find(|job| job.metadata.name.as_ref() == Some(&name)).unwrap().clone()
    }

    /// Names of the Jobs that are there.
    pub(super) fn jobs(&self) -> Vec<String> {
        self.observed.jobs.iter().map(ResourceExt::name_any).collect()
    }

    pub(super) fn set_pod(&mut self, index: usize, phase: &str, state: Value) {
        let pod: Pod = pod(&self.job(index), phase, state);
        self.observed.pods.retain(|known| known.metadata.name != pod.metadata.name);
        self.observed.pods.push(pod);
    }

    /// No machine takes the pod of a node.
    pub(super) fn unplaced(&mut self, index: usize) {
        self.set_pod(index, "Pending", json!({}));
        let spec = self.job(index).spec.and_then(|spec| spec.template.spec);
        let pod = self.observed.pods.last_mut().unwrap();
        let refusal =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]);
        pod.status.as_mut().unwrap().conditions = serde_json::from_value(refusal).unwrap();
        pod.spec = spec;
    }

    pub(super) fn running(&mut self, index: usize, second: i64) {
        self.set_pod(index, "Running", json!({"running": {"startedAt": at(second).to_string()}}));
    }

    pub(super) fn ended(&mut self, index: usize, code: i32, second: i64) {
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let end = json!({"exitCode": code, "startedAt": at(0).to_string(), "finishedAt": at(second).to_string()});
        self.set_pod(index, phase, json!({"terminated": end}));
    }

    /// The agent of a node has ended it, because run of a peer ended with this code.
    pub(super) fn ended_by_peer(&mut self, index: usize, peer: usize, code: i32, second: i64) {
        let why = json!({"phase": "run", "exitCode": 137, "peer": peer, "peerState": "failed", "peerPhase": "run", "peerExitCode": code});
        let end = json!({"exitCode": 137, "startedAt": at(0).to_string(), "finishedAt": at(second).to_string(), "message": why.to_string()});
        self.set_pod(index, "Failed", json!({"terminated": end}));
        self.job_is_over(index, "Failed");
    }

    /// Somebody deletes the Job of a node.
    pub(super) fn delete_job(&mut self, index: usize) {
        let name = self.job(index).name_any();
        let job = self.observed.jobs.iter_mut().find(|job| job.name_any() == name).unwrap();
        job.metadata.deletion_timestamp = Some(Time(at(0)));
        collect_garbage(&mut self.observed);
    }

    /// The pod of the last end was disrupted.
    pub(super) fn disrupt(&mut self) {
        let condition = json!([{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]);
        let status = self.observed.pods.last_mut().unwrap().status.as_mut().unwrap();
        status.conditions = serde_json::from_value(condition).unwrap();
    }

    /// Whether the pod of a node has ended.
    pub(super) fn has_ended(&self, index: usize) -> bool {
        self.pod_phase(index).is_some_and(|phase| ["Succeeded", "Failed"].contains(&phase.as_str()))
    }

    /// Whether the pod of a node has been started.
    pub(super) fn has_started(&self, index: usize) -> bool {
        self.pod_phase(index).is_some_and(|phase| phase != "Pending")
    }

    /// Whether the pod of a node has succeeded.
    pub(super) fn has_succeeded(&self, index: usize) -> bool {
        self.pod_phase(index).is_some_and(|phase| phase == "Succeeded")
    }

    fn pod_phase(&self, index: usize) -> Option<String> {
        let name = format!("{}-abcde", self.job(index).name_any());
        let pod = self.observed.pods.iter().find(|pod| pod.name_any() == name)?;
        pod.status.as_ref()?.phase.clone()
    }

    /// The Job controller has seen the end of a node's pod.
    pub(super) fn job_is_over(&mut self, index: usize, kind: &str) {
        let name = self.job(index).name_any();
        let status: JobStatus =
            serde_json::from_value(json!({"conditions": [{"type": kind, "status": "True"}]})).unwrap();
        let job = self.observed.jobs.iter_mut().find(|job| job.name_any() == name).unwrap();
        job.status = Some(status);
    }
}

/// Names of the Jobs that a plan creates.
pub(super) fn job_names(plan: &Plan<SkyTaskStatus>) -> Vec<String> {
    let name = |write: &Write| match write {
        Write::CreateJob(job) => job.metadata.name.clone(),
        _ => None,
    };
    plan.writes.iter().filter_map(name).collect()
}
