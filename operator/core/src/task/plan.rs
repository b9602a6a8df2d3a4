//! What to do next for a task.

use k8s_openapi::{
    api::batch::v1::Job,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::{self, ConditionType, Reason},
    task::{
        ChosenResources, ExposeType, NodePhase, NodeStatus, SkyTask, SkyTaskStatus, TaskEnding, TaskPending, TaskPhase,
    },
};

use super::{
    InvalidTask, ObservedTask, ValidTask,
    absent::{self, Unsaid},
    agent, alternative, attempt, deadline, ending, expose, job, lost,
    news::{notes, patience},
    node::{NodeEvidence, node_status},
    own, ports, progress, rerun, resources, retention, scripts, service,
    status::{self, Course, Stage},
    stragglers, tail, volumes, waiting,
};
use crate::{
    owner::Owner,
    plan::{Note, Plan, Write},
    settle::{Moment, moment},
};

/// Look again after this time even if no watch says anything: a missed event heals.
const RESYNC: SignedDuration = SignedDuration::from_mins(5);

/// A new machine wakes nobody: a task that no machine could hold looks again after this time.
const MACHINES_COME: SignedDuration = SignedDuration::from_secs(30);

/// What to do next for a valid task.
pub fn plan(task: &ValidTask, observed: &ObservedTask, now: Timestamp) -> Plan<SkyTaskStatus> {
    let jobs = own::jobs(&task.owner, observed);
    let strays: Vec<_> = own::strays(task, &jobs).into_iter().map(own::delete).collect();
    let strays: Vec<_> = strays.into_iter().chain(expose::strays(task, observed)).collect();
    if !strays.is_empty() {
        return Plan::of_writes(strays);
    }
    if is_finished(&task.status) {
        // A finished task never runs again by itself: not after its children are gone, not after a restart or an upgrade.
        if rerun::is_asked(task) && !task.spec.lifecycle.stop {
            return run_again(task, observed, &jobs, now);
        }
        return retention::after_end(task, observed, &jobs, now);
    }
    if is_suspended(&task.status) {
        return conclude(task, observed, rest(task, now), now);
    }
    let (nodes, next) = lost::settle(task, nodes(task, observed, &jobs, now), &observed.pods, &observed.cluster, now);
    let (nodes, told) = progress::settle(task, nodes, observed, now);
    let plan = match &task.status.ending {
        Some(decided) => wind_down(task, observed, &jobs, nodes, decided, now),
        None => go_on(task, observed, &jobs, nodes, now),
    };
    Plan {
        requeue: plan.requeue.into_iter().chain(next).chain(told).chain(absent::wait(task, observed, now)).min(),
        ..plan
    }
}

/// What to do for a task that can never run: say so, once. A change may have made it so while it ran: what it said before
/// is ended first.
pub fn invalid(task: &SkyTask, error: &InvalidTask, observed: &ObservedTask, now: Timestamp) -> Plan<SkyTaskStatus> {
    let old = task.status.clone().unwrap_or_default();
    let Some(owner) = Owner::of(task) else { return Plan::idle() };
    let addresses = expose::unwanted(&owner, observed, ExposeType::ClusterIP);
    if !addresses.is_empty() {
        return Plan::of_writes(addresses);
    }
    if is_finished(&old) {
        return Plan::idle();
    }
    let left: Vec<_> = own::jobs(&owner, observed).into_iter().filter(|job| !own::is_over(job)).collect();
    let running: Vec<_> = left.iter().filter(|job| !own::is_going(job)).map(|job| own::delete(job)).collect();
    if !running.is_empty() {
        return Plan::of_writes(running);
    }
    if !left.is_empty() {
        return Plan::idle();
    }
    if !observed.jobs_are_live {
        return Plan::in_doubt();
    }
    let generation = task.metadata.generation.unwrap_or(0);
    let message = error.to_string();
    let status = status::of_invalid(&old, task.task_id().as_str(), generation, &message, now);
    let note = Note { warning: true, reason: Reason::InvalidSpec, message };
    Plan { status: Some(status), notes: vec![note], ..Plan::idle() }
}

