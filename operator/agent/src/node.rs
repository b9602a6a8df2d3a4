//! What one node knows of its task and does when something happens: `PROTOCOL.md` as a pure state machine.

use std::fmt;

#[cfg(test)]
mod check;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

/// Number of a node within its task, from 0.
pub type Rank = usize;

/// Milliseconds on a clock that only goes forward.
pub type Millis = u64;

/// Which of the user's scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Prepares the node.
    Setup,
    /// Does the work.
    Run,
}

/// What became of a peer, so that this node has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Its script ended with a code that is not 0.
    Failed {
        /// Which script.
        phase: Phase,
        /// Its exit code.
        code: u8,
    },
    /// It was not heard of for too long.
    Lost,
    /// It never came.
    Absent,
    /// Its container was started again, so what it had done is gone.
    Restarted,
}

/// Why a node ends its own scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// Where it began.
    pub peer: Rank,
    /// What happened there.
    pub why: Why,
}

/// How far a node is. Only ever goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Setup has not ended yet. Nobody says so: it is what is assumed of who has said nothing.
    Setup,
    /// Setup has succeeded.
    Ready,
    /// The scripts have ended with 0.
    Left,
    /// A script has ended with another code.
    Failed {
        /// Which script.
        phase: Phase,
        /// Its exit code.
        code: u8,
    },
    /// The scripts are being ended because of a peer.
    Ended(Cause),
}

impl Status {
    /// Nothing comes after it.
    pub fn is_final(self) -> bool {
        self.order() == 2
    }

    fn order(self) -> u8 {
        match self {
            Self::Setup => 0,
            Self::Ready => 1,
            Self::Left | Self::Failed { .. } | Self::Ended(_) => 2,
        }
    }

    /// Why others have to end when `peer` is like this.
    fn cause(self, peer: Rank) -> Option<Cause> {
        match self {
            Self::Setup | Self::Ready | Self::Left => None,
            Self::Failed { phase, code } => Some(Cause { peer, why: Why::Failed { phase, code } }),
            Self::Ended(cause) => Some(cause),
        }
    }
}

/// What nodes tell each other about themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Still here.
    Alive,
    /// How far it is.
    Status(Status),
    /// Has the receiver's final status.
    Ack,
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// There is a connection to a peer, which has proven itself.
    Connected {
        /// Whose.
        peer: Rank,
        /// Differs each time that an agent starts.
        incarnation: u64,
    },
    /// A peer has said something.
    Heard {
        /// Who.
        peer: Rank,
        /// What.
        message: Message,
    },
    /// Setup has succeeded here.
    Ready,
    /// The scripts have ended here.
    Done {
        /// The last one that ran.
        phase: Phase,
        /// Its exit code.
        code: u8,
    },
    /// Time has passed.
    Tick,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tell a peer, if there is a connection. If not, `Connected` will bring it up again.
    Send {
        /// Whom.
        peer: Rank,
        /// What.
        message: Message,
    },
    /// End the scripts. Comes once.
    Stop(Cause),
    /// The grace period is over.
    Kill,
}

/// What does not change during the life of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Its own rank.
    pub rank: Rank,
    /// How many nodes the task has.
    pub nodes: usize,
    /// For how long all peers may take to come.
    pub start: Millis,
    /// After which silence a peer is lost.
    pub lost: Millis,
    /// How long scripts may take to end.
    pub grace: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Peer {
    /// None until there was a connection.
    incarnation: Option<u64>,
    heard: Millis,
    status: Status,
    /// It has this node's final status.
    told: bool,
}

/// Between two `Kill`s.
const KILL_AGAIN: Millis = 1000;

/// The state of one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    settings: Settings,
    since: Millis,
    status: Status,
    running: bool,
    /// By rank. The entry of the node itself is not used.
    peers: Vec<Peer>,
    done: Option<Millis>,
    kill: Option<Millis>,
}

impl Node {
    /// A node that has just started.
    pub fn new(settings: Settings, now: Millis) -> Self {
        let peer = Peer { incarnation: None, heard: now, status: Status::Setup, told: false };
        let peers = vec![peer; settings.nodes];
        Self { settings, since: now, status: Status::Setup, running: false, peers, done: None, kill: None }
    }

    /// How far this node is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Every peer was there once.
    pub fn has_met_all(&self) -> bool {
        self.others().all(|(_, peer)| peer.incarnation.is_some())
    }

    /// A peer was there once.
    pub fn has_met(&self, peer: Rank) -> bool {
        self.peers[peer].incarnation.is_some()
    }

