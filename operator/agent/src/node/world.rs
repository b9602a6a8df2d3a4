//! A task in a box: nodes, their scripts, and the connections between them, where everything that can happen next is a
//! choice. Time stands still but for the choices that are about it.

use std::collections::VecDeque;

use super::*;

pub(super) const SETTINGS: Settings = Settings { rank: 0, nodes: 0, start: 1000, lost: 10, grace: 5 };
pub(super) const SETUP_CODE: u8 = 7;
pub(super) const RUN_CODE: u8 = 9;

/// Where the entry script of a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    /// Before setup.
    Meeting,
    Setup,
    /// Between setup and run.
    Barrier,
    Running,
    /// Has been told to stop.
    Stopping,
    /// In `done`.
    Leaving,
    Gone,
    /// Killed, the whole container.
    Dead,
}

impl Life {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Gone | Self::Dead)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) node: Node,
    pub(super) life: Life,
    pub(super) setup_ok: bool,
    pub(super) ran: bool,
    /// What its own scripts ended with, if nobody stopped them.
    pub(super) code: Option<u8>,
    pub(super) cause: Option<Cause>,
}

/// What may still go wrong. Without bounds there would be no end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) failures: u8,
    pub(super) deaths: u8,
    pub(super) breaks: u8,
    pub(super) late: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Connect(Rank, Rank),
    /// From, to: the connection's next message arrives.
    Deliver(Rank, Rank),
    /// The connection breaks between two who are there, with what is in it.
    Break(Rank, Rank),
    /// It goes because one of the two has gone.
    Close(Rank, Rank),
    /// The scripts go on; whether well.
    Proceed(Rank, bool),
    Die(Rank),
    /// Whom it has not heard of for long is lost, and `done` waits no longer.
    TimeOut(Rank),
    /// Who has not come is absent.
    GiveUp(Rank),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) places: Vec<Place>,
    /// From, to: what is under way; none without a connection.
    links: Vec<Vec<Option<VecDeque<Message>>>>,
    pub(super) budget: Budget,
    /// Something was cut or slow, so that a node may be taken for lost or absent that is neither.
    pub(super) disturbed: bool,
}

impl World {
    pub(super) fn new(nodes: usize, budget: Budget) -> Self {
        let place = |rank| Place {
            node: Node::new(Settings { rank, nodes, ..SETTINGS }, 0),
            life: Life::Meeting,
            setup_ok: false,
            ran: false,
            code: None,
            cause: None,
        };
        let places = (0..nodes).map(place).collect();
        Self { places, links: vec![vec![None; nodes]; nodes], budget, disturbed: false }
    }

    pub(super) fn choices(&self) -> Vec<Choice> {
        let nodes = self.places.len();
        let mut choices = Vec::new();
        for a in 0..nodes {
            self.choices_of(a, &mut choices);
            for b in 0..nodes {
                let both = !self.places[a].life.is_over() && !self.places[b].life.is_over();
                match &self.links[a][b] {
                    None if a < b && both => choices.push(Choice::Connect(a, b)),
                    Some(queue) => {
                        if !queue.is_empty() && !self.places[b].life.is_over() {
                            choices.push(Choice::Deliver(a, b));
                        }
                        if a < b && !both {
                            choices.push(Choice::Close(a, b));
                        } else if a < b && self.budget.breaks > 0 {
                            choices.push(Choice::Break(a, b));
                        }
                    }
                    None => {}
                }
            }
        }
        choices
    }

    fn choices_of(&self, rank: Rank, choices: &mut Vec<Choice>) {
        let Place { node, life, .. } = &self.places[rank];
        if life.is_over() {
            return;
        }
        if self.budget.deaths > 0 {
            choices.push(Choice::Die(rank));
        }
        let may_fail = self.budget.failures > 0;
        match life {
            Life::Setup | Life::Running => {
                choices.push(Choice::Proceed(rank, true));
                choices.extend(may_fail.then_some(Choice::Proceed(rank, false)));
            }
            Life::Meeting => choices.extend(node.has_met_all().then_some(Choice::Proceed(rank, true))),
            Life::Barrier => choices.extend(node.may_run().then_some(Choice::Proceed(rank, true))),
            Life::Stopping => choices.push(Choice::Proceed(rank, true)),
            Life::Leaving => choices.extend(node.may_leave(0).then_some(Choice::Proceed(rank, true))),
            Life::Gone | Life::Dead => {}
        }
        // Only who has really gone stays away for that long, with nothing of it still on the way.
        let others = || (0..self.places.len()).filter(|peer| *peer != rank);
        let cut = |peer: Rank| self.links[peer][rank].is_none();
        let left = |peer: Rank| self.places[peer].life.is_over() && cut(peer);
        let late = |peer: Rank| self.budget.late > 0 && cut(peer) && !self.met(rank, peer);
        let known = |peer: Rank| node.peers[peer].told || node.peers[peer].status.is_final();
        let times_out = match life {
            Life::Leaving => !node.may_leave(0) && others().all(|peer| known(peer) || left(peer) || late(peer)),
            _ => others().any(|peer| left(peer) && self.met(rank, peer)),
        };
        choices.extend(times_out.then_some(Choice::TimeOut(rank)));
        let gives_up = others().any(|peer| !self.met(rank, peer) && (left(peer) || late(peer)));
        choices.extend((gives_up && *life != Life::Leaving).then_some(Choice::GiveUp(rank)));
    }

