//! The Job of one node.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    batch::v1::{
        Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
        PodFailurePolicyRule,
    },
    core::v1::PodTemplateSpec,
};
use kube::core::ObjectMeta;
use sky_crd::label::{self, Labels};

use super::{ValidTask, pod, resources::Placement, volumes::Mount};

/// The Job of node `index` in `attempt`.
///
/// No TTL, no suspend and no deadline of the Job's own: the operator owns time, and a Job's deadline burns while its pod
/// cannot be scheduled. One pod that is never replaced: a task's nodes start together or not at all.
pub(super) fn job(task: &ValidTask, mounts: &[Mount], placement: &Placement, index: u32, attempt: u32) -> Job {
    let labels = labels(task, placement, index, attempt);
    let mut own = annotations(task);
    if task.wants.len() > 1 {
        own.insert(label::ALTERNATIVE.to_owned(), placement.alternative.to_string());
    }
    Job {
        metadata: ObjectMeta {
            name: Some(task.names.job(index, attempt)),
            namespace: Some(task.owner.namespace.clone()),
            labels: Some(labels.clone()),
            annotations: Some(own),
            owner_references: Some(vec![task.owner.reference.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: Some(1),
            completions: Some(1),
            backoff_limit: Some(0),
            pod_replacement_policy: Some("Failed".to_owned()),
            pod_failure_policy: Some(failure_policy()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations: Some(annotations(task)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod::spec(task, mounts, placement, index, attempt)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn annotations(task: &ValidTask) -> BTreeMap<String, String> {
    BTreeMap::from([(label::TASK_OBJECT.to_owned(), task.owner.reference.name.clone())])
}

fn labels(task: &ValidTask, placement: &Placement, index: u32, attempt: u32) -> Labels {
    let mut labels = task.spec.labels.clone();
    labels.extend(placement.want.labels.clone());
    // Last, so that no label of the user's can take a child away from its task.
    labels.extend(label::task_labels(&task.id, &task.name, &task.user));
    labels.insert(label::NODE_INDEX.to_owned(), index.to_string());
    labels.insert(label::ATTEMPT.to_owned(), attempt.to_string());
    labels
}

/// Both rules only fail the Job, which a backoff limit of 0 does too; they make its condition say why, so that the cause
/// survives the pod.
fn failure_policy() -> PodFailurePolicy {
    let fail = "FailJob".to_owned();
    let disruption = PodFailurePolicyOnPodConditionsPattern {
        type_: "DisruptionTarget".to_owned(),
        status: Some("True".to_owned()),
    };
    let any_failure = PodFailurePolicyOnExitCodesRequirement {
        operator: "NotIn".to_owned(),
        values: vec![0],
        ..PodFailurePolicyOnExitCodesRequirement::default()
    };
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: fail.clone(),
                on_pod_conditions: Some(vec![disruption]),
                ..PodFailurePolicyRule::default()
            },
            PodFailurePolicyRule { action: fail, on_exit_codes: Some(any_failure), ..PodFailurePolicyRule::default() },
        ],
    }
}
