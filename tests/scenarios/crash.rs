//! The operator dies at the worst moment.

use k8s_openapi::api::{batch::v1::Job, core::v1::ResourceQuota};
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use sky_tests::{
    history::History,
    operator::Operator,
    space::{Space, reason},
};

/// A quota stops the operator after node 0; then it is killed. Exactly four Jobs, ever.
#[tokio::test(flavor = "multi_thread")]
async fn sigkill_between_node_0_and_node_1_of_four() {
    Space::with_operator("crash", 4, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let quota = json!({"metadata": {"name": "one"}, "spec": {"hard": {"count/jobs.batch": "1"}}});
        space.create::<ResourceQuota>(quota).await;
        let quotas: History<ResourceQuota> = History::start(space.api()).await;
        quotas
            .when("the quota is in force", |quota| quota.status.as_ref().is_some_and(|status| status.hard.is_some()))
            .await;
        let operator = Operator::start(&space.name);
        space.task("four", json!({"numNodes": 4, "run": "echo rank $NODE_RANK"})).await;
        let stopped =
            space.when("four", "is stopped by the quota", |task| reason(task).as_deref() == Some("Refused")).await;
        assert!(stopped.status.expect("a status").pending.expect("a reason").message.contains("exceeded quota"));
        jobs.when("node 0", |job| job.name_any().ends_with("node-0")).await;
        operator.kill();
        let raised = json!({"spec": {"hard": {"count/jobs.batch": "10"}}});
        space
            .api::<ResourceQuota>()
            .patch("one", &PatchParams::default(), &Patch::Merge(raised))
            .await
            .expect("raised");
        let operator = Operator::start(&space.name);
        let task = space.finished("four").await;
        assert_eq!(task.status.expect("a status").succeeded_nodes, Some(4));
        assert_eq!(jobs.uids().len(), 4, "Jobs that there ever were");
        operator
    })
    .await;
}

/// A finished task never runs again: not after a restart, not after its Jobs are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_is_left_alone_by_the_next_operator() {
    Space::with_operator("finished", 1, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let operator = Operator::start(&space.name);
        space.task("once", json!({"run": "echo once"})).await;
        let done = space.finished("once").await;
        operator.kill();
        space.api::<Job>().delete_collection(&Default::default(), &Default::default()).await.expect("deleted");
        jobs.all_gone("the Job").await;
        let operator = Operator::start(&space.name);
        // A second task that ends proves that the operator has seen the first.
        space.task("another", json!({"run": "echo another"})).await;
        space.finished("another").await;
        assert_eq!(jobs.uids().len(), 2, "one Job for each task");
        let live = space.api::<sky_crd::task::SkyTask>().get("once").await.expect("the task");
        assert_eq!(live.status, done.status);
        operator
    })
    .await;
}
