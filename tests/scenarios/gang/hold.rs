//! One node comes later than the others.

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sky_tests::space::{Space, reason};

/// Lets only node 0 come, until it is opened.
pub struct Gate<'a>(&'a Space);

impl<'a> Gate<'a> {
    /// Before the task is created.
    pub async fn closed(space: &'a Space) -> Self {
        let quota = json!({"metadata": {"name": "gate"}, "spec": {"hard": {"count/jobs.batch": "1"}}});
        space.create::<ResourceQuota>(quota).await;
        let in_force = |quota: &ResourceQuota| quota.status.as_ref().is_some_and(|status| status.hard.is_some());
        let quotas: sky_tests::history::History<ResourceQuota> = sky_tests::history::History::start(space.api()).await;
        quotas.when("the quota is in force", in_force).await;
        Self(space)
    }

    /// Waits until node 0 is there and node 1 is refused. Returns the pod of node 0.
    pub async fn holds(&self, name: &str) -> String {
        let held = |task: &sky_crd::task::SkyTask| {
            let status = task.status.as_ref();
            reason(task).as_deref() == Some("Refused")
                && status.is_some_and(|status| status.nodes[0].started_at.is_some())
        };
        let task = self.0.when(name, "has node 0 and waits for node 1", held).await;
        task.status.and_then(|status| status.nodes[0].pod.clone()).expect("a started node has a pod")
    }

    /// Lets the others come.
    pub async fn open(self) {
        let raised = json!({"spec": {"hard": {"count/jobs.batch": "100"}}});
        let quotas = self.0.api::<ResourceQuota>();
        quotas.patch("gate", &PatchParams::default(), &Patch::Merge(raised)).await.expect("the quota is raised");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn a_node_that_comes_40_seconds_late_is_waited_for() {
    Space::with("late", 2, async |space| {
        let gate = Gate::closed(&space).await;
        let setup = "date +%s; echo setup of $(echo \"$SKYPILOT_SETUP_NODE_IPS\" | wc -l)";
        let run = "echo run of $(echo \"$SKYPILOT_NODE_IPS\" | wc -l)";
        space.task("pair", json!({"numNodes": 2, "setup": setup, "run": run})).await;
        gate.holds("pair").await;
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
        gate.open().await;
        let task = space.finished("pair").await;
        let status = task.status.as_ref().expect("a status");
        assert_eq!(status.succeeded_nodes, Some(2), "{status:#?}");
        let mut began = Vec::new();
        for index in 0..2 {
            let log = space.log(&task, index).await;
            // While it waits, the agent says for whom.
            let lines: Vec<_> = log.lines().filter(|line| !line.starts_with("sky-")).collect();
            assert_eq!(lines[1..], ["setup of 2", "run of 2"], "log of node {index}: {log}");
            began.push(lines[0].parse::<i64>().expect("seconds"));
        }
        let late = status.nodes[1].started_at.as_ref().expect("it started").0.as_second()
            - status.nodes[0].started_at.as_ref().expect("it started").0.as_second();
        println!("failure: | node 1 comes late | start | completed | - | - | {late} s later |");
        assert!(late >= 40, "node 1 came {late} s after node 0");
        assert!((began[0] - began[1]).abs() <= 2, "both setups begin when all nodes are there: {began:?}");
    })
    .await;
}
