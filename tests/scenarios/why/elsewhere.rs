//! Volumes that are not there, not yet, or not here; and an operator that is not there.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};
use sky_crd::condition::ConditionType;
use sky_tests::{
    explained::{Case, Knows, Witness},
    operator::Operator,
    space::{Space, condition},
};

use super::{
    explain,
    stand_ins::{claim, with_machine},
};

fn mounting(claim: &str, run: &str) -> Value {
    json!({"run": run, "gracePeriodSeconds": 1, "volumes": [{"mountPath": "/data", "name": claim}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes() {
    Space::with("why-volume", 6, async |space| {
        with_machine(&space, async || {
            let witness = Witness::start(&space).await;
            let spec = json!({
                "accessModes": ["ReadWriteOnce"], "storageClassName": "no-such-class",
                "resources": {"requests": {"storage": "1Mi"}},
            });
            space.create::<PersistentVolumeClaim>(json!({"metadata": {"name": "unbound"}, "spec": spec})).await;
            let directory = |path: &str, kind: &str| json!({"hostPath": {"path": path, "type": kind}});
            claim(&space, "broken", "ReadWriteOnce", directory("/no/such/directory", "Directory")).await;
            claim(&space, "alone", "ReadWriteOncePod", directory("/tmp", "Directory")).await;
            let mut far = directory("/tmp", "Directory");
            let other = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["another-machine"]});
            far["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [other]}]}});
            claim(&space, "far", "ReadWriteOnce", far).await;
            space.task("holder", mounting("alone", "sleep 600")).await;
            space.running("holder").await;
            let case = |name, what, reason, words, knows| Case { name, what, reason, words, knows };
            explain(
                &space,
                &witness,
                vec![
                    (
                        case(
                            "absent",
                            "a volume that there is not",
                            "VolumeNotFound",
                            &["volume `no-such-claim` not found", "create one"],
                            Knows::Task,
                        ),
                        mounting("no-such-claim", "true"),
                    ),
                    (
                        case(
                            "not-bound",
                            "a claim without storage",
                            "Provisioning",
                            &["a volume has no storage yet", "`kubectl describe pvc`"],
                            Knows::Unscheduled,
                        ),
                        mounting("unbound", "true"),
                    ),
                    (
                        case(
                            "not-mounted",
                            "a volume that cannot be mounted",
                            "MountFailed",
                            &["/no/such/directory", "check the volume with `kubectl describe pod`"],
                            Knows::Warned("FailedMount"),
                        ),
                        mounting("broken", "true"),
                    ),
                    (
                        case(
                            "in-use",
                            "a volume that another pod has for itself",
                            "VolumeConflict",
                            &["ReadWriteOncePod", "end what uses the volume"],
                            Knows::Unscheduled,
                        ),
                        mounting("alone", "true"),
                    ),
                    (
                        case(
                            "far-away",
                            "a ReadWriteOnce volume on another machine",
                            "VolumeConflict",
                            &["let the task run on the volume's machine"],
                            Knows::Unscheduled,
                        ),
                        mounting("far", "true"),
                    ),
                ],
            )
            .await;
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_not_there() {
    Space::with_operator("why-nobody", 1, async |space| {
        let witness = Witness::start(&space).await;
        let case = Case {
            name: "waits",
            what: "no operator runs",
            reason: "Unobserved",
            words: &["no operator has looked at it yet", "`kubectl get deployments -A -l"],
            knows: Knows::Task,
        };
        explain(&space, &witness, vec![(case, json!({"run": "true"}))]).await;
        let operator = Operator::start(&space.name);
        let done = space.finished("waits").await;
        assert!(condition(&done, ConditionType::Complete), "{:#?}", done.status);
        operator
    })
    .await;
}
