//! Every label key of the product, and what a label value may be. The only place where a label is spelled.

use std::collections::BTreeMap;

use crate::{TaskId, User};

/// Label map as Kubernetes has it.
pub type Labels = BTreeMap<String, String>;

/// `true` on everything that belongs to a task (specification).
pub const TASK: &str = "skypilot-task";
/// The task's id (specification).
pub const TASK_ID: &str = "task-id";
/// The task's name, in a form that a label accepts (specification).
pub const TASK_NAME: &str = "task-name";
/// The user's label form (specification). For people and selectors, not for rights.
pub const USERNAME: &str = "username";
/// Rank of the node that a Job runs, from 0 (specification).
pub const NODE_INDEX: &str = "node-idx";
/// `true` on PVCs of volumes (specification).
pub const VOLUME: &str = "skypilot-volume";
/// The volume's id (specification).
pub const VOLUME_ID: &str = "volume-id";
/// The volume's name (specification).
pub const VOLUME_NAME: &str = "volume-name";
/// Tells users apart whose `username` labels are alike.
pub const USER_HASH: &str = "skytask.dev/user-hash";
/// Which attempt of the task a child belongs to, from 0.
pub const ATTEMPT: &str = "skytask.dev/attempt";
/// Annotation on Jobs: which alternative of the task's resources they ask for, from 0.
pub const ALTERNATIVE: &str = "skytask.dev/alternative";
/// Annotation on Jobs and pods: the SkyTask they belong to. A name may be longer than a label.
pub const TASK_OBJECT: &str = "skytask.dev/task";
/// Annotation on the Services and Ingresses of ports: hash of all that was asked for.
pub const FORM: &str = "skytask.dev/form";
/// Kubernetes' recommended label for the tool that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on SkyTasks and SkyVolumes that came through the gateway.
pub const MANAGED_BY_CLI: &str = "k8s-cli";
/// Value of [`MANAGED_BY`] on what the operator creates.
pub const MANAGED_BY_OPERATOR: &str = "sky-operator";

/// Longest label value, in bytes.
pub const MAX_VALUE: usize = 63;

/// Labels that every child of a task carries; Jobs and pods add [`NODE_INDEX`] and [`ATTEMPT`].
pub fn task_labels(id: &TaskId, name: &str, user: &User) -> Labels {
    Labels::from([
        (TASK.to_owned(), "true".to_owned()),
        (TASK_ID.to_owned(), id.to_string()),
        (TASK_NAME.to_owned(), sanitize_value(name).unwrap_or_else(|| "task".to_owned())),
        (USERNAME.to_owned(), user.label_value()),
        (USER_HASH.to_owned(), user.hash()),
        (MANAGED_BY.to_owned(), MANAGED_BY_OPERATOR.to_owned()),
    ])
}

/// Labels of the PVC of a volume.
pub fn volume_labels(id: &TaskId, name: &str, user: &User) -> Labels {
    Labels::from([
        (VOLUME.to_owned(), "true".to_owned()),
        (VOLUME_ID.to_owned(), id.to_string()),
        (VOLUME_NAME.to_owned(), sanitize_value(name).unwrap_or_else(|| "volume".to_owned())),
        (USERNAME.to_owned(), user.label_value()),
        (USER_HASH.to_owned(), user.hash()),
        (MANAGED_BY.to_owned(), MANAGED_BY_OPERATOR.to_owned()),
    ])
}

/// The nearest text that a label accepts as value: other characters become `-`, ends are trimmed to letters and
/// digits, 63 bytes at most. `None` when nothing is left.
pub fn sanitize_value(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let replaced: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let start = replaced.trim_start_matches(['-', '_', '.']);
    let cut = &start[..start.len().min(MAX_VALUE)];
    let value = cut.trim_end_matches(['-', '_', '.']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Whether a user may set this label on a task's pods: not in our own or a queueing system's namespace, and not one of
/// the specification's keys, on which selection of children rests.
pub fn is_reserved(key: &str) -> bool {
    let ours = [TASK, TASK_ID, TASK_NAME, USERNAME, NODE_INDEX, VOLUME, VOLUME_ID, VOLUME_NAME, MANAGED_BY];
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let reserved = |suffix: &str| domain == suffix || domain.ends_with(&format!(".{suffix}"));
    ours.contains(&key)
        || ["skytask.dev", "kueue.x-k8s.io", "batch.kubernetes.io"].into_iter().any(reserved)
        || matches!(key, "job-name" | "controller-uid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_or_are_none() {
        for (text, value) in [
            ("training-job", Some("training-job")),
            ("MyTask", Some("MyTask")),
            ("a b", Some("a-b")),
            ("..x..", Some("x")),
            ("@", None),
            ("日本", None),
        ] {
            assert_eq!(sanitize_value(text).as_deref(), value, "{text}");
        }
        assert_eq!(sanitize_value(&"a".repeat(80)).unwrap().len(), MAX_VALUE);
    }

    #[test]
    fn reserved_keys() {
        for key in ["task-id", "skytask.dev/x", "kueue.x-k8s.io/queue-name", "batch.kubernetes.io/job-name", "job-name"]
        {
            assert!(is_reserved(key), "{key}");
        }
        for key in ["team", "app.kubernetes.io/name", "notskytask.dev/x"] {
            assert!(!is_reserved(key), "{key}");
        }
    }
}
