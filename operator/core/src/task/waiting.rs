//! Why a node does not run yet, when that is more than "it is being started".

use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use kube::ResourceExt as _;
use sky_crd::{condition::Reason, task::NodeStatus};

use super::{Warning, node::shorten};

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    reason: Reason,
    message: String,
}

impl Why {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// The node with this as its reason.
    pub(super) fn of(self, node: NodeStatus) -> NodeStatus {
        NodeStatus { reason: Some(self.reason.as_str().to_owned()), message: Some(shorten(&self.message)), ..node }
    }
}

/// Why a Job has no pod: a quota or an admission that refuses it, which only an event tells.
pub(super) fn without_pod(job: &str, warnings: &[Warning]) -> Option<Why> {
    let refused = newest(warnings, job, &["FailedCreate"])?;
    Some(Why::new(Reason::Refused, without_pod_names(job, &refused.message)))
}

/// Why a pod does not run.
pub(super) fn with_pod(pod: &Pod, waiting: Option<&ContainerStateWaiting>, warnings: &[Warning]) -> Option<Why> {
    unschedulable(pod).or_else(|| of_container(pod, waiting?)).or_else(|| of_kubelet(pod, warnings))
}

fn unschedulable(pod: &Pod) -> Option<Why> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let refusal = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(Why::new(Reason::Unschedulable, without_preemption(refusal.message.as_deref().unwrap_or_default())))
}

/// The scheduler also says why nobody can be evicted instead, which is of no use to who asks for a machine.
fn without_preemption(message: &str) -> &str {
    let end = [". no new claims", ". preemption:", " preemption:"].iter().filter_map(|part| message.find(part)).min();
    &message[..end.unwrap_or(message.len())]
}

fn of_container(pod: &Pod, waiting: &ContainerStateWaiting) -> Option<Why> {
    let kind = waiting.reason.as_deref()?;
    let said = || format!("{kind}: {}", waiting.message.as_deref().unwrap_or_default());
    let words = || waiting.message.clone().unwrap_or_default();
    match kind {
        // Both alternate while the kubelet retries; one wording keeps the status at rest.
        "ErrImagePull" | "ImagePullBackOff" => Some(Why::new(Reason::ImagePull, image_message(pod))),
        "InvalidImageName" | "ErrImageNeverPull" | "RegistryUnavailable" => Some(Why::new(Reason::ImagePull, said())),
        "CreateContainerConfigError" if names_absent(waiting, "secret") => {
            Some(Why::new(Reason::SecretNotFound, words()))
        }
        "CreateContainerConfigError" if names_absent(waiting, "configmap") => {
            Some(Why::new(Reason::ConfigMapNotFound, words()))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Why::new(Reason::StartFailed, said()))
        }
        _ => None,
    }
}

/// Whether the kubelet misses an object of that kind, or a key in one: `secret "x" not found`, `couldn't find key k in
/// Secret ns/x`.
fn names_absent(waiting: &ContainerStateWaiting, kind: &str) -> bool {
    let message = waiting.message.as_deref().unwrap_or_default().to_lowercase();
    let is_absent = message.ends_with("not found") || message.starts_with("couldn't find key");
    is_absent && message.contains(&format!("{kind} "))
}

/// What the kubelet tells only by events: volumes that it cannot mount.
fn of_kubelet(pod: &Pod, warnings: &[Warning]) -> Option<Why> {
    let failed = newest(warnings, &pod.name_any(), &["FailedMount", "FailedAttachVolume", "FailedMapVolume"])?;
    Some(Why::new(Reason::MountFailed, failed.message.clone()))
}

fn newest<'a>(warnings: &'a [Warning], about: &str, reasons: &[&str]) -> Option<&'a Warning> {
    let fits = |warning: &&Warning| warning.about == about && reasons.contains(&warning.reason.as_str());
    warnings.iter().filter(fits).max_by_key(|warning| warning.at)
}

/// Every try has a new random name, and a message that changes with each would never let the status come to rest.
fn without_pod_names(job: &str, message: &str) -> String {
    let start = format!("\"{job}-");
    let mut parts = message.split(&start);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let random = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
        match part[random..].strip_prefix('"') {
            Some(rest) if random == 5 => out.extend(["\"", job, "\"", rest]),
            _ => out.extend([start.as_str(), part]),
        }
    }
    out
}

fn image_message(pod: &Pod) -> String {
    let image = |pod: &Pod| pod.spec.as_ref()?.containers.first()?.image.clone();
    let image = image(pod).unwrap_or_default();
    format!("the image {image} cannot be pulled: check its name, that it exists, and the credentials for its registry")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedulers_words_are_kept_to_the_point() {
        let said = "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes";
        assert_eq!(without_preemption(said), "0/3 nodes are available: 3 Insufficient cpu");
        assert_eq!(without_preemption("0/1 nodes. preemption: x"), "0/1 nodes");
        assert_eq!(without_preemption("plain"), "plain");
    }

    #[test]
    fn random_names_of_pods_are_left_out() {
        for (message, expected) in [
            (r#"pods "job-1-x7k2p" is forbidden: exceeded quota"#, r#"pods "job-1" is forbidden: exceeded quota"#),
            (r#"pods "job-1-x7k2p" and "job-1-aaaaa""#, r#"pods "job-1" and "job-1""#),
            (r#"secret "job-1-longer-name" not found"#, r#"secret "job-1-longer-name" not found"#),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_pod_names("job-1", message), expected);
        }
    }
}
