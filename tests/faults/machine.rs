//! What runs on a machine dies, or all of it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use sky_crd::task::NodePhase;
use sky_tests::{
    ending::Blow,
    explained::{Case, Knows, Witness},
    fault::{self, Dead},
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
            words: &["was lost", "`spec.maxDisruptionRestarts`"],
            knows: Knows::Nothing,
        };
        witness.check(&space, &case).await;
        assert_eq!(ending.node(1 - pair.victim).phase, other, "{:#?}", ending.status);
    })
    .await;
}
