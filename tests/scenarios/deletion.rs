//! Deleting a task, at each step of its life, leaves nothing.

use std::time::Duration;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Service},
};
use kube::ResourceExt as _;
use serde_json::json;
use sky_crd::task::{SkyTask, TaskPhase};
use sky_tests::{history::History, space::Space};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn leaves_nothing_after_60_seconds() {
    Space::with("delete", 8, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let pods: History<Pod> = History::start(space.api()).await;
        let services: History<Service> = History::start(space.api()).await;
        // Every namespace has a ConfigMap of its own, the root certificate.
        let scripts = || async {
            let all = space.api::<ConfigMap>().list(&Default::default()).await.expect("a list");
            all.into_iter().filter(|map| map.name_any().ends_with("-scripts")).count()
        };
        let long = format!("{}trap 'exit 0' TERM; sleep 600 & wait\n", "# filler\n".repeat(1000));
        let two = json!({"numNodes": 2, "run": long});
        let tasks = space.api::<SkyTask>();
        space.task("at-once", two.clone()).await;
        tasks.delete("at-once", &Default::default()).await.expect("deleted");
        space.task("at-first-job", two.clone()).await;
        jobs.when("a Job", |job| job.annotations().get("skytask.dev/task").is_some_and(|task| task == "at-first-job"))
            .await;
        tasks.delete("at-first-job", &Default::default()).await.expect("deleted");
        space.task("running", two.clone()).await;
        space
            .when("running", "runs", |task| task.status.as_ref().is_some_and(|s| s.phase == Some(TaskPhase::Running)))
            .await;
        assert!(scripts().await > 0);
        tasks.delete("running", &Default::default()).await.expect("deleted");
        space.task("finished", json!({"numNodes": 2, "run": "true"})).await;
        space.finished("finished").await;
        tasks.delete("finished", &Default::default()).await.expect("deleted");
        let everything = async {
            jobs.all_gone("Jobs").await;
            pods.all_gone("pods").await;
            services.all_gone("Services").await;
            while scripts().await > 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(Duration::from_secs(60), everything).await.expect("nothing is left after 60 s");
    })
    .await;
}
