//! What a task's pod may do, by Kubernetes' Pod Security Standards.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// The standard that the pods of tasks keep if their `podConfig` says nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodSecurity {
    /// "baseline": as its image says, which mostly is as root, so that `setup` can install what it wants.
    #[default]
    Baseline,
    /// "restricted": as an ordinary user without any capability.
    Restricted,
}

/// Whom a restricted pod runs as, whatever the image says: most images say nothing, which means root, and the kubelet
/// refuses those.
const USER: i64 = 1000;

impl PodSecurity {
    /// Of the whole pod. Volumes become the group's, since nobody else could write to them: file by file only if they are not
    /// yet, or a task with millions of files would wait for that at every start.
    pub(super) fn pod(self) -> Option<PodSecurityContext> {
        (self == Self::Restricted).then(|| PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(seccomp()),
            ..PodSecurityContext::default()
        })
    }

    /// Of the task's own container.
    pub(super) fn container(self) -> SecurityContext {
        let nothing = || Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None };
        SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: (self == Self::Restricted).then(nothing),
            seccomp_profile: Some(seccomp()),
            ..SecurityContext::default()
        }
    }
}

/// Of a container of ours beside the task's own, which every standard lets in if the pod's user does.
pub(super) fn of_helper() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        read_only_root_filesystem: Some(true),
        seccomp_profile: Some(seccomp()),
        ..SecurityContext::default()
    }
}

fn seccomp() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }
}
