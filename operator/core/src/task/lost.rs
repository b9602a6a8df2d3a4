//! Nodes that can never tell their own end, because their machine or the network to it is gone.
//!
//! A pod on such a machine stays `Running` in the API for minutes, and `Terminating` for ever. Two signs are enough, each
//! after a time in which a living kubelet would have reported: the pod should have been gone, or the node's peers have lost
//! it. That the control plane hears nothing of the machine either makes the second certain at once. The peers end by
//! themselves (`operator/agent/PROTOCOL.md`).

use std::collections::HashMap;

use k8s_openapi::{
    api::core::v1::{Pod, Toleration},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::Reason,
    task::{NodePhase, NodeStatus},
};

use super::{ValidTask, agent, progress, resources::Cluster};

/// How long a kubelet may take to report what it has done.
pub(super) const REPORT: SignedDuration = SignedDuration::from_secs(30);
/// Seconds that a node of several stays on a machine that does not answer; Kubernetes' default of 300 would keep the
/// others waiting for it. A machine counts as such after 40 s.
const TOLERATED_SECONDS: i64 = 60;
/// What the peers of a lost node know of it.
pub(super) const NO_CONTACT: &str = "its peers have lost contact with it";
const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", UNREACHABLE];
/// What Kubernetes marks a machine with from which it has heard nothing for too long.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// How often machines are looked at while a node may be lost.
const MACHINE: SignedDuration = SignedDuration::from_secs(5);

