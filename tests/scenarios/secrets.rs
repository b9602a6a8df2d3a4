//! Values that nobody but the script may see.

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Event, Pod, Secret},
};
use kube::api::ListParams;
use serde_json::json;
use sky_crd::task::{NodePhase, SkyTask};
use sky_tests::{
    operator,
    space::{Space, reason},
};

const VALUE: &str = "hunter2-$HOME";

#[tokio::test(flavor = "multi_thread")]
async fn reach_the_script_and_no_object_or_log_of_ours() {
    Space::with("secrets", 1, async |space| {
        let spec = json!({
            "envs": {"PASSWORD": "from-envs", "OVER": "from-envs"},
            "secrets": [{"name": "PASSWORD", "secretName": "mine", "key": "password"}],
            "envFrom": [{"secretName": "mine", "prefix": "ALL_"}, {"configMapName": "settings"}],
            "run": "echo $PASSWORD $ALL_password $COLOUR $OVER",
        });
        space.task("job", spec).await;
        let waiting = space.when("job", "waits", |task| reason(task).is_some()).await;
        assert_eq!(reason(&waiting).as_deref(), Some("SecretNotFound"));
        assert_eq!(
            waiting.status.as_ref().and_then(|status| status.nodes[0].job_uid.clone()),
            None,
            "no Job holds a machine"
        );
        space.create::<Secret>(json!({"metadata": {"name": "mine"}, "stringData": {"password": VALUE}})).await;
        space.when("job", "waits for the other", |task| reason(task).as_deref() == Some("ConfigMapNotFound")).await;
        let settings = json!({"metadata": {"name": "settings"}, "data": {"COLOUR": "blue", "OVER": "from-map"}});
        space.create::<ConfigMap>(settings).await;
        let task = space.finished("job").await;
        assert_eq!(space.log(&task, 0).await, format!("{VALUE} {VALUE} blue from-envs\n"));
        assert!(!everything(&space).await.contains("hunter2"));
    })
    .await;
}

/// All that a curious colleague could read: objects, Events and the operator's log, without Secrets.
async fn everything(space: &Space) -> String {
    let all = ListParams::default();
    let tasks = json!(space.api::<SkyTask>().list(&all).await.expect("tasks").items);
    let jobs = json!(space.api::<Job>().list(&all).await.expect("Jobs").items);
    let pods = json!(space.api::<Pod>().list(&all).await.expect("pods").items);
    let events = json!(space.api::<Event>().list(&all).await.expect("Events").items);
    format!("{tasks}{jobs}{pods}{events}{}", operator::log(&space.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_named() {
    Space::with("secret-key", 1, async |space| {
        space.create::<Secret>(json!({"metadata": {"name": "mine"}, "stringData": {"other": "x"}})).await;
        let secrets = json!([{"name": "PASSWORD", "secretName": "mine", "key": "password"}]);
        space.task("job", json!({"secrets": secrets, "run": "echo never"})).await;
        let waiting = space.when("job", "waits", |task| reason(task).as_deref() == Some("SecretNotFound")).await;
        let status = waiting.status.expect("a status");
        assert_eq!(status.nodes[0].phase, NodePhase::Pending);
        let message = status.pending.expect("what it waits for").message;
        assert!(message.contains("password") && message.contains("create it"), "{message}");
    })
    .await;
}
