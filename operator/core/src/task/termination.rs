//! What a node's entry script leaves in `/dev/termination-log` for the operator: the one place that reads it.
//!
//! Forms (`entry.sh`, `operator/agent/PROTOCOL.md`): `{"phase":"setup","exitCode":3}` when setup itself failed,
//! `{"phase":"run","exitCode":137,"peer":1,"peerState":"failed","peerPhase":"run","peerExitCode":7}` when the node was ended
//! because of a peer, the same with `"agent":"lost"` instead of the peer when its own agent was killed, and with
//! `"oomKilled":true` and any code when the kernel has killed something in the container for want of memory. The message of a failed run is the end of its log instead, which is none of these.

use std::fmt;

use serde::Deserialize;
use sky_crd::{condition::Reason, task::PeerEnd};

use super::{lost, signal};

/// Exit code of a node that was ended because of a peer, as SkyPilot records it.
pub(super) const ENDED: i32 = 137;

/// How a node's scripts have ended, as far as its own message says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its own setup failed.
    SetupFailed,
    /// A peer brought it down.
    ByPeer(Peer),
    /// Its own agent was killed.
    AgentLost,
    /// Something in its container was killed for want of memory, and setup or run has failed.
    OutOfMemory,
}

/// The peer because of which a node was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// Its rank.
    pub(super) rank: u32,
    /// What has become of it.
    pub(super) fate: Fate,
}

/// What a node's agent knows of a peer that the task cannot go on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its scripts ended with this code.
    Failed {
        /// Which of the two.
        phase: Phase,
        /// With what.
        code: i32,
    },
    /// Nothing was heard from it for too long.
    Lost,
    /// It never came.
    Absent,
    /// Its container was started a second time.
    Restarted,
}

/// One of the two scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    Setup,
    Run,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setup => "setup",
            Self::Run => "run",
        })
    }
}

/// The message, letter by letter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message {
    phase: Phase,
    exit_code: i32,
    agent: Option<AgentState>,
    oom_killed: Option<bool>,
    peer: Option<u32>,
    peer_state: Option<State>,
    peer_phase: Option<Phase>,
    peer_exit_code: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Failed,
    Lost,
    Absent,
    Restarted,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AgentState {
    Lost,
}

/// Whether this is such a message, of whatever ending.
pub(super) fn is_message(text: &str) -> bool {
    serde_json::from_str::<Message>(text.trim()).is_ok()
}

impl Ending {
    /// Reads the message of a container that ended with `code`. A message that says another code is not the entry
    /// script's.
    pub(super) fn read(message: &str, code: i32) -> Option<Self> {
        let message: Message = serde_json::from_str(message.trim()).ok()?;
        if message.exit_code != code {
            return None;
        }
        if message.oom_killed == Some(true) {
            return Some(Self::OutOfMemory);
        }
        if let Some(AgentState::Lost) = message.agent {
            return (code == ENDED).then_some(Self::AgentLost);
        }
        let Some(rank) = message.peer else {
            return (message.phase == Phase::Setup).then_some(Self::SetupFailed);
        };
        let fate = match message.peer_state? {
            State::Failed => Fate::Failed { phase: message.peer_phase?, code: message.peer_exit_code? },
            State::Lost => Fate::Lost,
            State::Absent => Fate::Absent,
            State::Restarted => Fate::Restarted,
        };
        (code == ENDED).then_some(Self::ByPeer(Peer { rank, fate }))
    }
}

impl Peer {
    /// Why the node that was ended has failed.
    pub(super) fn reason(self) -> Reason {
        match self.fate {
            Fate::Failed { .. } | Fate::Restarted => Reason::PeerFailed,
            Fate::Lost => Reason::PeerLost,
            Fate::Absent => Reason::PeerAbsent,
        }
    }

    /// The same as a sentence.
    pub(super) fn message(self) -> String {
        format!("ended because of node-{}: {}", self.rank, self.fate.message())
    }
}

impl Peer {
    /// As it stands in the status of the node that was ended.
    pub(super) fn recorded(self) -> PeerEnd {
        PeerEnd { node: self.rank, reason: self.fate.reason().as_str().to_owned(), exit_code: self.fate.exit_code() }
    }
}

impl Fate {
    /// Why the peer itself has failed, as long as nobody but its peers says so.
    fn reason(self) -> Reason {
        match self {
            Self::Failed { phase: Phase::Setup, .. } => Reason::SetupFailed,
            Self::Failed { phase: Phase::Run, .. } => Reason::RunFailed,
            Self::Lost | Self::Absent | Self::Restarted => Reason::NodeLost,
        }
    }