    /// Setup has succeeded everywhere, and this node has not ended.
    pub fn may_run(&self) -> bool {
        self.running && !self.status.is_final()
    }

    /// The scripts have ended, and the container may: everybody knows who can. A peer that is gone cannot, and if it comes
    /// back it has lost this node as well.
    pub fn may_leave(&self, now: Millis) -> bool {
        let gone = match self.status {
            Status::Ended(Cause { peer, why: Why::Lost | Why::Absent }) => Some(peer),
            _ => None,
        };
        let known = || self.others().all(|(rank, peer)| peer.told || peer.status.is_final() || gone == Some(rank));
        self.done.is_some_and(|done| now >= done + self.settings.lost || known())
    }

    /// Peers that have not said yet that they are ready.
    pub fn unready(&self) -> impl Iterator<Item = Rank> {
        self.others().filter(|(_, peer)| peer.status == Status::Setup).map(|(rank, _)| rank)
    }

    /// What to do about an event. `now` may not go backwards.
    #[must_use]
    pub fn step(&mut self, event: Event, now: Millis) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Connected { peer, incarnation } => self.connected(peer, incarnation, now, &mut actions),
            Event::Heard { peer, message } => self.heard(peer, message, now, &mut actions),
            Event::Ready if self.status == Status::Setup => self.move_to(Status::Ready, &mut actions),
            Event::Ready => {}
            Event::Done { phase, code } => self.done(phase, code, now, &mut actions),
            Event::Tick => self.tick(now, &mut actions),
        }
        self.running |= self.status == Status::Ready && self.unready().next().is_none();
        actions
    }

    fn others(&self) -> impl Iterator<Item = (Rank, &Peer)> {
        self.peers.iter().enumerate().filter(|(rank, _)| *rank != self.settings.rank)
    }

    fn move_to(&mut self, status: Status, actions: &mut Vec<Action>) {
        self.status = status;
        let message = Message::Status(status);
        actions.extend(self.others().map(|(peer, _)| Action::Send { peer, message }));
    }

    fn end(&mut self, cause: Cause, now: Millis, actions: &mut Vec<Action>) {
        if !self.status.is_final() {
            self.move_to(Status::Ended(cause), actions);
            actions.push(Action::Stop(cause));
            self.kill = Some(now + self.settings.grace);
        }
    }

    fn connected(&mut self, rank: Rank, incarnation: u64, now: Millis, actions: &mut Vec<Action>) {
        let peer = &mut self.peers[rank];
        peer.heard = now;
        let known = *peer.incarnation.get_or_insert(incarnation);
        let restarted = known != incarnation && !peer.status.is_final();
        if self.status != Status::Setup {
            actions.push(Action::Send { peer: rank, message: Message::Status(self.status) });
        }
        if restarted {
            self.end(Cause { peer: rank, why: Why::Restarted }, now, actions);
        }
    }

    fn heard(&mut self, rank: Rank, message: Message, now: Millis, actions: &mut Vec<Action>) {
        let peer = &mut self.peers[rank];
        peer.heard = now;
        match message {
            Message::Alive => {}
            Message::Ack => peer.told |= self.status.is_final(),
            Message::Status(status) => {
                if status.order() > peer.status.order() {
                    peer.status = status;
                }
                if status.is_final() {
                    actions.push(Action::Send { peer: rank, message: Message::Ack });
                }
                if let Some(cause) = status.cause(rank) {
                    self.end(cause, now, actions);
                }
            }
        }
    }

    fn done(&mut self, phase: Phase, code: u8, now: Millis, actions: &mut Vec<Action>) {
        if !self.status.is_final() {
            let status = if code == 0 { Status::Left } else { Status::Failed { phase, code } };
            self.move_to(status, actions);
        }
        self.done.get_or_insert(now);
    }

    fn tick(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let Settings { start, lost, .. } = self.settings;
        let since = self.since;
        let why = |peer: &Peer| match peer.incarnation {
            _ if peer.status.is_final() => None,
            Some(_) => (now >= peer.heard + lost).then_some(Why::Lost),
            None => (now >= since + start).then_some(Why::Absent),
        };
        let cause = self.others().find_map(|(peer, state)| Some(Cause { peer, why: why(state)? }));
        if let Some(cause) = cause {
            self.end(cause, now, actions);
        }
        if self.done.is_none() && self.kill.is_some_and(|kill| now >= kill) {
            actions.push(Action::Kill);
            self.kill = Some(now + KILL_AGAIN);
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setup => "setup",
            Self::Run => "run",
        })
    }
}
