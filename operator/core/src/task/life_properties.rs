//! What holds over whole lives, whatever users and cluster do, and in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{fixture::collect_garbage, is_finished, is_suspended, own, world::World};
use crate::plan::Write;

/// What may happen between two passes.
#[derive(Clone, Copy, Debug)]
enum Act {
    Stop(bool),
    Suspend(bool),
    MaxRestarts(u32),
    Changes(u32, bool),
    Token(u32),
    Waits(usize),
    Runs(usize),
    Ends(usize, i32),
    Disrupted(usize),
    JobIsOver(usize),
    JobIsDeleted(usize),
    GarbageIsCollected,
    OperatorForgets,
    TimePasses,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => any::<bool>().prop_map(Act::Stop),
        2 => any::<bool>().prop_map(Act::Suspend),
        1 => (0u32..3).prop_map(Act::MaxRestarts),
        1 => (0u32..3, any::<bool>()).prop_map(|(script, at_once)| Act::Changes(script, at_once)),
        1 => (0u32..3).prop_map(Act::Token),
        3 => (0usize..3).prop_map(Act::Waits),
        4 => (0usize..3).prop_map(Act::Runs),
        3 => (0usize..3, prop_oneof![Just(0), Just(1), Just(33)]).prop_map(|(node, code)| Act::Ends(node, code)),
        1 => (0usize..3).prop_map(Act::Disrupted),
        4 => (0usize..3).prop_map(Act::JobIsOver),
        1 => (0usize..3).prop_map(Act::JobIsDeleted),
        4 => Just(Act::GarbageIsCollected),
        1 => Just(Act::OperatorForgets),
        2 => Just(Act::TimePasses),
    ]
}

/// A life, and all Jobs that there ever were.
struct Life {
    world: World,
    nodes: u32,
    second: i64,
    created: BTreeSet<String>,
}

impl Life {
    fn new(nodes: u32) -> Self {
        let limits = json!({
            "recoverOnExitCodes": [33], "activeDeadlineSeconds": 3000, "startDeadlineSeconds": 5000,
            "ttlSecondsAfterFinished": 900, "resources": {"alternatives": [{"cpus": 2}, {"cpus": 1}]},
        });
        let world = World::with(nodes, &limits);
        Self { world, nodes, second: 0, created: BTreeSet::new() }
    }

    /// A pass, after which nothing may be wrong.
    fn pass(&mut self) -> Result<bool, TestCaseError> {
        let was_finished = is_finished(&self.world.task.status.clone().unwrap_or_default());
        let next = self.world.plan(self.second);
        for write in &next.writes {
            if let Write::CreateJob(job) = write {
                let name = job.metadata.name.clone().unwrap();
                prop_assert!(!was_finished, "{name} is created after the end");
                prop_assert!(self.created.insert(name.clone()), "{name} is created twice");
                let attempt = own::attempt_of(job);
                let of_attempt = self.world.observed.jobs.iter().filter(|job| own::attempt_of(job) == attempt).count();
                prop_assert!(of_attempt < self.nodes as usize, "too many Jobs in attempt {attempt}");
                let others = self.world.observed.jobs.iter().filter(|job| own::attempt_of(job) < attempt);
                prop_assert!(others.clone().all(own::is_over), "two attempts run at once");
            }
        }
        let ending = |world: &World| world.task.status.as_ref().and_then(|status| status.ending.clone());
        let before = ending(&self.world);
        let done = self.world.pass(self.second);
        if ending(&self.world).is_some_and(|ending| ending.reason == "NotPlaced") && before.is_none() {
            let nodes = 0..self.nodes as usize;
            prop_assert!(nodes.clone().all(|node| !self.world.has_ended(node)), "given up although a node has ended");
            prop_assert!(
                nodes.clone().any(|node| !self.world.has_started(node)),
                "given up although all nodes have started"
            );
        }
        Ok(done.is_empty() && !done.held_back && next.writes.is_empty())
    }

    fn befall(&mut self, act: Act) {
        let world = &mut self.world;
        let attempt = world.task.status.as_ref().and_then(|status| status.attempt).unwrap_or(0);
        let exists = |world: &World, node: usize| {
            let name = world.task.names().job(u32::try_from(node).unwrap(), attempt);
            world.jobs().contains(&name) && node < world.task.nodes() as usize
        };
        match act {
            Act::Stop(stop) => world.set(&json!({"stop": stop})),
            Act::Suspend(suspend) => world.set(&json!({"suspend": suspend})),
            Act::MaxRestarts(limit) => world.set(&json!({"maxRestarts": limit})),
            Act::Changes(script, at_once) => {
                let policy = if at_once { "Rerun" } else { "NextRestart" };
                world.set(&json!({"run": format!("echo {script}"), "updatePolicy": policy}));
            }
            Act::Token(token) => world.set(&json!({"runToken": token.to_string()})),
            Act::Waits(node) if exists(world, node) && !world.has_started(node) => world.unplaced(node),
            Act::Runs(node) if exists(world, node) && !world.has_ended(node) => world.running(node, self.second),
            Act::Ends(node, code) if exists(world, node) && !world.has_ended(node) => {
                world.ended(node, code, self.second);
            }
            Act::Disrupted(node) if exists(world, node) && !world.has_ended(node) => {
                world.ended(node, 143, self.second);
                world.disrupt();
            }
            Act::JobIsOver(node) if exists(world, node) && world.has_ended(node) => {
                let kind = if world.has_succeeded(node) { "Complete" } else { "Failed" };
                world.job_is_over(node, kind);
            }
            Act::JobIsDeleted(node) if exists(world, node) => world.delete_job(node),
            Act::GarbageIsCollected => collect_garbage(&mut world.observed),
            Act::OperatorForgets => world.observed.noticed = None,
            Act::TimePasses => self.second += 400,
            _ => {}
        }
        self.second += 1;
    }

    /// Everything that is under way comes to its end.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..40 {
            self.second += 400;
            for node in 0..self.nodes as usize {
                self.befall(Act::JobIsOver(node));
            }
            let rests = self.pass()?;
            let jobs = self.world.observed.jobs.len();
            collect_garbage(&mut self.world.observed);
            if rests && jobs == self.world.observed.jobs.len() {
                return Ok(());
            }
        }
        Err(TestCaseError::fail(format!("does not come to rest: {:#?}", self.world.plan(self.second))))
    }
}

proptest! {
    #[test]
    fn every_life_is_in_order(nodes in 1u32..4, acts in prop::collection::vec((act(), any::<bool>()), 0..40)) {
        let mut life = Life::new(nodes);
        for (act, pass) in acts {
            life.befall(act);
            if pass {
                life.pass()?;
            }
        }
        life.settle()?;
        let status = life.world.status();
        let running = life.world.observed.jobs.iter().filter(|job| !own::is_over(job)).count();
        if is_finished(status) || is_suspended(status) {
            prop_assert_eq!(running, 0, "{:?} leaves Jobs that run", status.phase);
        } else {
            prop_assert!(running <= nodes as usize);
        }
        prop_assert!(status.attempts.len() <= 10);
        prop_assert!(life.world.plan(life.second).is_empty());
    }
}
