//! Nodes that go on although the task has failed.
//!
//! Agents end the nodes that know of each other, and their logs stay. What is left to the operator: nodes that have not
//! started, which nobody waits for any more, and nodes whose agents cannot know, such as those of a peer that died before it
//! met anyone.

use k8s_openapi::jiff::Timestamp;
use sky_crd::task::{NodePhase, NodeStatus, SkyTaskStatus};

use super::{ValidTask, lost};

/// When the operator ends them: after the time in which all that run would have ended by themselves. If none of them runs,
/// after the time in which it would have been seen to run, or to have ended: it may be the one that failed.
pub(super) fn due(task: &ValidTask, seen: &SkyTaskStatus) -> Option<Timestamp> {
    seen.failure.as_ref()?;
    let mut left = seen.nodes.iter().filter(|node| !node.phase.is_final()).peekable();
    left.peek()?;
    let runs = left.any(|node| node.phase == NodePhase::Running);
    if runs { end_of_patience(task, &seen.nodes) } else { end_of_hearing(&seen.nodes) }
}

/// When all that had become of nodes until the first failed is known: kubelets of several machines report one by one.
pub(super) fn end_of_hearing(nodes: &[NodeStatus]) -> Option<Timestamp> {
    Some(first_failed(nodes)? + lost::REPORT)
}

/// Whether a node may run, or have ended, and is just not heard of yet: nothing is known that keeps it from starting.
pub(super) fn is_unheard(node: &NodeStatus) -> bool {
    node.phase == NodePhase::Pending && node.reason.is_none()
}

/// When all nodes that run have ended by themselves, if they ever will: counted from the first that failed.
pub(super) fn end_of_patience(task: &ValidTask, nodes: &[NodeStatus]) -> Option<Timestamp> {
    Some(first_failed(nodes)? + lost::patience(task))
}

fn first_failed(nodes: &[NodeStatus]) -> Option<Timestamp> {
    let failed = nodes.iter().filter(|node| node.phase == NodePhase::Failed);
    failed.filter_map(|node| node.finished_at.as_ref()).map(|end| end.0).min()
}

/// What is said of a node that was ended so.
pub(super) fn message(seen: &SkyTaskStatus) -> String {
    format!("ended because of {}", seen.failure.as_ref().map_or("a peer", |failure| &failure.message))
}

/// A node that ends because of this: it counts as one that its agent has ended.
pub(super) fn ended(node: NodeStatus, message: &str) -> NodeStatus {
    let exit_code = node.exit_code.map(|_| super::termination::ENDED);
    NodeStatus { message: Some(message.to_owned()), exit_code, ..node }
}
