//! What to do next for a task.

use k8s_openapi::{
    api::batch::v1::Job,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::{self, ConditionType, Reason},
    task::{NodePhase, NodeStatus, SkyTask, SkyTaskStatus, TaskPending},
};

use super::{
    InvalidTask, ObservedTask, ValidTask, agent, job, lost,
    node::{NodeEvidence, node_status},
    scripts, service, status, volumes,
};
use crate::{
    plan::{Note, Plan, Write},
    settle::{Moment, moment},
};

/// Look again after this time even if no watch says anything: a missed event heals.
const RESYNC: SignedDuration = SignedDuration::from_mins(5);
/// The only attempt there is until tasks can be restarted.
const ATTEMPT: u32 = 0;

/// What to do next for a valid task.
pub fn plan(task: &ValidTask, observed: &ObservedTask, now: Timestamp) -> Plan<SkyTaskStatus> {
    if is_finished(&task.status) {
        // A finished task never runs again: not after its children are gone, not after a restart or an upgrade.
        return Plan { requeue: None, ..Plan::of_writes(Vec::new()) };
    }
    let jobs = own_jobs(task, observed);
    let waiting = match missing(task, observed, &jobs) {
        Next::Nothing => None,
        Next::Wait(pending) => Some(pending),
        Next::Write(writes) => return Plan::of_writes(writes),
    };
    let nodes = (0..task.nodes).map(|index| node_status(&evidence(task, observed, &jobs, index), now)).collect();
    let (nodes, next) = lost::settle(task, nodes, &observed.pods, now);
    let plan = conclude(task, observed, status::aggregate(task, nodes, waiting, ATTEMPT, now), now);
    Plan { requeue: plan.requeue.into_iter().chain(next).min(), ..plan }
}

/// What to do for a task that can never run: say so, once.
pub fn invalid(task: &SkyTask, error: &InvalidTask, now: Timestamp) -> Plan<SkyTaskStatus> {
    let old = task.status.clone().unwrap_or_default();
    if is_finished(&old) {
        return Plan::of_writes(Vec::new());
    }
    let generation = task.metadata.generation.unwrap_or(0);
    let message = error.to_string();
    let status = status::of_invalid(&old, task.task_id().as_str(), generation, &message, now);
    let note = Note { warning: true, reason: Reason::InvalidSpec, message };
    Plan { status: Some(status), notes: vec![note], ..Plan::of_writes(Vec::new()) }
}

/// Whether the task has come to its end, whatever that was.
pub fn is_finished(status: &SkyTaskStatus) -> bool {
    condition::is_true(&status.conditions, ConditionType::Finished)
}

/// Jobs of the current attempt by rank: of the right name and controlled by this very task.
fn own_jobs<'a>(task: &ValidTask, observed: &'a ObservedTask) -> Vec<Option<&'a Job>> {
    let find = |name: String| {
        let of_name = observed.jobs.iter().find(|job| job.name_any() == name);
        of_name.filter(|job| task.owner.controls(&job.metadata))
    };
    task.names.jobs(ATTEMPT).into_iter().map(find).collect()
}

enum Next {
    Nothing,
    Wait(TaskPending),
    Write(Vec<Write>),
}

/// What is missing until the task has all its Jobs. Once they are all recorded nothing is ever missing again: a Job that
/// is gone then is a failure.
fn missing(task: &ValidTask, observed: &ObservedTask, jobs: &[Option<&Job>]) -> Next {
    if all_recorded(&task.status, task.nodes) || jobs.iter().all(Option::is_some) {
        return Next::Nothing;
    }
    if let Some(refusal) = &observed.refusal {
        return Next::Wait(pending(refusal.reason, refusal.message.clone()));
    }
    let mounts = match volumes::resolve(task, &observed.volumes, &observed.claims) {
        Ok(mounts) => mounts,
        Err(unresolved) => return Next::Wait(pending(unresolved.reason, unresolved.message)),
    };
    let scripts = scripts::config_map(task).map(Box::new).map(Write::CreateScripts);
    let service = service::service(task).map(Box::new).map(Write::CreateService);
    let token = agent::token(task).map(Box::new).map(Write::CreateToken);
    let missing = (0..task.nodes).zip(jobs).filter(|(_, job)| job.is_none());
    let jobs = missing.map(|(index, _)| Write::CreateJob(Box::new(job::job(task, &mounts, index, ATTEMPT))));
    // What pods mount and resolve comes before the pods.
    Next::Write(scripts.into_iter().chain(service).chain(token).chain(jobs).collect())
}