/// Whether the task has come to its end, whatever that was.
pub fn is_finished(status: &SkyTaskStatus) -> bool {
    condition::is_true(&status.conditions, ConditionType::Finished)
}

/// Whether the task is suspended and nothing of it exists.
pub fn is_suspended(status: &SkyTaskStatus) -> bool {
    status.phase == Some(TaskPhase::Suspended)
}

/// A finished task that is to run again, once nothing of it runs any more.
fn run_again(task: &ValidTask, observed: &ObservedTask, jobs: &[&Job], now: Timestamp) -> Plan<SkyTaskStatus> {
    if !observed.jobs_are_live {
        return Plan::in_doubt();
    }
    if jobs.iter().any(|job| !own::is_over(job) || own::is_going(job)) {
        return Plan::idle();
    }
    conclude(task, observed, attempt::again(task, now), now)
}

/// A suspended task: it stays so, is stopped, or resumed.
fn rest(task: &ValidTask, now: Timestamp) -> SkyTaskStatus {
    let rules = &task.spec.lifecycle;
    if rules.stop {
        return attempt::stopped(task, Vec::new(), &ending::stop(), now);
    }
    if rules.suspend { attempt::suspended(task, now) } else { attempt::resumed(task, now) }
}

/// An attempt that goes its way: creates what is missing, and records how far it has come.
fn go_on(
    task: &ValidTask,
    observed: &ObservedTask,
    jobs: &[&Job],
    nodes: Vec<NodeStatus>,
    now: Timestamp,
) -> Plan<SkyTaskStatus> {
    let course = Course::of_nodes(nodes);
    let mut noted = rerun::noted(task, &task.status);
    let by_rank = own::by_rank(task, jobs);
    let begins = !task.status.has_all_jobs(task.nodes) && by_rank.iter().any(Option::is_some);
    noted.endpoints = expose::endpoints(task, observed, begins);
    let mut seen = status::status(task, &noted, course.clone(), now);
    seen.resources = chosen(task, observed, &by_rank);
    let given_up = || alternative::due_now(task, &seen, observed, &by_rank, now);
    if let Some(decided) = ending::due(task, &seen, now).or_else(given_up) {
        let base = ending::decided(task, &seen, &decided);
        let course = Course { ending: Some(decided), ..course };
        return conclude(task, observed, status::status(task, &base, course, now), now);
    }
    let waiting = match missing(task, observed, &by_rank, now) {
        Next::Nothing => return conclude(task, observed, seen, now),
        Next::Write(writes) => return Plan::of_writes(writes),
        Next::LookAgain => return Plan::idle(),
        Next::Wait(pending) => Some(pending),
    };
    conclude(task, observed, status::status(task, &noted, Course { waiting, ..course }, now), now)
}

