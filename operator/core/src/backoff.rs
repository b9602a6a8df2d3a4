//! How long to wait after the n-th failure of one object.

use std::collections::HashMap;

use k8s_openapi::jiff::SignedDuration;

use crate::class::ErrorClass;

/// Failures in a row, per object UID. An object that succeeds or goes is forgotten.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: HashMap<String, u32>,
}

impl Backoff {
    /// Counts a failure and says when to try again. `jitter` in 0..1 spreads objects that failed together: the wait is
    /// between half and the whole of the class's next step.
    pub fn next(&mut self, uid: &str, class: ErrorClass, jitter: f64) -> SignedDuration {
        let failures = self.failures.entry(uid.to_owned()).or_default();
        let policy = class.policy();
        let doublings = (*failures).min(16);
        *failures = failures.saturating_add(1);
        let step = policy.first.as_secs_f64() * f64::from(1_u32 << doublings);
        let wait = step.min(policy.longest.as_secs_f64()) * (0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        SignedDuration::try_from_secs_f64(wait).unwrap_or(policy.longest)
    }

    /// Forgets an object's failures: it succeeded, or it is gone.
    pub fn forget(&mut self, uid: &str) {
        self.failures.remove(uid);
    }

    /// Objects with failures.
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Whether no object has failures.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_starts_again_after_success() {
        let mut backoff = Backoff::default();
        let millis = |wait: SignedDuration| wait.as_millis();
        let waits: Vec<_> = (0..9).map(|_| millis(backoff.next("a", ErrorClass::Transient, 1.0))).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
        assert_eq!(millis(backoff.next("b", ErrorClass::Transient, 0.0)), 250);
        backoff.forget("a");
        assert_eq!(millis(backoff.next("a", ErrorClass::Transient, 1.0)), 500);
        assert_eq!(backoff.len(), 2);
    }
}
