//! What waits or fails says why, in words that somebody can act on.

use std::time::Duration;

use k8s_openapi::api::core::v1::{LimitRange, ResourceQuota};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use sky_tests::space::{Space, reason};

/// From the moment when the cluster knows. The cluster itself may take longer to notice.
const SOON: Duration = Duration::from_secs(30);

/// Name, specification, reason, words of the message.
type Case = (&'static str, Value, &'static str, &'static [&'static str]);

async fn check(space: &Space, cases: Vec<Case>) {
    for (name, spec, _, _) in &cases {
        space.task(name, spec.clone()).await;
    }
    for (name, _, expected, words) in cases {
        let told = space.when(name, expected, |task| reason(task).as_deref() == Some(expected));
        let task = tokio::time::timeout(SOON, told).await.unwrap_or_else(|_| panic!("{name} does not say {expected}"));
        let status = task.status.clone().expect("a status");
        let failure = status.failure.map(|failure| failure.message);
        let message = failure.or(status.pending.map(|pending| pending.message)).expect("a message");
        println!("{} | {expected} | {message}", task.name_any());
        for word in words {
            assert!(message.contains(word), "{name}: no `{word}` in `{message}`");
        }
    }
}

fn with(resources: &Value) -> Value {
    json!({"run": "true", "resources": resources})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_placed_or_started() {
    Space::with("why", 4, async |space| {
        let mut selected = json!({"run": "true"});
        selected["nodeSelector"] = json!({"pool": "nowhere"});
        check(
            &space,
            vec![
                (
                    "cpu",
                    with(&json!({"cpus": 4000})),
                    "NeverFits",
                    &["Insufficient cpu", "it asks for 4000 cpu, and the largest has"],
                ),
                ("memory", with(&json!({"memory": "900Ti"})), "NeverFits", &["Insufficient memory"]),
                ("gpu", with(&json!({"accelerators": [{"count": 8}]})), "NeverFits", &["nvidia.com/gpu"]),
                ("selector", selected, "NeverFits", &["node affinity/selector"]),
                (
                    "image",
                    with(&json!({"imageId": "localhost/no-such:1"})),
                    "ImagePull",
                    &["localhost/no-such:1", "check its name"],
                ),
                ("image-name", with(&json!({"imageId": "Not A Name"})), "ImagePull", &["InvalidImageName"]),
                ("service-account", json!({"run": "true", "serviceAccountName": "nobody"}), "Refused", &["nobody"]),
                (
                    "oom",
                    json!({"run": "tail /dev/zero", "resources": {"memory": "16Mi"}}),
                    "OOMKilled",
                    &["resources.memory"],
                ),
            ],
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_namespace_does_not_allow() {
    Space::with("limits", 0, async |space| {
        let limits = json!([{"type": "Container", "max": {"cpu": "1"}}]);
        space.create::<LimitRange>(json!({"metadata": {"name": "small"}, "spec": {"limits": limits}})).await;
        let quota = json!({"hard": {"requests.memory": "1Mi"}});
        space.create::<ResourceQuota>(json!({"metadata": {"name": "little"}, "spec": quota})).await;
        check(
            &space,
            vec![
                (
                    "limit",
                    with(&json!({"cpus": 2, "memory": "1Mi"})),
                    "Refused",
                    &["maximum cpu usage per Container is 1"],
                ),
                (
                    "quota",
                    with(&json!({"cpus": "10m", "memory": "2Gi"})),
                    "Refused",
                    &["exceeded quota", "raise the limit"],
                ),
            ],
        )
        .await;
    })
    .await;
}