/// An attempt that is being ended: deletes the Jobs that run, and goes on once the API server itself has none any more.
fn wind_down(
    task: &ValidTask,
    observed: &ObservedTask,
    jobs: &[&Job],
    nodes: Vec<NodeStatus>,
    decided: &TaskEnding,
    now: Timestamp,
) -> Plan<SkyTaskStatus> {
    let course = Course { nodes, waiting: None, ending: Some(decided.clone()), stage: Stage::Going };
    let seen = status::status(task, &task.status, course.clone(), now);
    if let Some(stronger) = ending::due(task, &seen, now) {
        let base = ending::decided(task, &seen, &stronger);
        let course = Course { ending: Some(stronger), ..course };
        return conclude(task, observed, status::status(task, &base, course, now), now);
    }
    if seen.recorded_jobs().ne(task.status.recorded_jobs()) {
        // What has existed is recorded before it goes, or a later attempt would take its names.
        return conclude(task, observed, seen, now);
    }
    let node_of = |job: &Job| seen.nodes.iter().find(|node| node.job_uid == job.uid());
    // The pod of a lost machine never goes, and so its Job does not either.
    let lost = |job: &Job| node_of(job).is_some_and(lost::is_lost);
    let left: Vec<_> =
        jobs.iter().copied().filter(|job| (!own::is_over(job) || own::is_going(job)) && !lost(job)).collect();
    let ended = |job: &Job| node_of(job).is_some_and(|node| node.phase.is_final());
    let spared = |job: &Job| node_of(job).and_then(|node| spared(task, node, &seen.nodes, decided, now));
    let doomed = |job: &Job| !own::is_going(job) && !ended(job) && spared(job).is_none();
    let doomed: Vec<_> = left.iter().copied().filter(|job| doomed(job)).collect();
    if !doomed.is_empty() {
        return Plan::of_writes(doomed.into_iter().map(own::delete).collect());
    }
    if !left.is_empty() {
        let spared = left.into_iter().filter_map(spared).min();
        let plan = conclude(task, observed, seen, now);
        return Plan { requeue: plan.requeue.into_iter().chain(spared).min(), ..plan };
    }
    if !observed.jobs_are_live {
        return Plan::in_doubt();
    }
    conclude(task, observed, attempt::over(task, course.nodes, decided, now), now)
}

/// For how long a node of a failed attempt may end by itself. Deleted by us it would take its log and exit code along, and
/// it may be the one that failed first, when its peers are the first to be heard of.
fn spared(
    task: &ValidTask,
    node: &NodeStatus,
    nodes: &[NodeStatus],
    decided: &TaskEnding,
    now: Timestamp,
) -> Option<SignedDuration> {
    let until = match node.phase {
        NodePhase::Running => stragglers::end_of_patience(task, nodes),
        _ if stragglers::is_unheard(node) => stragglers::end_of_hearing(nodes),
        _ => None,
    };
    let left = until?.duration_since(now);
    (ending::reason(decided) == Reason::Restarting && left.is_positive()).then_some(left)
}

/// What is told of the choice of resources: once the Jobs are recorded it is made, whatever becomes of machines.
fn chosen(task: &ValidTask, observed: &ObservedTask, jobs: &[Option<&Job>]) -> Option<ChosenResources> {
    if task.status.has_all_jobs(task.nodes) || jobs.iter().all(Option::is_none) {
        return task.status.resources.clone();
    }
    resources::choose(task, &observed.cluster, jobs).told
}

enum Next {
    Nothing,
    Wait(TaskPending),
    LookAgain,
    Write(Vec<Write>),
}

/// What is missing until the task has all its Jobs. Once they are all recorded nothing is ever missing again: a Job that
/// is gone then is a failure.
fn missing(task: &ValidTask, observed: &ObservedTask, jobs: &[Option<&Job>], now: Timestamp) -> Next {
    if task.status.has_all_jobs(task.nodes) || jobs.iter().all(Option::is_some) {
        return Next::Nothing;
    }
    if let Some(pending) = attempt::not_begun(&task.status, now) {
        return Next::Wait(pending);
    }
    if let Some(refusal) = &observed.refusal {
        return Next::Wait(pending(refusal.reason, &refusal.message));
    }
    let mounts = match volumes::resolve(task, &observed.volumes, &observed.claims) {
        Ok(mounts) => mounts,
        Err(unresolved) => return Next::Wait(pending(unresolved.reason, &unresolved.message)),
    };
    match absent::pending(task, observed, now) {
        Some(Err(Unsaid)) => return Next::LookAgain,
        Some(Ok(pending)) => return Next::Wait(pending),
        None => {}
    }
    let attempt = own::attempt(&task.status);
    let volumes = volumes::made_for(task).map(Box::new).map(Write::CreateClaim);
    let scripts = scripts::config_map(task).map(Box::new).map(Write::CreateScripts);
    let network = service::service(task)
        .zip(agent::token(task))
        .map(|(service, token)| Write::CreateNetwork { service: Box::new(service), token: Box::new(token) });
    let ports = ports::writes(task);
    let closed = ports::closed(task);
    let missing = (0..task.nodes).zip(jobs).filter(|(_, job)| job.is_none());
    let placement = resources::choose(task, &observed.cluster, jobs).placement;
    let jobs = missing.map(|(index, _)| create(task, job::job(task, &mounts, &placement, index, attempt)));
    // What pods mount and resolve comes before the pods.
    Next::Write(volumes.chain(scripts).chain(network).chain(closed).chain(ports).chain(jobs).collect())
}

