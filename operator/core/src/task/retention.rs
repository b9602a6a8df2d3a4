//! What becomes of a task after its end: first its children go, and its record stays; then the record goes, if ever.

use k8s_openapi::{
    api::batch::v1::Job,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::{SignedDuration, Timestamp},
};
use sky_crd::{
    condition,
    task::{SkyTaskStatus, TaskPhase},
};

use super::{ObservedTask, ValidTask, conditions, deadline::seconds, own, scripts};
use crate::plan::{Plan, Write};

/// What to do for a finished task. Both limits are unset by default: nobody's logs go unasked, and a record that goes
/// would let GitOps run the task again.
pub(super) fn after_end(
    task: &ValidTask,
    observed: &ObservedTask,
    jobs: &[&Job],
    now: Timestamp,
) -> Plan<SkyTaskStatus> {
    let rules = &task.spec.lifecycle;
    let end = task.status.completion_time.as_ref().map(|time| time.0);
    let due = |limit: Option<u32>| Some(end? + seconds(limit?));
    let removal = due(rules.retain_seconds);
    if removal.is_some_and(|due| due <= now) {
        let (name, uid) = (task.owner.reference.name.clone(), task.owner.uid.clone());
        return Plan::of_writes(vec![Write::DeleteTask { name, uid }]);
    }
    let cleaning = due(rules.ttl_seconds_after_finished).filter(|_| task.status.cleaned_up_time.is_none());
    if cleaning.is_some_and(|due| due <= now) {
        return clean_up(task, observed, jobs, now);
    }
    let next = [removal, cleaning].into_iter().flatten().map(|due| due.duration_since(now)).min();
    let seen = seen(task, now);
    Plan { status: (seen != task.status).then_some(seen), requeue: next, ..Plan::idle() }
}

fn clean_up(task: &ValidTask, observed: &ObservedTask, jobs: &[&Job], now: Timestamp) -> Plan<SkyTaskStatus> {
    if observed.extras_are_gone {
        let status = SkyTaskStatus { cleaned_up_time: Some(Time(now)), endpoints: Vec::new(), ..seen(task, now) };
        return Plan { status: Some(status), requeue: Some(SignedDuration::ZERO), ..Plan::idle() };
    }
    if !observed.jobs_are_live {
        return Plan::in_doubt();
    }
    let extras = Write::DeleteExtras {
        services: vec![task.names.service(), task.names.ports()],
        scripts: scripts::names(task, jobs).into_iter().collect(),
        owner: task.owner.uid.clone(),
    };
    // First, since the Jobs say which there are.
    let jobs = jobs.iter().filter(|job| !own::is_going(job)).map(|job| own::delete(job));
    Plan::of_writes([extras].into_iter().chain(jobs).collect())
}

/// The status, which has taken note of the specification as it is now. Nothing in there changes what has been, but whether
/// a stopped task is what it is asked to be.
fn seen(task: &ValidTask, now: Timestamp) -> SkyTaskStatus {
    let (status, generation) = (&task.status, task.generation);
    let of_now = |condition: &Condition| Condition { observed_generation: Some(generation), ..condition.clone() };
    let conditions = if status.phase == Some(TaskPhase::Stopped) {
        let verdicts = conditions::of_stopped(status.ending.as_ref(), &task.spec.lifecycle);
        condition::conclude(&status.conditions, &verdicts, generation, now)
    } else {
        status.conditions.iter().map(of_now).collect()
    };
    SkyTaskStatus { observed_generation: Some(generation), conditions, ..status.clone() }
}