    /// The same as a sentence.
    fn message(self) -> String {
        match self {
            Self::Failed { phase: Phase::Setup, code } => setup_failed(code),
            Self::Failed { phase: Phase::Run, code } => run_failed(code),
            Self::Lost => lost::NO_CONTACT.to_owned(),
            Self::Absent => "its container did not come in time".to_owned(),
            Self::Restarted => "its container was started a second time, which no task survives".to_owned(),
        }
    }

    /// The exit code of the peer's own scripts, if they had one.
    fn exit_code(self) -> Option<i32> {
        match self {
            Self::Failed { code, .. } => Some(code),
            Self::Lost | Self::Absent | Self::Restarted => None,
        }
    }
}

/// What is said of a node of which only its peers have told so far, and which was on this machine.
pub(super) fn told(peer: &PeerEnd, machine: Option<&str>) -> String {
    match (Reason::from_text(&peer.reason), peer.exit_code) {
        (Some(Reason::SetupFailed), Some(code)) => setup_failed(code),
        (Some(Reason::RunFailed), Some(code)) => run_failed(code),
        _ => lost::said(machine, lost::NO_CONTACT),
    }
}

/// What is said of a node whose agent was killed.
pub(super) const AGENT_LOST: &str =
    "its sky-agent, by which it agrees with its peers, was killed: the scripts were ended";

/// What is said of a failed setup.
pub(super) fn setup_failed(code: i32) -> String {
    format!("setup ended with exit code {}; run was not started", signal::explained(code))
}

/// What is said of a failed run.
pub(super) fn run_failed(code: i32) -> String {
    format!("run ended with exit code {}", signal::explained(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_peer(rank: u32, fate: Fate) -> Ending {
        Ending::ByPeer(Peer { rank, fate })
    }

    #[test]
    fn every_form_is_read() {
        let failed = |phase, code| Fate::Failed { phase, code };
        for (message, code, ending) in [
            (r#"{"phase":"setup","exitCode":3}"#, 3, Ending::SetupFailed),
            (
                r#"{"phase":"run","exitCode":137,"peer":1,"peerState":"failed","peerPhase":"run","peerExitCode":7}"#,
                137,
                by_peer(1, failed(Phase::Run, 7)),
            ),
            (
                r#"{"phase":"setup","exitCode":137,"peer":0,"peerState":"failed","peerPhase":"setup","peerExitCode":1}"#,
                137,
                by_peer(0, failed(Phase::Setup, 1)),
            ),
            (r#"{"phase":"run","exitCode":137,"agent":"lost"}"#, 137, Ending::AgentLost),
            (r#"{"phase":"run","exitCode":1,"oomKilled":true}"#, 1, Ending::OutOfMemory),
            (r#"{"phase":"setup","exitCode":137,"oomKilled":true}"#, 137, Ending::OutOfMemory),
            (r#"{"phase":"run","exitCode":137,"peer":9,"peerState":"lost"}"#, 137, by_peer(9, Fate::Lost)),
            (r#"{"phase":"setup","exitCode":137,"peer":2,"peerState":"absent"}"#, 137, by_peer(2, Fate::Absent)),
            (r#"{"phase":"run","exitCode":137,"peer":2,"peerState":"restarted"}"#, 137, by_peer(2, Fate::Restarted)),
        ] {
            assert_eq!(Ending::read(message, code), Some(ending), "{message}");
        }
    }

    #[test]
    fn what_a_script_prints_is_none_of_them() {
        for (message, code) in [
            ("", 1),
            ("Killed", 137),
            (r#"{"phase":"run","exitCode":1}"#, 1),
            (r#"{"phase":"setup","exitCode":3}"#, 1),
            (r#"{"phase":"setup","exitCode":3,"more":1}"#, 3),
            ("epoch 1\n{\"phase\":\"setup\",\"exitCode\":3}", 3),
            (r#"{"phase":"run","exitCode":7,"peer":1,"peerState":"lost"}"#, 7),
            (r#"{"phase":"run","exitCode":137,"peer":1,"peerState":"failed"}"#, 137),
            (r#"{"phase":"run","exitCode":137,"peer":1,"peerState":"asleep"}"#, 137),
            (r#"{"phase":"run","exitCode":7,"agent":"lost"}"#, 7),
            (r#"{"phase":"run","exitCode":7,"oomKilled":false}"#, 7),
        ] {
            assert_eq!(Ending::read(message, code), None, "{message}");
        }
    }
}
