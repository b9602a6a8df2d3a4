//! What a user decides about the life of a task, at any time of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stopping, pausing and trying again. These fields may be changed while the task lives; none of them changes what it
/// runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Ends the task for good: its scripts get SIGTERM and the grace period, then nothing of it runs. The record stays.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stop: bool,

    /// Ends what runs and keeps the task from running until this is false again; it then starts from the beginning, as a
    /// new attempt.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,

    /// How often the task may be started again after a node has failed by itself; always all nodes together. Waits
    /// between attempts grow from 5 seconds to 5 minutes. Default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(max = Self::MAX_RESTARTS))]
    pub max_restarts: u32,

    /// How often the task may be started again after a disruption, such as an eviction, a preemption or a lost machine;
    /// counted apart from maxRestarts. Default: without limit if maxRestarts or recoverOnExitCodes is set, else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = Self::MAX_RESTARTS))]
    pub max_disruption_restarts: Option<u32>,

    /// Exit codes after which the task is always started again, not counted by maxRestarts. The first failing node's
    /// decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(range(min = 1, max = 255)))]
    pub recover_on_exit_codes: Vec<i32>,

    /// Seconds from the first running container after which the task is ended and has failed. All attempts count together,
    /// and the time between them; the time in which the task is suspended does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 315_360_000))]
    pub active_deadline_seconds: Option<u32>,

    /// Seconds within which all containers of an attempt must have started, or the task is ended and has failed. Attempts
    /// that are given up for another alternative of `resources` count together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 315_360_000))]
    pub start_deadline_seconds: Option<u32>,

    /// Seconds for which an attempt may wait for machines before it is given up for another alternative of `resources`,
    /// where the cluster has machines for one. Each time round an alternative is given twice as long, up to an hour. No
    /// script of the attempt has begun by then, and no restart is counted. 0: it waits for ever. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = Self::MAX_PLACEMENT_SECONDS))]
    pub placement_timeout_seconds: Option<u32>,

    /// Seconds after the end when Jobs, pods and their logs are removed. The SkyTask stays with its status, so that nothing
    /// that applies it again runs it again. Default: they stay as long as the SkyTask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 315_360_000))]
    pub ttl_seconds_after_finished: Option<u32>,

    /// Seconds after the end when the SkyTask itself is removed. Not for a task that something applies again and again: it
    /// would run again. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 315_360_000))]
    pub retain_seconds: Option<u32>,

    /// What happens when something that decides the run, such as the script, is changed: the change is refused, or the task
    /// runs again at once, or the next attempt takes the change over. Default `Reject`.
    #[serde(default, skip_serializing_if = "UpdatePolicy::is_default")]
    pub update_policy: UpdatePolicy,

    /// A new value here runs the task again, even after its end. Any text will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run_token: Option<String>,

    /// When the task counts as healthy (condition Ready): once it has finished, or already once all its nodes have started.
    /// Default `Finished`.
    #[serde(default, skip_serializing_if = "HealthyWhen::is_default")]
    pub healthy_when: HealthyWhen,
}

impl Lifecycle {
    /// Most restarts of either kind: names of Jobs have room for a thousand attempts.
    pub const MAX_RESTARTS: u32 = 900;
    /// Longest wait for machines, in seconds: a week.
    pub const MAX_PLACEMENT_SECONDS: u32 = 604_800;
}

/// What happens when something that decides the run is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdatePolicy {
    /// The change is refused.
    #[default]
    Reject,
    /// The task runs again, whatever it is doing, and also when it has finished.
    Rerun,
    /// What runs goes on; the next attempt, after a restart or a suspension or by runToken, takes the change over.
    NextRestart,
}

impl UpdatePolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When a task counts as healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HealthyWhen {
    /// Once every node has succeeded.
    #[default]
    Finished,
    /// Once every node has started, until one fails: for tasks that serve.
    Started,
}

impl HealthyWhen {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
