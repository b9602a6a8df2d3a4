//! Which nodes of a task of several wait for what, in few words however many they are.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sky_crd::task::{NodeStatus, PendingNodes, TaskPending};

/// Longest list of ranks, in bytes.
const RANKS: usize = 256;

/// What the task waits for, with the nodes that wait. One node says it all by itself.
pub(super) fn by_node(
    pending: TaskPending,
    nodes: &[NodeStatus],
    before: &[PendingNodes],
    now: Timestamp,
) -> TaskPending {
    if nodes.len() < 2 {
        return pending;
    }
    let mut groups = groups(nodes, before, now);
    for group in groups.iter_mut().filter(|group| group.reason == pending.reason) {
        group.since.clone_from(&pending.since);
    }
    TaskPending { nodes: groups, ..pending }
}

/// The nodes that have not ended and have something to say, by reason; a reason keeps its time while any node has it.
fn groups(nodes: &[NodeStatus], before: &[PendingNodes], now: Timestamp) -> Vec<PendingNodes> {
    let mut groups: Vec<(&str, Vec<&NodeStatus>)> = Vec::new();
    for node in nodes.iter().filter(|node| !node.phase.is_final()) {
        let Some(reason) = node.reason.as_deref() else { continue };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, members)) => members.push(node),
            None => groups.push((reason, vec![node])),
        }
    }
    let group = |(reason, members): (&str, Vec<&NodeStatus>)| {
        let known = before.iter().find(|group| group.reason == reason);
        PendingNodes {
            nodes: ranks(&members),
            count: u32::try_from(members.len()).unwrap_or(u32::MAX),
            reason: reason.to_owned(),
            message: members.first().and_then(|node| node.message.clone()).unwrap_or_default(),
            since: known.and_then(|group| group.since.clone()).or(Some(Time(now))),
        }
    };
    groups.into_iter().map(group).collect()
}

/// `0-2,5`, cut where it would become too long.
fn ranks(nodes: &[&NodeStatus]) -> String {
    let mut text = String::new();
    for run in nodes.chunk_by(|one, next| one.index + 1 == next.index) {
        let part = match run {
            [first, .., last] => format!("{}-{}", first.index, last.index),
            run => run.iter().map(|node| node.index.to_string()).collect(),
        };
        if text.len() + part.len() > RANKS {
            return text + ",…";
        }
        if !text.is_empty() {
            text.push(',');
        }
        text += &part;
    }
    text
}

#[cfg(test)]
mod tests {
    use sky_crd::task::NodePhase;

    use super::*;
    use crate::task::fixture::at;

    fn node(index: u32, phase: NodePhase, reason: Option<&str>) -> NodeStatus {
        let message = reason.map(|reason| format!("{reason} of {index}"));
        NodeStatus { index, phase, reason: reason.map(str::to_owned), message, ..NodeStatus::default() }
    }

    #[test]
    fn few_words_for_many_nodes() {
        let mut nodes: Vec<_> = (0..1000).map(|index| node(index, NodePhase::Pending, Some("Unschedulable"))).collect();
        nodes[3] = node(3, NodePhase::Pending, Some("ImagePull"));
        nodes[4] = node(4, NodePhase::Running, None);
        nodes[6] = node(6, NodePhase::Failed, Some("RunFailed"));
        let first = groups(&nodes, &[], at(5));
        let told: Vec<_> =
            first.iter().map(|group| (group.nodes.as_str(), group.count, group.message.as_str())).collect();
        assert_eq!(told, [("0-2,5,7-999", 997, "Unschedulable of 0"), ("3", 1, "ImagePull of 3")]);
        nodes[0] = node(0, NodePhase::Running, None);
        nodes[1] = node(1, NodePhase::Pending, Some("MountFailed"));
        let then = groups(&nodes, &first, at(9));
        let since: Vec<_> = then.iter().map(|group| (group.reason.as_str(), group.since.clone())).collect();
        let time = |second| Some(Time(at(second)));
        assert_eq!(since, [("MountFailed", time(9)), ("Unschedulable", time(5)), ("ImagePull", time(5))]);
    }

    #[test]
    fn a_list_of_ranks_ends_somewhere() {
        let odd: Vec<_> = (0..500).map(|half| node(2 * half + 1, NodePhase::Pending, Some("ImagePull"))).collect();
        let said = &groups(&odd, &[], at(0))[0];
        assert!(said.nodes.starts_with("1,3,5,") && said.nodes.ends_with(",…") && said.nodes.len() <= RANKS + 8);
        assert_eq!(said.count, 500);
        let pending = TaskPending::default();
        assert_eq!(by_node(pending.clone(), &odd[..1], &[], at(0)), pending);
    }
}
