//! What people and the operator are told about a node.

use crate::node::{Cause, Node, Rank, Why};

/// How many nodes are named. There may be hundreds.
const NAMED: usize = 8;

/// Whom this node waits for and what is known of them, on one line. Empty if for nobody.
pub(crate) fn awaited(node: &Node, is_connected: impl Fn(Rank) -> bool) -> String {
    let unready: Vec<Rank> = node.unready().collect();
    let state = |rank: &Rank| {
        let state = match (node.has_met(*rank), is_connected(*rank)) {
            (false, _) => "has not come yet",
            (true, false) => "cannot be reached",
            (true, true) => "setup still running",
        };
        format!("node-{rank}: {state}")
    };
    let mut words: Vec<String> = unready.iter().take(NAMED).map(state).collect();
    if let more @ 1.. = unready.len().saturating_sub(NAMED) {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

/// For the pod's message: the fields after phase and exit code, each with a comma before it.
pub(crate) fn json(cause: Cause) -> String {
    let Cause { peer, why } = cause;
    match why {
        Why::Failed { phase, code } => {
            format!(r#","peer":{peer},"peerState":"failed","peerPhase":"{phase}","peerExitCode":{code}"#)
        }
        Why::Lost => format!(r#","peer":{peer},"peerState":"lost""#),
        Why::Absent => format!(r#","peer":{peer},"peerState":"absent""#),
        Why::Restarted => format!(r#","peer":{peer},"peerState":"restarted""#),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Event, Message, Phase, Settings, Status};

    #[test]
    fn whom_it_waits_for_is_told_on_one_line() {
        let settings = Settings { rank: 1, nodes: 4, start: 1, lost: 1, grace: 1 };
        let mut node = Node::new(settings, 0);
        for event in [
            Event::Connected { peer: 0, incarnation: 0 },
            Event::Connected { peer: 2, incarnation: 0 },
            Event::Connected { peer: 3, incarnation: 0 },
            Event::Heard { peer: 3, message: Message::Status(Status::Ready) },
        ] {
            let _ = node.step(event, 0);
        }
        assert_eq!(awaited(&node, |peer| peer != 2), "node-0: setup still running, node-2: cannot be reached");
        let node = Node::new(Settings { rank: 0, nodes: 11, start: 1, lost: 1, grace: 1 }, 0);
        let line = awaited(&node, |_| false);
        assert!(
            line.starts_with("node-1: has not come yet, node-2: ")
                && line.ends_with(", node-8: has not come yet, 2 more"),
            "{line}"
        );
    }

    #[test]
    fn the_reason_is_json() {
        let failed = Why::Failed { phase: Phase::Setup, code: 7 };
        let text = r#","peer":3,"peerState":"failed","peerPhase":"setup","peerExitCode":7"#;
        assert_eq!(json(Cause { peer: 3, why: failed }), text);
        assert_eq!(json(Cause { peer: 0, why: Why::Lost }), r#","peer":0,"peerState":"lost""#);
    }
}
