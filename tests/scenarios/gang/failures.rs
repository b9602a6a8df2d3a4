//! A node whose script fails ends the task: the others are ended, and what they said stays.

use std::time::Duration;

use serde_json::{Value, json};
use sky_tests::{
    ending::{Blow, Ending},
    space::Space,
};

/// Everything that ends by itself must have ended by then. No node waits for the grace period.
const SOON: Duration = Duration::from_secs(60);

/// Waits, and says so when it is asked to end.
const WAITS: &str = "trap 'echo asked to end; exit 0' TERM; echo waits; sleep 300 & wait";

/// `NODE` does this, the others wait.
fn only_on(node: usize, this: &str) -> String {
    format!("if [ $NODE_RANK = {node} ]; then {this}; fi; {WAITS}")
}

/// Runs a task to its end, whose node `failed` says `bad` and fails.
async fn end_of(space: &Space, failed: usize, what: &str, spec: Value) -> Ending {
    space.task("gang", spec).await;
    space.said(&space.pod("gang", failed).await, "bad").await;
    Blow::now(what).ending(space, "gang", SOON).await
}

/// All nodes but the failed one were ended because of it, and said all of this and nothing else.
async fn others_were_ended(space: &Space, ending: &Ending, failed: usize, said: &[&str]) {
    for index in (0..3).filter(|index| *index != failed) {
        let log = space.log(&ending.task, index).await;
        let (ours, theirs): (Vec<_>, Vec<_>) = log.lines().partition(|line| line.starts_with("sky-task: "));
        assert_eq!(theirs, said, "log of node {index}");
        assert!(ours.iter().all(|line| line.contains(&format!("node-{failed}"))), "log of node {index}: {log}");
        let node = ending.node(index);
        assert_eq!((node.reason.as_deref(), node.exit_code), (Some("PeerFailed"), Some(137)), "{node:#?}");
        let message = node.message.as_deref().unwrap_or_default();
        assert!(message.contains(&format!("node-{failed}")), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_that_fails_on_a_worker_ends_all_before_run() {
    Space::with("setup-worker", 3, async |space| {
        let setup = only_on(1, "sleep 2; echo bad; exit 4");
        let spec = json!({"numNodes": 3, "setup": setup, "run": "echo never"});
        let ending = end_of(&space, 1, "setup of node 1 ends with 4 | setup of all", spec).await;
        assert_eq!(ending.failure(), (Some(1), "SetupFailed", Some(4)));
        assert_eq!(space.log(&ending.task, 1).await, "bad\n");
        others_were_ended(&space, &ending, 1, &["waits", "asked to end"]).await;
        assert_eq!(ending.status.exit_code, Some(4));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_that_fails_while_others_wait_at_the_barrier_ends_all_before_run() {
    Space::with("setup-barrier", 3, async |space| {
        let setup = "if [ $NODE_RANK = 2 ]; then sleep 3; echo bad; exit 4; fi; echo ready";
        let spec = json!({"numNodes": 3, "setup": setup, "run": "echo never"});
        let ending = end_of(&space, 2, "setup of node 2 ends with 4 | the others at the barrier", spec).await;
        assert_eq!(ending.failure(), (Some(2), "SetupFailed", Some(4)));
        others_were_ended(&space, &ending, 2, &["ready"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_ends_all() {
    for (name, failed) in [("run-first", 0), ("run-worker", 2)] {
        Space::with(name, 3, async |space| {
            let spec = json!({"numNodes": 3, "run": only_on(failed, "sleep 2; echo bad; exit 7")});
            let what = format!("run of node {failed} ends with 7 | run");
            let ending = end_of(&space, failed, &what, spec).await;
            assert_eq!(ending.failure(), (u32::try_from(failed).ok(), "RunFailed", Some(7)));
            assert_eq!(space.log(&ending.task, failed).await, "bad\n");
            others_were_ended(&space, &ending, failed, &["waits", "asked to end"]).await;
            assert_eq!(ending.status.exit_code, Some(7));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 40 s"]
async fn a_script_that_will_not_end_is_killed_after_the_grace_period() {
    Space::with("deaf", 2, async |space| {
        let run =
            "if [ $NODE_RANK = 1 ]; then sleep 2; echo bad; exit 7; fi; trap '' TERM; echo deaf; sleep 300; sleep 300";
        let spec = json!({"numNodes": 2, "run": run});
        let ending = end_of(&space, 1, "run of node 1 ends with 7, node 0 ignores SIGTERM | run", spec).await;
        assert_eq!(ending.failure(), (Some(1), "RunFailed", Some(7)));
        assert_eq!((ending.node(0).reason.as_deref(), ending.node(0).exit_code), (Some("PeerFailed"), Some(137)));
        assert!(ending.took > Duration::from_secs(28), "it had its grace period: {:?}", ending.took);
        assert!(space.log(&ending.task, 0).await.starts_with("deaf\n"));
    })
    .await;
}
