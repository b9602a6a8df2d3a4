//! What the children of a task have in common, but for its Jobs, which say more about themselves.

use kube::core::ObjectMeta;
use sky_crd::label;

use super::ValidTask;

/// The metadata of the child of this name: the task's labels, and the task as the owner with which it is deleted.
pub(super) fn metadata(task: &ValidTask, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(task.owner.namespace.clone()),
        labels: Some(label::task_labels(&task.id, &task.name, &task.user)),
        owner_references: Some(vec![task.owner.reference.clone()]),
        ..ObjectMeta::default()
    }
}
