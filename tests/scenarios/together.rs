//! What the nodes of a task do together: they start run at one moment, and they end together.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use sky_crd::task::NodePhase;
use sky_tests::space::{Space, reason};

#[tokio::test(flavor = "multi_thread")]
async fn run_starts_when_setup_has_succeeded_everywhere() {
    Space::with("barrier", 3, async |space| {
        // The last setup takes longest, and its end is before every run's beginning: one clock on one machine.
        let setup = "sleep $NODE_RANK; date +%s%N; echo 'export RC=read' >> ~/.bashrc; exit 0";
        let run = r#"date +%s%N; echo "$RC $SKYPILOT_NODE_RANK $SKYPILOT_NUM_NODES"; echo "$SKYPILOT_NODE_IPS""#;
        space.task("three", json!({"numNodes": 3, "setup": setup, "run": run})).await;
        let task = space.finished("three").await;
        assert_eq!(task.status.as_ref().expect("a status").exit_code, Some(0), "{:#?}", task.status);
        let mut logs = Vec::new();
        for index in 0..3 {
            logs.push(space.log(&task, index).await.lines().map(str::to_owned).collect::<Vec<_>>());
        }
        let moment = |node: usize, line: usize| logs[node][line].parse::<u64>().expect("nanoseconds");
        let ready = (0..3).map(|node| moment(node, 0)).max();
        for (node, log) in logs.iter().enumerate() {
            assert!(Some(moment(node, 1)) > ready, "node {node} has waited for all");
            assert_eq!(log[2], format!("read {node} 3"));
            assert_eq!((log.len(), &log[3..]), (6, &logs[0][3..]), "one address per node, the same everywhere");
        }
        let token = space.api::<Secret>().list(&Default::default()).await.expect("a list");
        assert_eq!(token.items.len(), 1, "one token for all nodes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fails_ends_the_others_and_is_the_one_that_is_blamed() {
    Space::with("one-fails", 5, async |space| {
        // Node 1 fails once node 0 is ready to catch the signal.
        let script = r#"
            if [ $NODE_RANK = 1 ]; then
                until python -c "import socket; socket.create_connection(('$MASTER_ADDR', 8080), 1)"; do sleep 0.2; done
                exit 9
            fi
            trap 'echo caught; exit 0' TERM
            python -m http.server 8080 &
            wait
            echo never"#;
        space.task("run", json!({"numNodes": 3, "run": script})).await;
        let setup = "[ $NODE_RANK != 1 ] || exit 3; sleep 300";
        space.task("setup", json!({"numNodes": 2, "setup": setup, "run": "echo never"})).await;
        for (name, code, why, log) in [("run", 9, "RunFailed", "caught"), ("setup", 3, "SetupFailed", "")] {
            let task = space.finished(name).await;
            assert_eq!(reason(&task).as_deref(), Some(why), "{:#?}", task.status);
            let said = space.log(&task, 0).await;
            assert!(said.contains(log) && !said.contains("never"), "{said}");
            let status = task.status.expect("a status");
            assert_eq!((status.exit_code, status.succeeded_nodes), (Some(code), Some(0)));
            assert_eq!(status.failure.expect("a failure").node, Some(1));
            let ended = &status.nodes[0];
            assert_eq!((ended.phase, ended.exit_code), (NodePhase::Failed, Some(137)));
            assert_eq!(ended.reason.as_deref(), Some("PeerFailed"));
            assert_eq!(ended.peer.as_ref().and_then(|peer| peer.exit_code), Some(code));
        }
    })
    .await;
}
