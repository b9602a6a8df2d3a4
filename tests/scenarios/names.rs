//! Names that are no DNS names, too long, or numbers.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt as _;
use serde_json::json;
use sky_tests::{history::History, space::Space};

#[tokio::test(flavor = "multi_thread")]
async fn unfit_names_still_run_and_keep_their_labels() {
    Space::with("names", 6, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let long = "n".repeat(80);
        // Addresses of peers come with their pods, a moment later or earlier than this one.
        let peers = "for peer in node-0.task-$SKYPILOT_TASK_ID node-1.task-$SKYPILOT_TASK_ID $MASTER_ADDR; do
            until getent hosts $peer > /dev/null; do sleep 0.2; done
        done; echo rank $NODE_RANK";
        space.task("mine", json!({"name": "MyTask", "run": "echo ok"})).await;
        space.task("under", json!({"name": "my_task.v2", "run": "echo ok"})).await;
        space.task(&long, json!({"run": "echo ok"})).await;
        space.task("number", json!({"name": "123", "numNodes": 2, "run": peers})).await;
        for (object, label, prefix, log) in [
            ("mine", "MyTask", "mytask-", "ok\n"),
            ("under", "my_task.v2", "my-task-v2-", "ok\n"),
            (long.as_str(), &long[..63], "nnnn", "ok\n"),
            ("number", "123", "123-", "rank 0\n"),
        ] {
            let task = space.finished(object).await;
            assert_eq!(space.log(&task, 0).await, log, "{object}");
            let status = task.status.clone().expect("a status");
            assert_eq!(status.exit_code, Some(0), "{object}");
            let name = status.nodes[0].job.clone().expect("a Job");
            assert!(name.starts_with(prefix) && name.len() <= 57, "{name}");
            let job = jobs.when("the Job", |job| job.name_any() == name).await;
            assert_eq!(job.labels()["task-name"], label);
            assert_eq!(job.labels()["task-id"], task.task_id().as_str());
            let pod = space.api::<Pod>().get(status.nodes[0].pod.as_deref().expect("a pod")).await.expect("the pod");
            assert!(pod.name_any().starts_with(&name), "the pod {} has lost the tail of {name}", pod.name_any());
        }
    })
    .await;
}