/// The tolerations that bound how long a machine may be silent, where the user has not said so.
pub(super) fn tolerations(of_user: &[sky_crd::task::Toleration]) -> impl Iterator<Item = Toleration> {
    let is_named =
        |taint: &str| of_user.iter().any(|toleration| toleration.key.as_deref().is_none_or(|key| key == taint));
    TAINTS.into_iter().filter(move |taint| !is_named(taint)).map(|taint| Toleration {
        key: Some(taint.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(TOLERATED_SECONDS),
        ..Toleration::default()
    })
}

/// The nodes, those that are lost with that as their end; and how long until another may count as lost.
pub(super) fn settle(
    task: &ValidTask,
    nodes: Vec<NodeStatus>,
    pods: &[Pod],
    cluster: &Cluster,
    now: Timestamp,
) -> (Vec<NodeStatus>, Option<SignedDuration>) {
    let told = told(&nodes);
    let pods: HashMap<String, &Pod> = pods.iter().map(|pod| (pod.name_any(), pod)).collect();
    let mut next = None;
    let settled = nodes.into_iter().map(|node| {
        let pod = node.pod.as_ref().filter(|_| node.phase == NodePhase::Running).and_then(|name| pods.get(name));
        let Some((pod, told)) = pod.map(|pod| (pod, told.get(&node.index).copied())) else { return node };
        let Some((due, why)) = due(pod, told, patience(task), cluster) else { return node };
        let mut wait = due.duration_since(now);
        if wait.is_positive() {
            // What becomes of a machine is no event of the task.
            wait = if told.is_some() { wait.min(MACHINE) } else { wait };
            next = Some(next.map_or(wait, |next: SignedDuration| next.min(wait)));
            return node;
        }
        lost(node, &why, now)
    });
    let settled = settled.collect();
    (settled, next)
}

/// The nodes that peers have lost, with the time of the first that ended because of it.
fn told(nodes: &[NodeStatus]) -> HashMap<u32, Timestamp> {
    let mut told = HashMap::new();
    for node in nodes {
        if let (Some(peer), Some(end)) = (&node.peer, &node.finished_at)
            && peer.reason == Reason::NodeLost.as_str()
        {
            let first = told.entry(peer.node).or_insert(end.0);
            *first = end.0.min(*first);
        }
    }
    told
}

/// When a node whose container seems to run counts as lost, and why.
fn due(pod: &Pod, told: Option<Timestamp>, patience: SignedDuration, cluster: &Cluster) -> Option<(Timestamp, String)> {
    // Kubernetes sets the time at which the grace period is over.
    let overdue = pod.metadata.deletion_timestamp.as_ref().map(|Time(end)| (*end + REPORT, "it does not end its pod"));
    let silent = told.map(|told| {
        let patience = if is_unready(pod) || is_silent(pod, cluster) { SignedDuration::ZERO } else { patience };
        (told + patience, NO_CONTACT)
    });
    let (due, why) = [overdue, silent].into_iter().flatten().min_by_key(|(due, _)| *due)?;
    let machine = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    Some((due, said(machine, why)))
}

/// What is said of a node whose machine, as far as it is known, was lost.
pub(super) fn said(machine: Option<&str>, why: &str) -> String {
    machine.map_or_else(|| why.to_owned(), |machine| format!("the machine {machine} was lost: {why}"))
}

/// In this time a node whose peers have ended has ended too, and its kubelet says so.
pub(super) fn patience(task: &ValidTask) -> SignedDuration {
    SignedDuration::from_secs(i64::from(2 * agent::LOST_SECONDS + task.spec.grace_period_seconds)) + REPORT
}

/// Whether the control plane hears nothing of the pod's machine, as far as machines may be read.
fn is_silent(pod: &Pod, cluster: &Cluster) -> bool {
    let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let machine = cluster.machines.iter().flatten().find(|machine| Some(machine.name.as_str()) == name);
    machine.is_some_and(|machine| machine.taints.iter().any(|taint| taint.key == UNREACHABLE))
}

/// Whether only the control plane says of the pod of a ready container that it is not: the kubelet is silent. Of a container
/// in setup this cannot be told: see [`agent::readiness_probe`].
fn is_unready(pod: &Pod) -> bool {
    if progress::is_ready(pod) == Some(false) {
        return false;
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status != "True")
}

/// Whether the node ended because its machine did.
pub(super) fn is_lost(node: &NodeStatus) -> bool {
    node.phase == NodePhase::Failed && node.reason.as_deref() == Some(Reason::NodeLost.as_str())
}

fn lost(node: NodeStatus, why: &str, now: Timestamp) -> NodeStatus {
    NodeStatus {
        phase: NodePhase::Failed,
        reason: Some(Reason::NodeLost.as_str().to_owned()),
        message: Some(why.to_owned()),
        finished_at: Some(Time(now)),
        ..node
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sky_crd::task::PeerEnd;

    use super::*;
    use crate::task::{
        fixture::{at, task, valid},
        resources::Machine,
    };

    fn pod(ready: &str, deleted: Option<i64>) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "pod", "deletionTimestamp": deleted.map(|second| at(second).to_string())},
            "spec": {"nodeName": "m", "containers": []},
            "status": {
                "conditions": [{"type": "Ready", "status": if ready == "Setup" { "False" } else { ready }}],
                "containerStatuses": [
                    {"name": "task", "image": "", "imageID": "", "restartCount": 0, "ready": ready != "Setup"},
                ],
            },
        }))
        .unwrap()
    }

    /// Node 1 runs; node 0 has ended at second 0, because of it if `told`.
    fn nodes(told: bool) -> Vec<NodeStatus> {
        let peer = PeerEnd { node: 1, reason: "NodeLost".to_owned(), exit_code: None };
        let ended = NodeStatus {
            phase: NodePhase::Failed,
            peer: told.then_some(peer),
            finished_at: Some(Time(at(0))),
            ..NodeStatus::default()
        };
        let running =
            NodeStatus { index: 1, pod: Some("pod".to_owned()), phase: NodePhase::Running, ..NodeStatus::default() };
        vec![ended, running]
    }

    fn cluster(taint: Option<&str>) -> Cluster {
        let taint = taint.map(|key| json!({"key": key, "effect": "NoExecute"}));
        let taints = serde_json::from_value(json!(taint.into_iter().collect::<Vec<_>>())).unwrap();
        let machine = Machine { name: "m".to_owned(), taints, ..Machine::default() };
        Cluster { machines: Some(vec![machine.into()]), ..Cluster::default() }
    }

    #[test]
    fn a_node_is_lost_when_a_living_machine_would_have_told() {
        let (well, silent, unread) = (cluster(None), cluster(Some(UNREACHABLE)), Cluster::default());
        for (what, told, (ready, deleted), cluster, second, wait) in [
            ("runs", false, ("True", None), &well, 1000, None),
            ("is not ready, and its peers are content", false, ("False", None), &well, 1000, None),
            ("the machine is silent, and its peers are content", false, ("True", None), &silent, 1000, None),
            ("is being deleted", false, ("True", Some(50)), &well, 70, Some(10)),
            ("should be gone", false, ("True", Some(50)), &well, 80, Some(0)),
            ("peers have lost it, it may have lost them", true, ("True", None), &well, 80, Some(5)),
            ("the same, a little later", true, ("True", None), &well, 88, Some(2)),
            ("peers have lost it, and it stays silent", true, ("True", None), &unread, 90, Some(0)),
            ("peers and the control plane have lost it", true, ("Unknown", None), &unread, 1, Some(0)),
            ("peers have lost it in setup, and who knows", true, ("Setup", None), &unread, 80, Some(5)),
            ("peers have lost it in setup, as its machine", true, ("Setup", None), &silent, 1, Some(0)),
            (
                "a machine that only is not ready may report",
                true,
                ("Setup", None),
                &cluster(Some(TAINTS[0])),
                80,
                Some(5),
            ),
            ("the earlier of two counts", true, ("True", Some(20)), &well, 50, Some(0)),
        ] {
            let (settled, next) = settle(&valid(&task(2)), nodes(told), &[pod(ready, deleted)], cluster, at(second));
            let lost = settled[1].phase == NodePhase::Failed;
            assert_eq!(lost, wait == Some(0), "{what}");
            assert_eq!(next.map(|wait| wait.as_secs()), wait.filter(|wait| *wait > 0), "{what}");
            if lost {
                assert!(settled[1].message.as_ref().unwrap().contains("machine m"), "{what}");
            }
        }
    }

    #[test]
    fn what_the_user_tolerates_is_left_as_it_is() {
        let of_user = |key: Option<&str>| {
            let toleration: sky_crd::task::Toleration = serde_json::from_value(json!({"key": key})).unwrap();
            tolerations(&[toleration]).count()
        };
        assert_eq!((of_user(Some("gpu")), of_user(Some(TAINTS[0])), of_user(None)), (2, 1, 0));
    }
}
