//! Why a node does not run yet, when that is more than "it is being started".

use k8s_openapi::api::core::v1::{ContainerStateWaiting, ContainerStatus, Pod, PodCondition};
use kube::ResourceExt as _;
use sky_crd::{condition::Reason, task::NodeStatus};

use super::{Warning, image::PullFailure, node::shorten, unschedulable};

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

/// Why a pod does not run. `never` is why no machine that exists could hold it, if that is so.
pub(super) fn with_pod(pod: &Pod, warnings: &[Warning], never: Option<&str>) -> Option<Why> {
    let of_containers = || containers(pod).find_map(of_container);
    unschedulable(pod, never).or_else(of_containers).or_else(|| of_kubelet(pod, warnings))
}

/// Whether the scheduler has looked at the pod and found no machine for it.
pub(super) fn is_unschedulable(pod: &Pod) -> bool {
    refusal(pod).is_some()
}

fn refusal(pod: &Pod) -> Option<&PodCondition> {
    pod.status.as_ref()?.conditions.as_deref()?.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })
}

fn unschedulable(pod: &Pod, never: Option<&str>) -> Option<Why> {
    let refusal = refusal(pod)?;
    let (reason, message) = unschedulable::read(refusal.message.as_deref().unwrap_or_default(), never);
    Some(Why { reason, message })
}

/// All containers, those first that the others wait for.
fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.init_container_statuses.as_deref());
    let then = status.and_then(|status| status.container_statuses.as_deref());
    [first, then].into_iter().flatten().flatten()
}

fn of_container(container: &ContainerStatus) -> Option<Why> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let kind = waiting.reason.as_deref()?;
    let words = || waiting.message.clone().unwrap_or_default();
    let said = || format!("{kind}: {}", words());
    match kind {
        // Both alternate while the kubelet retries; one wording keeps the status at rest.
        "ErrImagePull" | "ImagePullBackOff" => {
            Some(Why::new(Reason::ImagePull, PullFailure::read(&words(), &container.image).of(&container.image)))
        }
        "InvalidImageName" => {
            let image = &container.image;
            Some(Why::new(Reason::ImagePull, format!("`{image}` is no name of an image ({kind}): correct it")))
        }
        "ErrImageNeverPull" | "RegistryUnavailable" => Some(Why::new(Reason::ImagePull, said())),
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
    let reason = if failed.message.starts_with("Multi-Attach") { Reason::VolumeConflict } else { Reason::MountFailed };
    Some(Why::new(reason, failed.message.clone()))
}

/// The newest of these events about something.
pub(super) fn newest<'a>(warnings: &'a [Warning], about: &str, reasons: &[&str]) -> Option<&'a Warning> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
