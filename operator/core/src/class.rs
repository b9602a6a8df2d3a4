//! Classes of errors, and what to do about each: one table.

use k8s_openapi::jiff::SignedDuration;

/// What kind of failure a pass ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The cluster may answer otherwise in a moment: connection lost, timeout, 5xx.
    Transient,
    /// Our view was old: 409, a changed resourceVersion.
    Conflict,
    /// The API server asks for patience: 429.
    Throttled,
    /// The cluster refuses what we write and says why: quota, admission, a name that is taken.
    Refused,
    /// Something that cannot be: a bug of ours.
    Bug,
}

/// When to try again after a failure of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure.
    pub first: SignedDuration,
    /// The wait doubles with every further failure, up to this.
    pub longest: SignedDuration,
}

impl ErrorClass {
    /// The table.
    pub fn policy(self) -> RetryPolicy {
        let (first, longest) = match self {
            Self::Transient => (SignedDuration::from_millis(500), SignedDuration::from_secs(60)),
            // A watch event with the newer version is on its way.
            Self::Conflict => (SignedDuration::from_millis(50), SignedDuration::from_secs(5)),
            Self::Throttled => (SignedDuration::from_secs(2), SignedDuration::from_secs(120)),
            // Somebody must act first, and then waits for us, who are not told: quick enough to be noticed, slow enough not to
            // disturb. A thousand refused tasks ask a hundred times a second.
            Self::Refused => (SignedDuration::from_secs(2), SignedDuration::from_secs(20)),
            Self::Bug => (SignedDuration::from_secs(30), SignedDuration::from_secs(600)),
        };
        RetryPolicy { first, longest }
    }

    /// Label of metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Bug => "bug",
        }
    }
}
