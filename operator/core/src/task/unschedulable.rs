//! What the scheduler says of a pod that it cannot place.

use sky_crd::condition::Reason;

/// Words of the scheduler about storage (Kubernetes' plugins `VolumeBinding`, `VolumeRestrictions`, `NodeVolumeLimits`). They
/// weigh more than what else it says: other machines could not have the storage either.
const STORAGE: &[(&str, Reason)] = &[
    ("unbound immediate PersistentVolumeClaims", Reason::Provisioning),
    ("didn't find available persistent volumes to bind", Reason::Provisioning),
    ("did not have enough free storage", Reason::Provisioning),
    ("didn't match PersistentVolume's node affinity", Reason::VolumeConflict),
    // The same until Kubernetes 1.34.
    ("volume node affinity conflict", Reason::VolumeConflict),
    ("ReadWriteOncePod", Reason::VolumeConflict),
    ("exceed max volume count", Reason::VolumeConflict),
];

/// The reason to wait, and the message. `never` says why no machine that exists could hold the pod, if that is so.
pub(super) fn read(said: &str, never: Option<&str>) -> (Reason, String) {
    let said = without_preemption(said);
    if let Some(reason) = STORAGE.iter().find_map(|(words, reason)| said.contains(words).then_some(*reason)) {
        return (reason, storage(reason, said));
    }
    match never {
        Some(never) => (Reason::NeverFits, format!("{never} (the scheduler says: {said})")),
        None => (Reason::Unschedulable, format!("no machine takes it now: {said}")),
    }
}

fn storage(reason: Reason, said: &str) -> String {
    let what = if reason == Reason::Provisioning {
        "a volume has no storage yet"
    } else {
        "a volume cannot be used on any machine that would take it"
    };
    format!("{what}: {said}")
}

/// The scheduler also says why nobody can be evicted instead, which is of no use to who asks for a machine.
fn without_preemption(message: &str) -> &str {
    let end = [". no new claims", ". preemption:", " preemption:"].iter().filter_map(|part| message.find(part)).min();
    message[..end.unwrap_or(message.len())].trim_end_matches(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedulers_words_are_kept_to_the_point() {
        let said = "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes";
        assert_eq!(without_preemption(said), "0/3 nodes are available: 3 Insufficient cpu");
        assert_eq!(without_preemption("0/1 nodes. preemption: x"), "0/1 nodes");
        assert_eq!(without_preemption("plain. "), "plain");
    }

    #[test]
    fn storage_weighs_more_than_machines() {
        let never = Some("no machine could");
        for (said, never, reason) in [
            ("0/3 nodes are available: 3 Insufficient cpu.", None, Reason::Unschedulable),
            ("0/3 nodes are available: 3 Insufficient cpu.", never, Reason::NeverFits),
            ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", never, Reason::Provisioning),
            (
                "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
                None,
                Reason::VolumeConflict,
            ),
            (
                "0/4 nodes are available: 1 node(s) had volume node affinity conflict, 3 Insufficient cpu.",
                None,
                Reason::VolumeConflict,
            ),
            (
                "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and \
                 ReadWriteOncePod access mode.",
                None,
                Reason::VolumeConflict,
            ),
        ] {
            let (found, message) = read(said, never);
            assert_eq!(found, reason, "{said}");
            assert!(message.contains("nodes are available"), "{message}");
        }
    }
}
