//! The conditions of a task: all of them, always. A condition that is missing cannot be waited for.

use sky_crd::{
    condition::{ConditionType, Reason, Verdict},
    task::{HealthyWhen, Lifecycle, TaskEnding, TaskFailure, TaskPending, TaskPhase},
};

use super::status::Counts;

/// What the conditions follow from.
pub(super) struct Situation<'a> {
    pub(super) counts: Counts,
    pub(super) phase: TaskPhase,
    /// Whether the task has come to its end, whatever that was.
    pub(super) over: bool,
    pub(super) failure: Option<&'a TaskFailure>,
    pub(super) pending: Option<&'a TaskPending>,
    pub(super) ending: Option<&'a TaskEnding>,
    /// What its user asks for now.
    pub(super) asked: &'a Lifecycle,
}

/// The verdicts. kstatus reads Ready, Reconciling and Stalled: in progress until the end, then current on success and
/// failed otherwise. A suspended task is what it was asked to be, and so is a stopped one, as long as it is asked to stop:
/// what a repository says has come true. Whoever waits for success waits for Complete.
pub(super) fn verdicts(situation: &Situation<'_>) -> Vec<Verdict> {
    use ConditionType as C;
    let Situation { counts, phase, over, failure, pending, .. } = *situation;
    let (reason, message) = explain(situation);
    let succeeded = phase == TaskPhase::Succeeded;
    let suspended = phase == TaskPhase::Suspended;
    let all_started = counts.pending == 0 && phase == TaskPhase::Running && situation.ending.is_none();
    let serves = situation.asked.healthy_when == HealthyWhen::Started && all_started;
    let stopped = phase == TaskPhase::Stopped && situation.asked.stop;
    let all = [
        (C::Ready, succeeded || suspended || stopped || serves),
        (C::Reconciling, !over && !suspended && !serves),
        (C::Stalled, (over && !succeeded && !stopped) || pending.is_some_and(is_refused)),
        (C::Running, counts.running > 0),
        (C::Complete, succeeded),
        (C::Failed, failure.is_some()),
        (C::Suspended, suspended),
        (C::Finished, over),
    ];
    all.map(|(kind, holds)| Verdict { kind, holds, reason, message: message.clone() }).to_vec()
}

/// The verdicts about a task that was stopped, by what is asked for now.
pub(super) fn of_stopped(ending: Option<&TaskEnding>, asked: &Lifecycle) -> Vec<Verdict> {
    let (counts, phase) = (Counts::default(), TaskPhase::Stopped);
    verdicts(&Situation { counts, phase, over: true, failure: None, pending: None, ending, asked })
}

/// The verdicts about a task that can never run.
pub(super) fn of_invalid(message: &str) -> Vec<Verdict> {
    use ConditionType as C;
    let verdict = |kind, holds| Verdict { kind, holds, reason: Reason::InvalidSpec, message: message.to_owned() };
    let all = [
        (C::Ready, false),
        (C::Reconciling, false),
        (C::Stalled, true),
        (C::Running, false),
        (C::Complete, false),
        (C::Failed, true),
        (C::Suspended, false),
        (C::Finished, true),
    ];
    all.map(|(kind, holds)| verdict(kind, holds)).to_vec()
}

/// Waiting for an image or a machine may end by itself; what the API server refuses does not.
fn is_refused(pending: &TaskPending) -> bool {
    let lasting = [Reason::Refused, Reason::NameConflict, Reason::VolumeForbidden];
    lasting.iter().any(|reason| reason.as_str() == pending.reason)
}

fn explain(situation: &Situation<'_>) -> (Reason, String) {
    let Situation { counts, phase, over, failure, pending, ending, .. } = *situation;
    let nodes = counts.pending + counts.running + counts.succeeded + counts.failed;
    if let Some(failure) = failure {
        return (Reason::from_text(&failure.reason).unwrap_or(Reason::RunFailed), failure.message.clone());
    }
    if let Some(ending) = ending {
        let reason = super::ending::reason(ending);
        let left = counts.pending + counts.running;
        let message = match phase {
            TaskPhase::Suspended => format!("{}: {}", ending.message, reason.next_step()),
            TaskPhase::Stopped if !situation.asked.stop => {
                "it was stopped, and spec.stop is false again: only a new spec.runToken runs it again".to_owned()
            }
            _ if over || left == 0 => ending.message.clone(),
            _ => format!("{}: {left} of {nodes} nodes have not ended yet", ending.message),
        };
        return (reason, message);
    }
    if phase == TaskPhase::Succeeded {
        return (Reason::Succeeded, format!("{nodes} of {nodes} nodes succeeded"));
    }
    if let Some(pending) = pending {
        return (Reason::from_text(&pending.reason).unwrap_or(Reason::Starting), pending.message.clone());
    }
    if counts.running + counts.succeeded > 0 {
        let message = format!("{} running, {} succeeded, {} pending", counts.running, counts.succeeded, counts.pending);
        return (Reason::Running, message);
    }
    (Reason::Starting, format!("{} of {nodes} nodes are starting", counts.pending))
}