fn pending(reason: Reason, message: String) -> TaskPending {
    TaskPending { reason: reason.as_str().to_owned(), message }
}

fn all_recorded(status: &SkyTaskStatus, nodes: u32) -> bool {
    status.nodes.iter().filter(|node| node.job_uid.is_some()).count() == nodes as usize
}

fn evidence<'a>(
    task: &'a ValidTask,
    observed: &'a ObservedTask,
    jobs: &[Option<&'a Job>],
    index: u32,
) -> NodeEvidence<'a> {
    let recorded = task.status.nodes.iter().find(|node| node.index == index);
    NodeEvidence {
        index,
        job_name: task.names.job(index, ATTEMPT),
        // Until all are recorded, a Job that is gone may be created again.
        recorded: recorded.filter(|_| all_recorded(&task.status, task.nodes)),
        job: jobs.get(index as usize).copied().flatten(),
        pods: &observed.pods,
        warnings: &observed.warnings,
    }
}

/// The plan that records `new`, now or a moment later.
fn conclude(task: &ValidTask, observed: &ObservedTask, new: SkyTaskStatus, now: Timestamp) -> Plan<SkyTaskStatus> {
    let old = &task.status;
    let idle = Plan { requeue: Some(RESYNC), ..Plan::of_writes(Vec::new()) };
    if *old == new {
        return idle;
    }
    match moment(is_urgent(old, &new, task.nodes), observed.noticed, now) {
        Moment::Now => Plan { notes: notes(old, &new), status: Some(new), ..idle },
        Moment::After(wait) => Plan { requeue: Some(wait), held_back: true, ..idle },
    }
}

/// First sight, a failure, the end, a new reason to wait, and a step that all nodes have taken.
fn is_urgent(old: &SkyTaskStatus, new: &SkyTaskStatus, nodes: u32) -> bool {
    let first_sight = old.observed_generation != new.observed_generation;
    let created = all_recorded(new, nodes) && !all_recorded(old, nodes);
    let failed = old.failure.is_none() && new.failure.is_some();
    let refused = old.pending.is_none() && new.pending.is_some() && !all_recorded(new, nodes);
    let together = |phase: NodePhase| move |node: &NodeStatus| node.phase == phase;
    let all_run =
        new.nodes.iter().all(together(NodePhase::Running)) && !old.nodes.iter().all(together(NodePhase::Running));
    first_sight || created || failed || refused || all_run || is_finished(new)
}

/// What users are told: a new reason to wait for somebody, a failure, the end.
fn notes(old: &SkyTaskStatus, new: &SkyTaskStatus) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(pending) = &new.pending
        && old.pending.as_ref().is_none_or(|before| before.reason != pending.reason)
        && let Some(reason) = Reason::from_text(&pending.reason)
    {
        notes.push(Note { warning: true, reason, message: pending.message.clone() });
    }
    if let (None, Some(failure)) = (&old.failure, &new.failure) {
        let reason = Reason::from_text(&failure.reason).unwrap_or(Reason::RunFailed);
        notes.push(Note { warning: true, reason, message: failure.message.clone() });
    }
    if is_finished(new) && new.failure.is_none() {
        let all = new.nodes.len();
        let message = format!("{all} of {all} nodes succeeded");
        notes.push(Note { warning: false, reason: Reason::Succeeded, message });
    }
    notes
}
