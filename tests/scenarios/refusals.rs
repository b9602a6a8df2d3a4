//! Bad input: who refuses it, and in which words.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use sky_crd::{condition::ConditionType, task::SkyTask, volume::SkyVolume};
use sky_tests::space::{Space, condition, reason};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_names_the_field_that_it_refuses() {
    Space::with("schema", 0, async |space| {
        let table = [
            (json!({}), "spec.run"),
            (json!({"run": "true", "numNodes": 0}), "spec.numNodes"),
            (json!({"run": "true", "numNodes": 1001}), "spec.numNodes"),
            (json!({"run": "true", "numNodes": "2"}), "spec.numNodes"),
            (json!({"run": 5}), "spec.run"),
            (json!({"run": "true", "taskId": "XYZ"}), "spec.taskId"),
            (json!({"run": "true", "resources": {"cpus": 5_000_000_000_u64}}), "spec.resources.cpus"),
            (json!({"run": "true", "volumes": [{"mountPath": "data", "name": "v"}]}), "spec.volumes[0].mountPath"),
            (json!({"run": "true", "workdir": {}}), "spec.workdir"),
            (json!({"run": "true", "tolerations": [{"effect": "Never"}]}), "spec.tolerations[0].effect"),
        ];
        for (spec, field) in table {
            let object = json!({"metadata": {"name": "bad"}, "spec": spec});
            let error = space.try_create::<SkyTask>(object).await.expect_err(field).to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
        let volume = json!({"metadata": {"name": "bad"}, "spec": {"size": "much"}});
        let error = space.try_create::<SkyVolume>(volume).await.expect_err("size").to_string();
        assert!(error.contains("spec.size"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_cannot_be_changed() {
    Space::with("immutable", 1, async |space| {
        space.task("fixed", json!({"run": "true"})).await;
        for patch in
            [json!({"run": "false"}), json!({"numNodes": 2}), json!({"setup": "true"}), json!({"envs": {"A": "1"}})]
        {
            let error = patch_spec(&space, "fixed", &patch).await.expect_err("refused").to_string();
            assert!(error.contains("field is immutable"), "{patch}: {error}");
        }
    })
    .await;
}

async fn patch_spec(space: &Space, name: &str, spec: &Value) -> Result<SkyTask, kube::Error> {
    let patch = kube::api::Patch::Merge(json!({"spec": spec}));
    space.api::<SkyTask>().patch(name, &kube::api::PatchParams::default(), &patch).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_can_see_stalls_the_task_with_a_reason() {
    Space::with("stalled", 0, async |space| {
        for (name, spec, field) in [
            ("cpus", json!({"run": "true", "resources": {"cpus": "many"}}), "spec.resources.cpus"),
            ("label", json!({"run": "true", "labels": {"task-id": "x"}}), "spec.labels"),
            ("env", json!({"run": "true", "envs": {"A-B": "x"}}), "spec.envs"),
        ] {
            space.task(name, spec).await;
            let task = space.when(name, "is stalled", |task| condition(task, ConditionType::Stalled)).await;
            assert_eq!(reason(&task).as_deref(), Some("InvalidSpec"));
            assert!(task.status.expect("a status").failure.expect("a failure").message.starts_with(field));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_never_adopted() {
    Space::with("conflict", 1, async |space| {
        let template =
            json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "localhost/pause:dev"}]}});
        let theirs: Job = space
            .create(json!({"metadata": {"name": "taken-00c0ffee"}, "spec": {"suspend": true, "template": template}}))
            .await;
        space.task("taken", json!({"taskId": "00c0ffee", "run": "true"})).await;
        let task = space.when("taken", "is in conflict", |task| reason(task).as_deref() == Some("NameConflict")).await;
        assert!(condition(&task, ConditionType::Stalled));
        space.api::<SkyTask>().delete("taken", &Default::default()).await.expect("deleted");
        let after = space.api::<Job>().get("taken-00c0ffee").await.expect("it is still there");
        assert_eq!(after.metadata.uid, theirs.metadata.uid);
        assert_eq!(after.metadata.owner_references, theirs.metadata.owner_references);
    })
    .await;
}
