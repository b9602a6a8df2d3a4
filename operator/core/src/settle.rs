//! When a changed status is written: nodes that move together are recorded together.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// How long a change may wait for others.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(1);

/// Whether to write a changed status now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Write it.
    Now,
    /// Look again after this time; whatever has changed by then is written with it.
    After(SignedDuration),
}

/// `urgent` changes are written at once. Others wait [`SETTLE`] from the time when the first of them was noticed, so that
/// an object gets at most one such write a second, and none waits longer.
pub fn moment(urgent: bool, noticed: Option<Timestamp>, now: Timestamp) -> Moment {
    let waited = noticed.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    if urgent || waited >= SETTLE { Moment::Now } else { Moment::After(SETTLE - waited.max(SignedDuration::ZERO)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_once_and_never_longer() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let after = |millis| Moment::After(SignedDuration::from_millis(millis));
        for (urgent, noticed, now, expected) in [
            (true, None, 0, Moment::Now),
            (false, None, 0, after(1000)),
            (false, Some(0), 400, after(600)),
            (false, Some(0), 1000, Moment::Now),
            // A clock that was set back must not make the wait longer.
            (false, Some(5000), 0, after(1000)),
        ] {
            assert_eq!(moment(urgent, noticed.map(at), at(now)), expected);
        }
    }
}
