//! One process of one pod dies without a warning, at every step of a task.

use std::time::Duration;

use serde_json::{Value, json};
use sky_tests::{
    DEADLINE,
    ending::{Blow, Ending},
    fault,
    space::Space,
};

/// Peers count as lost after 15 s of silence; that, and the time of the cluster.
const SOON: Duration = Duration::from_secs(60);

/// Both nodes run `spec`; when both have said `said`, the chosen process of node 1 dies.
async fn blow(space: &Space, name: &str, spec: Value, said: [&str; 2], victim: Victim, what: &str) -> Ending {
    space.task(name, spec).await;
    let pods = space.running(name).await;
    for (pod, said) in pods.iter().zip(said) {
        space.said(pod, said).await;
    }
    let process = victim.of(space, &pods[1]).await;
    let blow = Blow::now(what);
    process.kill();
    blow.ending(space, name, SOON).await
}

/// Which process.
enum Victim {
    /// PID 1, and with it the whole container.
    First,
    /// The only one with this in its command line, once it is there.
    With(&'static str),
}

impl Victim {
    async fn of(&self, space: &Space, pod: &str) -> fault::Process {
        let Self::With(part) = self else { return fault::first_process(&space.name, pod) };
        let there = async {
            while !fault::processes(&space.name, pod).iter().any(|process| process.command.contains(part)) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(DEADLINE, there).await.unwrap_or_else(|_| panic!("no process with {part:?} in {pod}"));
        fault::process(&space.name, pod, part)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 40 s"]
async fn a_container_killed_in_setup() {
    killed(
        "kill-setup",
        json!({"numNodes": 2, "setup": "echo in setup; sleep 300", "run": "echo never"}),
        ["in setup"; 2],
        "setup",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_killed_at_the_barrier() {
    let setup = "if [ $NODE_RANK = 0 ]; then echo in setup; sleep 300; fi; echo ready";
    let said = ["in setup", "ready"];
    killed("kill-barrier", json!({"numNodes": 2, "setup": setup, "run": "echo never"}), said, "barrier").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_killed_in_run() {
    killed("kill-run", json!({"numNodes": 2, "setup": "true", "run": "echo in run; sleep 300"}), ["in run"; 2], "run")
        .await;
}

async fn killed(name: &str, spec: Value, said: [&str; 2], when: &str) {
    if !fault::possible() {
        return;
    }
    Space::with(name, 2, async |space| {
        let what = format!("SIGKILL of PID 1 of node 1 | {when}");
        let ending = blow(&space, "pair", spec, said, Victim::First, &what).await;
        assert_eq!(ending.failure().0, Some(1), "{:#?}", ending.status);
        assert_eq!(ending.node(1).exit_code, Some(137));
        assert_eq!((ending.node(0).reason.as_deref(), ending.node(0).exit_code), (Some("PeerLost"), Some(137)));
        assert!(!space.log(&ending.task, 0).await.contains("never"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_shell_killed_in_run() {
    if !fault::possible() {
        return;
    }
    Space::with("kill-shell", 2, async |space| {
        let spec = json!({"numNodes": 2, "run": "echo in run; sleep 300; echo never"});
        let shell = Victim::With("bash --rcfile");
        let ending = blow(&space, "pair", spec, ["in run"; 2], shell, "SIGKILL of the shell of node 1 | run").await;
        assert_eq!(ending.failure(), (Some(1), "RunFailed", Some(137)));
        assert_eq!((ending.node(0).reason.as_deref(), ending.node(0).exit_code), (Some("PeerFailed"), Some(137)));
    })
    .await;
}

/// A child of the script is the script's business.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_of_a_script_killed_in_run() {
    if !fault::possible() {
        return;
    }
    Space::with("kill-child", 2, async |space| {
        let spec = json!({"numNodes": 2, "run": "echo in run; sleep $((250 + NODE_RANK * 50)) || echo code $?; [ $NODE_RANK = 1 ]"});
        space.task("pair", spec).await;
        let pods = space.running("pair").await;
        for pod in &pods {
            space.said(pod, "in run").await;
        }
        Victim::With("sleep 300").of(&space, &pods[1]).await.kill();
        space.said(&pods[1], "code 137").await;
        let blow = Blow::now("SIGKILL of a child of the script of node 1, which goes on; then of node 0's | run");
        Victim::With("sleep 250").of(&space, &pods[0]).await.kill();
        let ending = blow.ending(&space, "pair", SOON).await;
        assert_eq!(ending.failure(), (Some(0), "RunFailed", Some(1)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_run() {
    if !fault::possible() {
        return;
    }
    Space::with("kill-agent", 2, async |space| {
        let spec = json!({"numNodes": 2, "run": "echo in run; sleep 300"});
        let agent = Victim::With("sky-agent serve");
        let ending = blow(&space, "pair", spec, ["in run"; 2], agent, "SIGKILL of the agent of node 1 | run").await;
        assert_eq!((ending.node(0).reason.as_deref(), ending.node(0).exit_code), (Some("PeerLost"), Some(137)));
        assert_eq!(ending.failure(), (Some(1), "AgentLost", Some(137)), "{:#?}", ending.status);
    })
    .await;
}
