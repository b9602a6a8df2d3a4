//! What a namespace does not allow.

use k8s_openapi::api::core::v1::{LimitRange, Namespace, ResourceQuota};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use sky_tests::{
    explained::{Case, Knows, Witness},
    space::Space,
};

use super::{explain, with};

const ASK: &str = "ask for less or for what is allowed there, or ask the administrator to raise the limit";

fn refused(name: &'static str, what: &'static str, words: &'static [&'static str]) -> Case {
    Case { name, what, reason: "Refused", words, knows: Knows::Warned("FailedCreate") }
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_and_limits() {
    Space::with("why-limits", 0, async |space| {
        let limits = json!([{"type": "Container", "max": {"cpu": "1"}}]);
        space.create::<LimitRange>(json!({"metadata": {"name": "small"}, "spec": {"limits": limits}})).await;
        let quota = json!({"hard": {"requests.memory": "1Mi"}});
        space.create::<ResourceQuota>(json!({"metadata": {"name": "little"}, "spec": quota})).await;
        let witness = Witness::start(&space).await;
        explain(
            &space,
            &witness,
            vec![
                (
                    refused("limit", "a LimitRange", &["maximum cpu usage per Container is 1", ASK]),
                    with(&json!({"cpus": 2, "memory": "1Mi"})),
                ),
                (
                    refused("quota", "a ResourceQuota", &["exceeded quota: little", ASK]),
                    with(&json!({"cpus": "10m", "memory": "2Gi"})),
                ),
            ],
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_security_and_missing_accounts() {
    Space::with("why-security", 0, async |space| {
        let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let namespaces: Api<Namespace> = Api::all(space.client.clone());
        namespaces.patch(&space.name, &PatchParams::default(), &Patch::Merge(labels)).await.expect("a label");
        let witness = Witness::start(&space).await;
        explain(
            &space,
            &witness,
            vec![
                (refused("security", "pod security `restricted`", &["violates PodSecurity", ASK]), with(&json!({}))),
                (
                    refused("account", "a service account that is not there", &["serviceaccount \"nobody\" not found"]),
                    json!({"run": "true", "serviceAccountName": "nobody"}),
                ),
            ],
        )
        .await;
    })
    .await;
}
