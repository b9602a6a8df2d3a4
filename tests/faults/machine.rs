//! What runs on a machine dies, or all of it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::json;
use sky_crd::task::NodePhase;
use sky_tests::{
    ending::Blow,
    explained::{Case, Knows, Witness},
    fault::{self, Dead},
    history::History,
    space::Space,
};

use crate::pair::{BOUND, PAIR, Pair, tells_of_the_loss};

/// Longer than any test waits.
const FOR_GOOD: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_comes_back_has_lost_nothing() {
    comes_back("kubelet-1", "node-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_containerd_that_comes_back_has_lost_nothing() {
    comes_back("containerd-2", "node-2").await;
}

/// Dead for 15 s in the middle of a run of 30 s.
async fn comes_back(component: &str, machine: &str) {
    if !fault::possible() {
        return;
    }
    Space::with(&format!("back-{component}"), 2, async |space| {
        let pair = Pair::start(&space, machine, "sleep 30; echo done").await;
        let blow = Blow::now(&format!("SIGKILL of {component}, back after 15 s | run"));
        let dead = Dead::kill(component, FOR_GOOD);
        tokio::time::sleep(Duration::from_secs(15)).await;
        drop(dead);
        let ending = blow.ending(&space, PAIR, BOUND).await;
        assert_eq!(ending.status.succeeded_nodes, Some(2), "{:#?}", ending.status);
        for (index, pod) in pair.pods.iter().enumerate() {
            assert_eq!(space.log(&ending.task, index).await, "in run\ndone\n");
            let pod = space.api::<Pod>().get(pod).await.expect("the pod");
            let restarts = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
            assert!(restarts.iter().all(|container| container.restart_count == 0), "{restarts:#?}");
        }
    })
    .await;
}

/// Its containers run on, and nobody can say so: 45 s until the machine counts as silent, 60 s that this is tolerated,
/// 30 s of grace period for a pod that nobody ends, and 30 s for a report that does not come. Its peer still hears it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes four minutes"]
async fn a_kubelet_that_stays_dead_is_a_lost_node() {
    stays_dead("kubelet-2", "node-2", "sleep 220", NodePhase::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_power_is_a_lost_node() {
    stays_dead("node-3", "node-3", "sleep 600", NodePhase::Failed).await;
}

/// A container in setup is not ready by its kubelet's word either: that the kubelet is silent, its machine's taint tells.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn a_machine_without_power_in_setup_is_a_lost_node() {
    if !fault::possible() {
        return;
    }
    Space::with("dead-setup", 2, async |space| {
        let spec = json!({"setup": "echo in setup; sleep 600", "run": "echo never"});
        let pair = Pair::start_with(&space, "node-1", spec, "in setup").await;
        loses_power(&space, &pair, "node-1", "setup").await;
    })
    .await;
}

/// From the end of setup on it is ready, and the control plane's word that it is not counts.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn a_machine_without_power_after_setup_is_a_lost_node() {
    if !fault::possible() {
        return;
    }
    Space::with("dead-after-setup", 2, async |space| {
        let pods: History<Pod> = History::start(space.api()).await;
        let spec = json!({"setup": "true", "run": "echo in run; sleep 600"});
        let pair = Pair::start_with(&space, "node-1", spec, "in run").await;
        let is_ready = |pod: &Pod| {
            let status = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
            status.is_some_and(|containers| containers.iter().all(|container| container.ready))
        };
        let victim = &pair.pods[pair.victim];
        pods.when("the node on the machine is ready", |pod| pod.name_any() == *victim && is_ready(pod)).await;
        loses_power(&space, &pair, "node-1", "run, after a setup").await;
    })
    .await;
}

async fn loses_power(space: &Space, pair: &Pair, machine: &str, when: &str) {
    let blow = Blow::now(&format!("SIGKILL of {machine} for good | {when}"));
    let dead = Dead::kill(machine, FOR_GOOD);
    let ending = blow.ending(space, PAIR, BOUND).await;
    drop(dead);
    tells_of_the_loss(&ending, pair, machine);
    assert_eq!(ending.node(1 - pair.victim).reason.as_deref(), Some("PeerLost"), "{:#?}", ending.status);
}

/// The task of both runs `run`; `other` is how the node on the whole machine ends.
async fn stays_dead(target: &str, machine: &str, run: &str, other: NodePhase) {
    if !fault::possible() {
        return;
    }
    Space::with(&format!("dead-{target}"), 2, async |space| {
        let witness = Witness::start(&space).await;
        let pair = Pair::start(&space, machine, run).await;
        let blow = Blow::now(&format!("SIGKILL of {target} for good | run"));
        let dead = Dead::kill(target, FOR_GOOD);
        let ending = blow.ending(&space, PAIR, BOUND).await;
        drop(dead);
        tells_of_the_loss(&ending, &pair, machine);
        let case = Case {
            name: PAIR,
            what: "a machine that is lost",
            reason: "NodeLost",
            // The peers tell of it before Kubernetes does.
            words: &["the machine node-", " was lost: ", "submit the task again", "`spec.maxDisruptionRestarts`"],
            knows: Knows::Nothing,
        };
        witness.check(&space, &case).await;
        assert_eq!(ending.node(1 - pair.victim).phase, other, "{:#?}", ending.status);
    })
    .await;
}
