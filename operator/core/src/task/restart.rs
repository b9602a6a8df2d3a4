//! Whether a failed attempt is followed by another, and when.

use k8s_openapi::jiff::SignedDuration;
use sky_crd::{
    condition::Reason,
    task::{Lifecycle, SkyTaskStatus, TaskAttempt, TaskFailure},
};

use super::own;

/// Wait after the first failed attempt; it doubles with every further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// Longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// An attempt that ran so long was no start that failed: the waits begin anew (the kubelet's rule for containers).
const STABLE: SignedDuration = SignedDuration::from_mins(10);
/// Attempts that a task may have: names of Jobs have room for three digits.
const MAX_ATTEMPTS: u32 = 1000;

/// What a restart is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// Against `maxRestarts`.
    Restart,
    /// Against `maxDisruptionRestarts`.
    Disruption,
    /// Not at all: the exit code is one of `recoverOnExitCodes`.
    Free,
}

/// Whether the task is started again after this failure, and what that counts as.
///
/// What a new pod cannot cure is not tried: no shell in the image, a Job that somebody deleted. The rules are SkyPilot's
/// for managed jobs (`job_recovery`): a code of the list always recovers, a disruption is nobody's fault, everything else
/// counts.
pub(super) fn again(rules: &Lifecycle, status: &SkyTaskStatus, failure: &TaskFailure) -> Option<Count> {
    let listed = failure.exit_code.is_some_and(|code| rules.recover_on_exit_codes.contains(&code));
    let recovers = rules.max_restarts > 0 || !rules.recover_on_exit_codes.is_empty();
    let disruptions = rules.max_disruption_restarts.unwrap_or(if recovers { u32::MAX } else { 0 });
    let count = match Reason::from_text(&failure.reason)? {
        Reason::Disrupted | Reason::NodeLost | Reason::PeerLost | Reason::PeerAbsent => {
            (status.disruptions.unwrap_or(0) < disruptions).then_some(Count::Disruption)
        }
        Reason::RunFailed | Reason::SetupFailed if listed => Some(Count::Free),
        Reason::RunFailed
        | Reason::SetupFailed
        | Reason::OutOfMemory
        | Reason::AgentLost
        | Reason::StartFailed
        | Reason::CheckoutFailed => (status.restarts.unwrap_or(0) < rules.max_restarts).then_some(Count::Restart),
        _ => None,
    };
    count.filter(|_| own::attempt(status) + 1 < MAX_ATTEMPTS)
}

/// Counts a restart after this failure.
pub(super) fn count(rules: &Lifecycle, status: &mut SkyTaskStatus, failure: Option<&TaskFailure>) {
    match failure.and_then(|failure| again(rules, status, failure)) {
        Some(Count::Restart) => status.restarts = Some(status.restarts.unwrap_or(0) + 1),
        Some(Count::Disruption) => status.disruptions = Some(status.disruptions.unwrap_or(0) + 1),
        Some(Count::Free) | None => {}
    }
}

/// How long to wait after the last of these attempts.
pub(super) fn wait(attempts: &[TaskAttempt]) -> SignedDuration {
    let was_short = |attempt: &&TaskAttempt| match (&attempt.start_time, &attempt.end_time) {
        (Some(start), Some(end)) => end.0.duration_since(start.0) < STABLE,
        _ => true,
    };
    let of_failure =
        |attempt: &&TaskAttempt| Reason::from_text(&attempt.reason).is_some_and(|reason| reason != Reason::Suspended);
    // One that was never placed has not failed.
    let placed = |attempt: &&TaskAttempt| attempt.reason != Reason::NotPlaced.as_str();
    let in_a_row = attempts.iter().rev().filter(placed).take_while(was_short).take_while(of_failure).count();
    let doublings = u32::try_from(in_a_row.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::task::fixture::at;

    fn failure(reason: &str, code: Option<i32>) -> TaskFailure {
        TaskFailure { reason: reason.to_owned(), exit_code: code, ..TaskFailure::default() }
    }

    #[test]
    fn what_is_tried_again() {
        let none = Lifecycle::default();
        let two = Lifecycle { max_restarts: 2, ..Lifecycle::default() };
        let codes = Lifecycle { recover_on_exit_codes: vec![33], ..Lifecycle::default() };
        let apart = Lifecycle { max_restarts: 2, max_disruption_restarts: Some(1), ..Lifecycle::default() };
        let (restart, disruption) = (Some(Count::Restart), Some(Count::Disruption));
        for (rules, restarts, disruptions, reason, code, expected) in [
            (&none, 0, 0, "RunFailed", Some(1), None),
            (&none, 0, 0, "Disrupted", None, None),
            (&two, 0, 0, "NodeLost", None, disruption),
            (&two, 0, 0, "RunFailed", Some(1), restart),
            (&two, 1, 9, "SetupFailed", Some(1), restart),
            (&two, 2, 0, "RunFailed", Some(1), None),
            (&two, 1, 0, "OOMKilled", Some(137), restart),
            (&two, 1, 0, "CheckoutFailed", None, restart),
            (&two, 0, 0, "NoShell", Some(128), None),
            (&two, 0, 0, "JobDeleted", None, None),
            (&two, 0, 0, "NotAReason", None, None),
            (&two, 2, 500, "Disrupted", Some(143), disruption),
            (&codes, 0, 0, "RunFailed", Some(33), Some(Count::Free)),
            (&codes, 0, 0, "RunFailed", Some(34), None),
            (&codes, 0, 0, "Disrupted", None, disruption),
            (&apart, 0, 0, "Disrupted", None, disruption),
            (&apart, 0, 1, "Disrupted", None, None),
        ] {
            let status =
                SkyTaskStatus { restarts: Some(restarts), disruptions: Some(disruptions), ..SkyTaskStatus::default() };
            assert_eq!(again(rules, &status, &failure(reason, code)), expected, "{reason} {code:?}");
        }
        let last = SkyTaskStatus { attempt: Some(MAX_ATTEMPTS - 1), ..SkyTaskStatus::default() };
        assert_eq!(again(&codes, &last, &failure("RunFailed", Some(33))), None);
    }

    #[test]
    fn waits_grow_until_an_attempt_ran_long() {
        let attempt = |seconds| TaskAttempt {
            start_time: Some(Time(at(0))),
            end_time: Some(Time(at(seconds))),
            reason: "RunFailed".to_owned(),
            ..TaskAttempt::default()
        };
        for (lengths, seconds) in [
            (&[1][..], 5),
            (&[1, 1], 10),
            (&[1, 1, 1, 1], 40),
            (&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 300),
            (&[1, 1, 601], 5),
            (&[1, 601, 1, 1], 10),
        ] {
            let attempts: Vec<_> = lengths.iter().copied().map(attempt).collect();
            assert_eq!(wait(&attempts).as_secs(), seconds, "{lengths:?}");
        }
    }
}
