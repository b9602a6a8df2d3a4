//! What the search does not look at: times, and peers that were started again.

use super::*;

const SETTINGS: Settings = Settings { rank: 0, nodes: 3, start: 600_000, lost: 15_000, grace: 30_000 };
const FAILED: Status = Status::Failed { phase: Phase::Run, code: 7 };

struct Timed {
    node: Node,
    now: Millis,
}

impl Timed {
    fn new() -> Self {
        Self { node: Node::new(SETTINGS, 1000), now: 1000 }
    }

    /// All peers have come and are ready, and so is this one.
    fn running() -> Self {
        let mut timed = Self::new();
        timed.step(Event::Ready);
        for peer in [1, 2] {
            timed.connect(peer, 5);
            assert!(!timed.node.may_run());
            timed.hear(peer, Message::Status(Status::Ready));
        }
        assert!(timed.node.may_run() && timed.node.has_met_all());
        timed
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.node.step(event, self.now)
    }

    fn connect(&mut self, peer: Rank, incarnation: u64) -> Vec<Action> {
        self.step(Event::Connected { peer, incarnation })
    }

    fn hear(&mut self, peer: Rank, message: Message) -> Vec<Action> {
        self.step(Event::Heard { peer, message })
    }

    fn tick_at(&mut self, now: Millis) -> Vec<Action> {
        self.now = now;
        self.step(Event::Tick)
    }
}

fn end(peer: Rank, why: Why) -> Vec<Action> {
    let cause = Cause { peer, why };
    let tell = |peer| Action::Send { peer, message: Message::Status(Status::Ended(cause)) };
    vec![tell(1), tell(2), Action::Stop(cause)]
}

#[test]
fn silence_is_borne_for_a_while() {
    let mut timed = Timed::running();
    assert_eq!(timed.tick_at(15_999), []);
    timed.hear(1, Message::Alive);
    assert_eq!(timed.tick_at(16_000), end(2, Why::Lost));
    assert!(!timed.node.may_run());
    assert_eq!(timed.tick_at(60_000), [Action::Kill]);
}

#[test]
fn peers_may_take_their_time_to_come() {
    let mut timed = Timed::new();
    timed.connect(1, 5);
    for now in (10_000..=600_000).step_by(10_000) {
        assert_eq!(timed.tick_at(now), []);
        timed.hear(1, Message::Alive);
    }
    assert_eq!(timed.tick_at(601_000), end(2, Why::Absent));
}

#[test]
fn the_grace_period_ends_again_and_again() {
    let mut timed = Timed::running();
    timed.now = 10_000;
    timed.hear(1, Message::Status(FAILED));
    for (now, kills) in [(39_999, false), (40_000, true), (40_500, false), (41_000, true)] {
        assert_eq!(timed.tick_at(now) == [Action::Kill], kills, "{now}");
    }
    timed.step(Event::Done { phase: Phase::Run, code: 143 });
    assert_eq!(timed.tick_at(50_000), []);
}

#[test]
fn a_restarted_peer_has_lost_its_work() {
    let mut timed = Timed::running();
    let again = timed.connect(2, 6);
    assert_eq!(again[1..], end(2, Why::Restarted));
    // Unless nothing is expected of it any more.
    let mut timed = Timed::running();
    timed.hear(2, Message::Status(Status::Left));
    assert_eq!(timed.connect(2, 6), [Action::Send { peer: 2, message: Message::Status(Status::Ready) }]);
}

#[test]
fn leaving_waits_for_those_who_can_be_told() {
    let mut timed = Timed::running();
    timed.step(Event::Done { phase: Phase::Run, code: 0 });
    timed.hear(1, Message::Ack);
    assert!(!timed.node.may_leave(15_999) && timed.node.may_leave(16_000));
    timed.hear(2, Message::Status(Status::Left));
    assert!(timed.node.may_leave(1000));
    // It has left: what happens to others is not its business.
    assert_eq!(timed.tick_at(1_000_000), []);
}

#[test]
fn leaving_does_not_wait_for_a_peer_that_is_gone() {
    let mut timed = Timed::running();
    timed.hear(1, Message::Status(Status::Ended(Cause { peer: 2, why: Why::Lost })));
    timed.step(Event::Done { phase: Phase::Run, code: 137 });
    assert!(timed.node.may_leave(1000));
}

#[test]
fn an_early_acknowledgement_means_nothing() {
    let mut timed = Timed::running();
    timed.hear(1, Message::Ack);
    timed.hear(2, Message::Ack);
    timed.step(Event::Done { phase: Phase::Run, code: 3 });
    assert!(!timed.node.may_leave(1000));
}

/// The command that says so was under way when the node was ended.
#[test]
fn readiness_that_comes_too_late_changes_nothing() {
    let mut timed = Timed::new();
    timed.connect(1, 5);
    timed.connect(2, 5);
    timed.hear(1, Message::Status(Status::Ready));
    timed.hear(2, Message::Status(FAILED));
    let ended = timed.node.status();
    assert_eq!(timed.step(Event::Ready), []);
    assert_eq!((timed.node.status(), timed.node.may_run()), (ended, false));
}

#[test]
fn the_first_cause_stays() {
    let mut timed = Timed::running();
    let first = Cause { peer: 2, why: Why::Lost };
    assert_eq!(timed.hear(1, Message::Status(Status::Ended(first)))[3], Action::Stop(first));
    let ack = Action::Send { peer: 2, message: Message::Ack };
    assert_eq!(timed.hear(2, Message::Status(FAILED)), [ack]);
    assert_eq!(timed.node.status(), Status::Ended(first));
}
