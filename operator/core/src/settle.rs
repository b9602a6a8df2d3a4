//! When a changed status is written: nodes that move together are recorded together.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// How long a change may wait for others.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(1);
/// The same for what nobody acts on, and what the kubelet tells of one node after the other.
pub const LEISURE: SignedDuration = SignedDuration::from_secs(5);

/// Whether to write a changed status now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Write it.
    Now,
    /// Look again after this time; whatever has changed by then is written with it.
    After(SignedDuration),
}

/// Urgent changes have no `patience` and are written at once. Others wait for so long, [`SETTLE`] or [`LEISURE`], from the
/// time when the first of them was noticed, so that an object gets at most one such write in that time, and none waits longer.
pub fn moment(patience: SignedDuration, noticed: Option<Timestamp>, now: Timestamp) -> Moment {
    let waited = noticed.map_or(SignedDuration::ZERO, |since| now.duration_since(since)).max(SignedDuration::ZERO);
    if waited >= patience { Moment::Now } else { Moment::After(patience - waited) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_once_and_never_longer() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let after = |millis| Moment::After(SignedDuration::from_millis(millis));
        for (patience, noticed, now, expected) in [
            (SignedDuration::ZERO, None, 0, Moment::Now),
            (SETTLE, None, 0, after(1000)),
            (SETTLE, Some(0), 400, after(600)),
            (SETTLE, Some(0), 1000, Moment::Now),
            (LEISURE, Some(0), 1000, after(4000)),
            // A clock that was set back must not make the wait longer.
            (SETTLE, Some(5000), 0, after(1000)),
        ] {
            assert_eq!(moment(patience, noticed.map(at), at(now)), expected);
        }
    }
}
