//! A pod of somebody else speaks the protocol without the token.

use k8s_openapi::api::core::v1::{Pod, Service};
use serde_json::json;
use sky_tests::space::Space;

use super::hold::Gate;

/// It is in the DNS of the task, is there before node 1 and says that it is node 1.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_can_neither_join_nor_delay_nor_fail_a_task() {
    Space::with("stranger", 3, async |space| {
        let gate = Gate::closed(&space).await;
        let script = "echo \"$SKYPILOT_NODE_IPS\" | wc -l; hostname -i";
        let task = space.task("pair", json!({"numNodes": 2, "setup": "true", "run": script})).await;
        let node_0 = space.api::<Pod>().get(&gate.holds("pair").await).await.expect("node 0 is there");
        let address = node_0.status.and_then(|status| status.pod_ip).expect("a running pod has an address");
        let id =
            space.when("pair", "has an id", |task| task.status.as_ref().is_some_and(|s| s.task_id.is_some())).await;
        let service = format!("task-{}", id.status.and_then(|status| status.task_id).expect("an id"));
        let selector =
            space.api::<Service>().get(&service).await.expect("the Service").spec.and_then(|spec| spec.selector);
        let scope = format!("{service}.{}/0/2", space.name);
        space
            .create::<Pod>(json!({
                "metadata": {"name": "stranger", "labels": selector},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{
                        "name": "task", "image": "python:3.13-slim",
                        "command": ["python3", "-c", include_str!("stranger.py"), address, scope],
                    }],
                },
            }))
            .await;
        space.said("stranger", "turned away").await;
        gate.open().await;
        let end = space.finished("pair").await;
        let status = end.status.as_ref().expect("a status");
        assert_eq!(status.succeeded_nodes, Some(2), "{status:#?}");
        let stranger = space.api::<Pod>().get("stranger").await.expect("the stranger").status.and_then(|s| s.pod_ip);
        for index in 0..2 {
            let log = space.log(&end, index).await;
            // Who waits for a minute says for whom.
            let waited = "sky-task: waiting for node-1: has not come yet\n";
            assert!(
                log.trim_start_matches(waited).starts_with("2\n")
                    && !log.contains(&stranger.clone().expect("an address")),
                "{log}"
            );
        }
        assert_eq!(end.metadata.uid, task.metadata.uid);
    })
    .await;
}
