//! The cluster's DNS is away.

use std::time::Duration;

use serde_json::json;
use sky_tests::{
    ending::Blow,
    fault::{self, Dead},
    space::Space,
};

use crate::pair::NAMES;

/// A task that starts meanwhile waits for it; one that runs does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn without_names_for_20_seconds_a_task_waits_and_then_runs() {
    if !fault::possible() {
        return;
    }
    Space::with("dns", 4, async |space| {
        let names = NAMES.write().await;
        // On the machine that no test breaks.
        let here = json!({"kubernetes.io/hostname": "node-0"});
        let before = json!({"numNodes": 2, "run": "echo in run; sleep 30", "nodeSelector": here});
        space.task("before", before).await;
        for pod in space.running("before").await {
            space.said(&pod, "in run").await;
        }
        let blow = Blow::now("CoreDNS is dead for 20 s | before all have met");
        let dead = Dead::kill("coredns", Duration::from_secs(60));
        let run = "echo \"$SKYPILOT_NODE_IPS\" | wc -l";
        space.task("pair", json!({"numNodes": 2, "setup": "true", "run": run, "nodeSelector": here})).await;
        let pods = space.running("pair").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(dead);
        drop(names);
        let ending = blow.ending(&space, "pair", Duration::from_secs(90)).await;
        assert_eq!(ending.status.succeeded_nodes, Some(2), "{:#?}", ending.status);
        for index in 0..pods.len() {
            assert!(space.log(&ending.task, index).await.ends_with("2\n"));
        }
        let running = space.finished("before").await;
        assert_eq!(running.status.as_ref().and_then(|status| status.succeeded_nodes), Some(2), "{:#?}", running.status);
    })
    .await;
}
