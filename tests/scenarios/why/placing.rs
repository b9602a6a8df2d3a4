//! What no machine takes.

use serde_json::{Value, json};
use sky_crd::task::SkyTask;
use sky_tests::{
    explained::{Case, Knows, Witness},
    space::Space,
};

use super::{
    explain,
    stand_ins::{MINE, on_it, with_machine},
    with,
};

const CHANGE_IT: &str = "change what it asks for, or add such a machine";

fn never(name: &'static str, what: &'static str, words: &'static [&'static str]) -> Case {
    Case { name, what, reason: "NeverFits", words, knows: Knows::Unscheduled }
}

fn selecting(labels: &Value) -> Value {
    json!({"run": "true", "nodeSelector": labels})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_fits_and_what_does_not_fit_now() {
    Space::with("why-place", 9, async |space| {
        with_machine(&space, async || {
            let witness = Witness::start(&space).await;
            space.task("holder", on_it(&space, 3)).await;
            witness.bound("holder").await;
            let busy = Case {
                name: "busy",
                what: "machines that others use",
                reason: "Unschedulable",
                words: &["no machine takes it now", "Insufficient cpu", "wait until a machine has it free"],
                knows: Knows::Unscheduled,
            };
            explain(
                &space,
                &witness,
                vec![
                    (
                        never(
                            "cpu",
                            "more CPU than any machine",
                            &["it asks for 4000 cpu, and the largest has", CHANGE_IT],
                        ),
                        with(&json!({"cpus": 4000})),
                    ),
                    (
                        never("memory", "more memory than any machine", &["Gi memory, and the largest has", CHANGE_IT]),
                        with(&json!({"memory": "900Ti"})),
                    ),
                    (
                        never("gpu", "a GPU where there is none", &["nvidia.com/gpu", CHANGE_IT]),
                        with(&json!({"accelerators": [{"count": 64}]})),
                    ),
                    (
                        never(
                            "selector",
                            "labels that no machine has",
                            &["`spec.nodeSelector`: pool=nowhere", CHANGE_IT],
                        ),
                        selecting(&json!({"pool": "nowhere"})),
                    ),
                    (
                        never(
                            "taint",
                            "a taint that is not tolerated",
                            &["`spec.tolerations` would have to name: why.test/space=", CHANGE_IT],
                        ),
                        selecting(&json!({MINE: space.name})),
                    ),
                    (busy, on_it(&space, 3)),
                ],
            )
            .await;
            let mut pair = with(&json!({"cpus": 4000}));
            pair["numNodes"] = json!(2);
            space.task("pair", pair).await;
            let told = |task: &SkyTask| {
                let groups = task.status.as_ref()?.pending.as_ref()?.nodes.clone();
                groups.into_iter().find(|group| group.reason == "NeverFits" && group.count == 2)
            };
            let task = space.when("pair", "says which nodes wait", |task| told(task).is_some()).await;
            let group = told(&task).expect("it does");
            assert!(group.nodes == "0-1" && group.since.is_some() && !group.message.is_empty(), "{group:?}");
        })
        .await;
    })
    .await;
}
