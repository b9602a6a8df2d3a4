//! What the operator remembers of an object between passes. Losing all of it costs a little time and nothing else.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sky_operator_core::{backoff::Backoff, class::ErrorClass};

/// By object UID; an object that is gone is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    backoff: Backoff,
    noticed: HashMap<String, Timestamp>,
    written: HashMap<String, u64>,
}

impl Memory {
    /// When the first change was noticed that is not recorded yet.
    pub(crate) fn noticed(&self, uid: &str) -> Option<Timestamp> {
        self.lock().noticed.get(uid).copied()
    }

    /// A change was held back at `now`.
    pub(crate) fn hold_back(&self, uid: &str, now: Timestamp) {
        self.lock().noticed.entry(uid.to_owned()).or_insert(now);
    }

    /// Nothing is held back any more.
    pub(crate) fn release(&self, uid: &str) {
        self.lock().noticed.remove(uid);
    }

    /// The version that a write of ours has made.
    pub(crate) fn wrote(&self, uid: &str, version: &str) {
        if let Ok(version) = version.parse() {
            self.lock().written.insert(uid.to_owned(), version);
        }
    }

    /// Whether this version is older than what we have written: the cache has not caught up, and a decision on it would
    /// be one on the past.
    pub(crate) fn is_outdated(&self, uid: &str, version: &str) -> bool {
        let written = self.lock().written.get(uid).copied();
        matches!((written, version.parse::<u64>()), (Some(written), Ok(version)) if version < written)
    }

    /// Counts a failure and says when to try again.
    pub(crate) fn failed(&self, uid: &str, class: ErrorClass, jitter: f64) -> SignedDuration {
        self.lock().backoff.next(uid, class, jitter)
    }

    /// A pass went through.
    pub(crate) fn succeeded(&self, uid: &str) {
        self.lock().backoff.forget(uid);
    }

    /// The object is gone.
    pub(crate) fn forget(&self, uid: &str) {
        let mut inner = self.lock();
        inner.backoff.forget(uid);
        inner.noticed.remove(uid);
        inner.written.remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each entry is whole at every moment, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
