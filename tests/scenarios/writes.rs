//! How many writes a task costs.

use serde_json::json;
use sky_tests::{
    audit::{self, count},
    space::Space,
};

/// N Jobs, a Service, a ConfigMap where needed, and at most four status patches in a life of nodes that move together.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_costs_its_children_and_few_patches() {
    Space::with("writes", 2, async |space| {
        if !audit::is_readable() {
            return;
        }
        let script = format!("{}sleep 3\n", "# filler\n".repeat(1000));
        space.task("pair", json!({"numNodes": 2, "run": script})).await;
        space
            .when("pair", "has all its Jobs recorded", |task| {
                task.status
                    .as_ref()
                    .is_some_and(|status| status.nodes.iter().filter(|node| node.job_uid.is_some()).count() == 2)
            })
            .await;
        let created = audit::operator_writes(&space.name);
        let of = |resource, subresource| count(&created, resource, subresource);
        assert_eq!((of("jobs", ""), of("services", ""), of("configmaps", "")), (2, 1, 1), "{created:#?}");
        assert!(of("skytasks", "status") <= 2, "{created:#?}");
        space.finished("pair").await;
        let all = audit::operator_writes(&space.name);
        let patches = count(&all, "skytasks", "status");
        println!("a task of two nodes: {} writes in all, {patches} of them to its status", all.len());
        assert!(patches <= 4, "{all:#?}");
    })
    .await;
}