    fn met(&self, rank: Rank, peer: Rank) -> bool {
        self.places[rank].node.peers[peer].incarnation.is_some()
    }

    pub(super) fn choose(&mut self, choice: Choice) {
        match choice {
            Choice::Connect(a, b) => {
                self.links[a][b] = Some(VecDeque::new());
                self.links[b][a] = Some(VecDeque::new());
                self.step(a, Event::Connected { peer: b, incarnation: 0 }, 0);
                self.step(b, Event::Connected { peer: a, incarnation: 0 }, 0);
            }
            Choice::Deliver(from, to) => {
                let message = self.links[from][to].as_mut().and_then(VecDeque::pop_front).unwrap();
                self.step(to, Event::Heard { peer: from, message }, 0);
            }
            Choice::Break(a, b) => {
                self.budget.breaks -= 1;
                self.disturbed = true;
                self.choose(Choice::Close(a, b));
            }
            Choice::Close(a, b) => {
                self.links[a][b] = None;
                self.links[b][a] = None;
            }
            Choice::Proceed(rank, well) => self.proceed(rank, well),
            Choice::Die(rank) => {
                self.budget.deaths -= 1;
                self.places[rank].life = Life::Dead;
            }
            Choice::TimeOut(rank) => self.pass(rank, SETTINGS.lost),
            Choice::GiveUp(rank) => self.pass(rank, SETTINGS.start),
        }
    }

    /// Time passes for one node, in which it goes on to hear of those that are there.
    fn pass(&mut self, rank: Rank, now: Millis) {
        for peer in (0..self.places.len()).filter(|peer| *peer != rank) {
            let there = !self.places[peer].life.is_over();
            if there && self.met(rank, peer) {
                self.step(rank, Event::Heard { peer, message: Message::Alive }, now);
            } else if there {
                self.budget.late = self.budget.late.saturating_sub(1);
                self.disturbed = true;
            }
        }
        self.step(rank, Event::Tick, now);
        if self.places[rank].life == Life::Leaving && self.places[rank].node.may_leave(now) {
            self.places[rank].life = Life::Gone;
        }
        let node = &mut self.places[rank].node;
        node.peers.iter_mut().for_each(|peer| peer.heard = 0);
        node.kill = node.kill.map(|_| 0);
    }

    fn proceed(&mut self, rank: Rank, well: bool) {
        let place = &mut self.places[rank];
        self.budget.failures -= u8::from(!well);
        match place.life {
            Life::Meeting => place.life = Life::Setup,
            Life::Setup if well => {
                place.setup_ok = true;
                place.life = Life::Barrier;
                self.step(rank, Event::Ready, 0);
            }
            Life::Barrier => {
                place.life = Life::Running;
                place.ran = true;
            }
            Life::Setup => self.done(rank, Phase::Setup, SETUP_CODE),
            Life::Running if well => self.done(rank, Phase::Run, 0),
            Life::Running => self.done(rank, Phase::Run, RUN_CODE),
            Life::Stopping => {
                place.life = Life::Leaving;
                self.step(rank, Event::Done { phase: Phase::Run, code: 137 }, 0);
            }
            Life::Leaving => place.life = Life::Gone,
            Life::Gone | Life::Dead => unreachable!(),
        }
    }

    fn done(&mut self, rank: Rank, phase: Phase, code: u8) {
        self.places[rank].code = Some(code);
        self.places[rank].life = Life::Leaving;
        self.step(rank, Event::Done { phase, code }, 0);
    }

    fn step(&mut self, rank: Rank, event: Event, now: Millis) {
        let place = &mut self.places[rank];
        let before = place.node.status();
        let actions = place.node.step(event, now);
        let node = &place.node;
        assert!(node.status().order() >= before.order(), "{before:?} {event:?} {node:?}");
        assert!(!before.is_final() || node.status() == before, "{before:?} {event:?} {node:?}");
        for action in actions {
            match action {
                Action::Send { peer, message } => {
                    if let Some(queue) = &mut self.links[rank][peer] {
                        queue.push_back(message);
                    }
                }
                Action::Stop(cause) => {
                    let place = &mut self.places[rank];
                    assert_eq!((place.cause, place.code), (None, None), "stopped twice or too late: {place:?}");
                    place.cause = Some(cause);
                    place.life = Life::Stopping;
                }
                Action::Kill => {}
            }
        }
    }
}
