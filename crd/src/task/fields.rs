//! Which field of a task's specification is of which kind. A test keeps the lists complete.

/// Who the task is. Never changes.
pub const IDENTITY: &[&str] = &["taskId", "name", "user"];

/// What decides what is run, and where. Changes only as `updatePolicy` says.
pub const RUN: &[&str] = &[
    "numNodes",
    "workdir",
    "resources",
    "envs",
    "envFrom",
    "secrets",
    "fileMounts",
    "volumes",
    "setup",
    "run",
    "serviceAccountName",
    "imagePullSecrets",
    "nodeSelector",
    "tolerations",
    "priorityClassName",
    "runtimeClassName",
    "gracePeriodSeconds",
    "startTimeoutSeconds",
    "labels",
    "priority",
    "expose",
    "podConfig",
];

/// What may change at any time of the task's life.
pub const LIVE: &[&str] = &[
    "stop",
    "suspend",
    "maxRestarts",
    "maxDisruptionRestarts",
    "recoverOnExitCodes",
    "activeDeadlineSeconds",
    "startDeadlineSeconds",
    "placementTimeoutSeconds",
    "ttlSecondsAfterFinished",
    "retainSeconds",
    "updatePolicy",
    "runToken",
    "healthyWhen",
];