fn create(task: &ValidTask, job: Job) -> Write {
    match &task.pod_config {
        None => Write::CreateJob(Box::new(job)),
        Some(config) => Write::CreateChangedJob { body: Box::new(config.change(&job)), job: Box::new(job) },
    }
}

fn pending(reason: Reason, message: &str) -> TaskPending {
    TaskPending { reason: reason.as_str().to_owned(), message: reason.advised(message), ..TaskPending::default() }
}

fn nodes(task: &ValidTask, observed: &ObservedTask, jobs: &[&Job], now: Timestamp) -> Vec<NodeStatus> {
    let jobs = own::by_rank(task, jobs);
    let decided = task.status.ending.as_ref();
    let never = if observed.pods.iter().any(waiting::is_unschedulable) {
        resources::never(task, &observed.cluster, &jobs)
    } else {
        None
    };
    let node = |index: u32| {
        let recorded = task.status.nodes.iter().find(|node| node.index == index);
        let evidence = NodeEvidence {
            task,
            index,
            job_name: task.names.job(index, own::attempt(&task.status)),
            // Until all are recorded, a Job that is gone may be created again, unless none is wanted any more.
            recorded: recorded.filter(|_| decided.is_some() || task.status.has_all_jobs(task.nodes)),
            job: jobs.get(index as usize).copied().flatten(),
            pods: &observed.pods,
            warnings: &observed.warnings,
            never: never.as_deref(),
        };
        let node = node_status(&evidence, now);
        let is_new = node.phase.is_final() && recorded.is_none_or(|recorded| !recorded.phase.is_final());
        match decided {
            // What its own agent tells says more.
            Some(decided) if is_new && node.peer.is_none() => {
                attempt::ended(NodeStatus { reason: None, ..node }, decided)
            }
            _ => node,
        }
    };
    (0..task.nodes).map(node).collect()
}

/// The plan that records `new`, now or a moment later.
fn conclude(task: &ValidTask, observed: &ObservedTask, new: SkyTaskStatus, now: Timestamp) -> Plan<SkyTaskStatus> {
    let old = &task.status;
    let new = expose::told(tail::told(task, observed, new));
    let idle = Plan { requeue: Some(look_again(task, &new, now)), ..Plan::idle() };
    if *old == new {
        return idle;
    }
    match moment(patience(old, &new, task.nodes), observed.noticed, now) {
        Moment::Now => Plan { notes: notes(old, &new), status: Some(new), ..idle },
        Moment::After(wait) => Plan { requeue: Some(wait), held_back: true, ..idle },
    }
}

/// When something falls due by time alone.
fn look_again(task: &ValidTask, status: &SkyTaskStatus, now: Timestamp) -> SignedDuration {
    let begin = status.attempt_time.as_ref().map(|begin| begin.0);
    let deadline = deadline::next(task, status).filter(|_| !is_suspended(status)).map(|deadline| deadline.at);
    let stragglers = stragglers::due(task, status).filter(|_| status.ending.is_none());
    let given_up = alternative::due(task, status).filter(|_| status.ending.is_none());
    let dues = [begin, deadline, stragglers, given_up].into_iter().flatten().map(|due| due.duration_since(now));
    let fits = status.pending.as_ref().is_none_or(|pending| pending.reason != Reason::NeverFits.as_str());
    let rest = if fits { RESYNC } else { MACHINES_COME };
    dues.filter(SignedDuration::is_positive).chain([rest]).min().unwrap_or(rest)
}
