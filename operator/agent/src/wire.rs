//! Messages as lines of text.

use std::fmt;
use std::net::IpAddr;

use crate::node::{Cause, Message, Phase, Rank, Status, Why};

/// Longest line, without its end.
pub const MAX_LINE: usize = 512;

/// What one agent says to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Something for the state machine.
    Node(Message),
    /// There is a node at this address.
    Introduction(Rank, IpAddr),
}

impl Line {
    /// Reads a line of a task of so many nodes.
    pub fn parse(text: &str, nodes: usize) -> Option<Self> {
        let mut words = text.split(' ');
        let line = match words.next()? {
            "alive" => Self::Node(Message::Alive),
            "ack" => Self::Node(Message::Ack),
            "ready" => Self::Node(Message::Status(Status::Ready)),
            "left" => Self::Node(Message::Status(Status::Left)),
            "failed" => {
                let (phase, code) = failure(&mut words)?;
                Self::Node(Message::Status(Status::Failed { phase, code }))
            }
            "ended" => {
                let peer = rank(words.next()?, nodes)?;
                let why = match words.next()? {
                    "lost" => Why::Lost,
                    "absent" => Why::Absent,
                    "restarted" => Why::Restarted,
                    "failed" => {
                        let (phase, code) = failure(&mut words)?;
                        Why::Failed { phase, code }
                    }
                    _ => return None,
                };
                Self::Node(Message::Status(Status::Ended(Cause { peer, why })))
            }
            "node" => Self::Introduction(rank(words.next()?, nodes)?, words.next()?.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(line)
    }
}

/// Reads a rank of a task of so many nodes.
pub fn rank(word: &str, nodes: usize) -> Option<Rank> {
    word.parse().ok().filter(|rank| *rank < nodes)
}

fn failure<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<(Phase, u8)> {
    Some((phase(words.next()?)?, words.next()?.parse().ok()?))
}

/// Reads a phase.
pub fn phase(word: &str) -> Option<Phase> {
    [Phase::Setup, Phase::Run].into_iter().find(|phase| phase.to_string() == word)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Introduction(rank, address) => write!(f, "node {rank} {address}"),
            Self::Node(Message::Alive) => f.write_str("alive"),
            Self::Node(Message::Ack) => f.write_str("ack"),
            Self::Node(Message::Status(status)) => match status {
                // Never sent; what it would mean is nothing new.
                Status::Setup => f.write_str("alive"),
                Status::Ready => f.write_str("ready"),
                Status::Left => f.write_str("left"),
                Status::Failed { phase, code } => write!(f, "failed {phase} {code}"),
                Status::Ended(Cause { peer, why }) => match why {
                    Why::Failed { phase, code } => write!(f, "ended {peer} failed {phase} {code}"),
                    Why::Lost => write!(f, "ended {peer} lost"),
                    Why::Absent => write!(f, "ended {peer} absent"),
                    Why::Restarted => write!(f, "ended {peer} restarted"),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_written() {
        for text in [
            "alive",
            "ack",
            "ready",
            "left",
            "failed setup 7",
            "failed run 255",
            "ended 2 failed setup 1",
            "ended 0 lost",
            "ended 1 absent",
            "ended 1 restarted",
            "node 2 10.0.0.7",
            "node 0 fd00::1",
        ] {
            assert_eq!(Line::parse(text, 3).map(|line| line.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "alive ",
            "alive 1",
            "Alive",
            "setup",
            "failed",
            "failed run",
            "failed run 256",
            "failed run -1",
            "failed walk 1",
            "failed run 1 1",
            "ended 3 lost",
            "ended 0",
            "ended 0 failed",
            "ended -1 lost",
            "node 1",
            "node 3 10.0.0.1",
            "node 1 host",
            "node 1 10.0.0.1 x",
        ] {
            assert_eq!(Line::parse(text, 3), None, "{text:?}");
        }
    }
}
