//! Which machine a pod gets, decided by the cluster's own scheduler: nodes of many kinds, none with a kubelet.

use std::{collections::BTreeSet, future::Future, panic::AssertUnwindSafe};

use futures::FutureExt as _;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Node, Pod},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sky_crd::{
    label,
    task::{SkyTask, TaskPhase},
};
use sky_tests::{history::History, operator::Operator, space::Space};

/// Label and taint of the nodes of one test: no other test's pods go there.
const MINE: &str = "machines.test/space";

/// Name, labels, devices, taint of its own.
type Kind = (&'static str, Value, Value, Value);

fn kinds() -> Vec<Kind> {
    let none = || json!([]);
    let gpus = |count: u32| json!({ "nvidia.com/gpu": count.to_string() });
    vec![
        (
            "gfd-h100",
            json!({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.memory": "81559"}),
            gpus(8),
            none(),
        ),
        ("gke-h100", json!({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}), gpus(8), none()),
        (
            "gfd-a100",
            json!({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}),
            gpus(4),
            none(),
        ),
        (
            "gfd-h200",
            json!({"nvidia.com/gpu.product": "NVIDIA-H200-NVL", "nvidia.com/gpu.memory": "143771"}),
            gpus(1),
            none(),
        ),
        ("sky-t4", json!({"skypilot.co/accelerator": "t4"}), gpus(4), none()),
        ("t4-shared", json!({"nvidia.com/gpu.product": "Tesla-T4-SHARED"}), gpus(16), none()),
        (
            "mig-single",
            json!({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "nvidia.com/mig.strategy": "single"}),
            gpus(7),
            none(),
        ),
        (
            "mig-mixed",
            json!({"nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/mig.strategy": "mixed"}),
            json!({"nvidia.com/mig-1g.18gb": "7"}),
            none(),
        ),
        ("amd", json!({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}), json!({"amd.com/gpu": "8"}), none()),
        (
            "own-resource",
            json!({"nvidia.com/gpu.product": "NVIDIA-A30"}),
            json!({"example.com/gpu": "4"}),
            json!([{"key": "example.com/gpu", "value": "present", "effect": "NoSchedule"}]),
        ),
        (
            "v100-tainted",
            json!({"nvidia.com/gpu.product": "Tesla-V100-SXM2-32GB"}),
            gpus(8),
            json!([{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]),
        ),
        (
            "spot",
            json!({"cloud.google.com/gke-spot": "true"}),
            json!({}),
            json!([{"key": "cloud.google.com/gke-spot", "value": "true", "effect": "NoSchedule"}]),
        ),
        ("plain", json!({}), json!({}), none()),
    ]
}

/// Runs a test with these nodes, which are gone afterwards.
async fn with_nodes<F: Future>(space: &Space, kinds: Vec<Kind>, test: impl FnOnce() -> F) -> F::Output {
    let nodes: Api<Node> = Api::all(space.client.clone());
    for (name, labels, devices, taints) in kinds {
        create(&nodes, &space.name, name, labels, devices, taints).await;
    }
    let result = AssertUnwindSafe(test()).catch_unwind().await;
    let pods: Api<Pod> = space.api();
    // Nobody but us would ever end them.
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete_collection(&at_once, &ListParams::default()).await.expect("the pods are deleted");
    let mine = ListParams::default().labels(&format!("{MINE}={}", space.name));
    nodes.delete_collection(&DeleteParams::default(), &mine).await.expect("the nodes are deleted");
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn create(nodes: &Api<Node>, space: &str, name: &str, labels: Value, devices: Value, taints: Value) {
    let name = format!("{space}-{name}");
    let mut node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}});
    node["metadata"]["labels"][MINE] = json!(space);
    let own = json!({"key": MINE, "value": space, "effect": "NoSchedule"});
    node["spec"]["taints"].as_array_mut().expect("a list").push(own);
    let node: Node = serde_json::from_value(node).expect("a node");
    nodes.create(&PostParams::default(), &node).await.expect("the node is created");
    let mut has = json!({"cpu": "64", "memory": "512Gi", "ephemeral-storage": "300G", "pods": "110"});
    has.as_object_mut().expect("a mapping").extend(devices.as_object().cloned().expect("a mapping"));
    let ready = json!({"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastHeartbeatTime": null});
    let status = json!({"status": {"capacity": has, "allocatable": has, "conditions": [ready]}});
    nodes.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.expect("the node has a status");
}

/// Specification of a task that may run on this test's nodes only, dead as they are.
fn spec(space: &Space, nodes: u32, resources: &Value) -> Value {
    let dead = |key: &str| json!({"key": key, "operator": "Exists"});
    json!({
        "run": "true", "numNodes": nodes, "resources": resources, "nodeSelector": {MINE: space.name},
        "tolerations": [
            {"key": MINE, "operator": "Exists"},
            dead("node.kubernetes.io/not-ready"),
            dead("node.kubernetes.io/unreachable"),
        ],
    })
}

/// Machines that the pods of a task were bound to, sorted, without the name of the space.
async fn machines(space: &Space, pods: &History<Pod>, task: &SkyTask, nodes: usize) -> Vec<String> {
    let id = task.task_id().to_string();
    let what = format!("{} is bound", task.name_any());
    let bound = pods.find(&what, |changes| {
        let mut bound = std::collections::BTreeMap::new();
        for change in changes {
            if let sky_tests::history::Change::Is(pod) = change
                && pod.labels().get(label::TASK_ID) == Some(&id)
                && let Some(machine) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone())
            {
                bound.insert(pod.name_any(), machine);
            }
        }
        (bound.len() == nodes).then_some(bound)
    });
    let prefix = format!("{}-", space.name);
    let mut machines: Vec<_> =
        bound.await.into_values().map(|machine| machine.strip_prefix(&prefix).unwrap_or(&machine).to_owned()).collect();
    machines.sort();
    machines
}

fn model(name: &str, count: u32) -> Value {
    json!({"accelerators": [{"name": name, "count": count}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_takes_the_machine_that_was_asked_for() {
    Space::with_operator("machines", 1, async |space| {
        let pods = History::start(space.api::<Pod>()).await;
        let memory = |size: &str| json!({"accelerators": [{"memory": size, "count": 1}]});
        // All of them fit at once, whoever comes first: no row can take what another one needs.
        let table: [(&str, u32, Value, &[&str]); 16] = [
            ("h100-both", 2, model("H100", 8), &["gfd-h100", "gke-h100"]),
            ("a100", 1, model("A100", 1), &["gfd-a100"]),
            ("a100-80", 1, model("A100-80GB", 1), &["gfd-a100"]),
            ("t4", 1, model("T4", 1), &["sky-t4"]),
            ("t4-shared", 1, model("T4-SHARED", 1), &["t4-shared"]),
            ("mig-single", 1, model("A100-MIG-1g.5gb", 1), &["mig-single"]),
            ("mig-mixed", 1, model("MIG-1g.18gb", 1), &["mig-mixed"]),
            ("amd", 1, model("MI300X", 8), &["amd"]),
            ("own-resource", 1, model("A30", 4), &["own-resource"]),
            ("v100-32", 1, model("V100-32GB", 1), &["v100-tainted"]),
            ("spot", 1, json!({"useSpot": true}), &["spot"]),
            ("cpu", 1, json!({"cpus": 1, "diskSize": 100}), &["plain"]),
            (
                "second",
                1,
                json!({"alternatives": [model("GB300", 4), model("A100-80GB", 1), model("T4", 1)]}),
                &["gfd-a100"],
            ),
            (
                "a-list",
                1,
                json!({"accelerators": [{"name": "B200", "count": 8}, {"name": "T4", "count": 1}]}),
                &["sky-t4"],
            ),
            ("too-many", 1, json!({"alternatives": [model("A100", 8), model("T4", 2)]}), &["sky-t4"]),
            // Told by its label of memory, as no model is asked for.
            ("memory", 1, json!({"accelerators": [{"memory": "100GB+", "count": 1}]}), &["gfd-h200"]),
        ];
        with_nodes(&space, kinds(), async || {
            // It reads all machines before its first choice.
            let operator = Operator::start_with(&space.name, &["--gpu-resource", "example.com/gpu"]);
            for (name, nodes, resources, _) in &table {
                space.task(name, spec(&space, *nodes, resources)).await;
            }
            space.task("exact-memory", spec(&space, 1, &memory("32GB"))).await;
            for (name, nodes, _, expected) in &table {
                let task = space.when(name, "is seen", |task| task.status.is_some()).await;
                let found = machines(&space, &pods, &task, *nodes as usize).await;
                println!("{name}: {found:?}");
                assert_eq!(found, *expected, "{name}");
            }
            let told = |task: &SkyTask| task.status.as_ref().and_then(|status| status.resources.clone());
            let task = space.when("second", "says what was chosen", |task| told(task).is_some()).await;
            let told = told(&task).expect("it does");
            assert_eq!(told.alternative, Some(1));
            assert!(told.message.expect("why").contains("no machines for GB300:4"));
            // The tainted machine says its model only.
            let none = |task: &SkyTask| sky_tests::space::reason(task).as_deref() == Some("NeverFits");
            space.when("exact-memory", "finds no machine", none).await;
            operator
        })
        .await
    })
    .await;
}

/// What a task that was first given up says, and the names of all Jobs that it ever had.
async fn given_up_once(space: &Space, jobs: &History<Job>, name: &str) -> Vec<String> {
    let task = space.finished(name).await;
    let status = task.status.clone().expect("a status");
    assert_eq!(status.phase, Some(TaskPhase::Succeeded), "{status:?}");
    assert_eq!((status.attempt, status.restarts, status.disruptions), (Some(1), None, None));
    assert_eq!(status.attempts[0].reason, "NotPlaced");
    let chosen = status.resources.expect("a choice");
    assert_eq!((chosen.alternative, chosen.tried[0].alternative, chosen.tried[0].times), (Some(1), 0, 1));
    assert!(chosen.tried[0].message.contains("Insufficient"), "{chosen:?}");
    let of_task = |job: &Job| job.labels().get(label::TASK_ID) == Some(&task.task_id().to_string());
    let names =
        jobs.states().iter().filter(|job| of_task(job)).map(kube::ResourceExt::name_any).collect::<BTreeSet<_>>();
    names.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_busy_machine_takes_the_next_alternative() {
    Space::with_operator("busy", 1, async |space| {
        let jobs = History::start(space.api::<Job>()).await;
        let pods = History::start(space.api::<Pod>()).await;
        let taken = json!([{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]);
        let machine =
            ("gpu", json!({"nvidia.com/gpu.product": "NVIDIA-RTX-A2000"}), json!({"nvidia.com/gpu": "1"}), taken);
        with_nodes(&space, vec![machine], async || {
            let operator = Operator::start(&space.name);
            space.task("holder", spec(&space, 1, &model("A2000", 1))).await;
            let holder = space.when("holder", "is seen", |task| task.status.is_some()).await;
            assert_eq!(machines(&space, &pods, &holder, 1).await, ["gpu"]);
            let tolerations = json!([{"key": MINE, "value": space.name}]);
            // Nobody has machines for its other alternative: it waits for the busy one, however short its time is.
            let none = json!({"alternatives": [model("A2000", 1), model("GB300", 4)]});
            let stays =
                json!({"run": "true", "resources": none, "placementTimeoutSeconds": 1, "tolerations": tolerations});
            space.task("stays", stays).await;
            let unplaced = |task: &SkyTask| sky_tests::space::reason(task).as_deref() == Some("Unschedulable");
            space.when("stays", "waits", unplaced).await;
            let either = json!({"alternatives": [model("A2000", 1), {"memory": "256Mi"}]});
            let waits = json!({
                "run": "echo done", "resources": either, "placementTimeoutSeconds": 3, "tolerations": tolerations,
            });
            let task = space.task("waits", waits).await;
            let id = task.task_id();
            let names = given_up_once(&space, &jobs, "waits").await;
            assert_eq!(names, [format!("waits-{id}"), format!("waits-{id}-r1")]);
            let task = space.finished("waits").await;
            assert_eq!(space.log(&task, 0).await, "done\n");
            let stays = space.tasks.states().into_iter().filter(|task| task.name_any() == "stays");
            assert!(stays.filter_map(|task| task.status?.attempt).all(|attempt| attempt == 0));
            operator
        })
        .await
    })
    .await;
}

/// A device that only this test asks for, of which the real machine gets two.
const DEVICE: &str = "nvidia.com/mig-7g.79gb";

#[tokio::test(flavor = "multi_thread")]
async fn a_gang_of_which_one_node_waits_takes_the_next_alternative_as_a_whole() {
    if std::env::var("SKY_TEST_FAULTS").is_err() {
        println!("skipped: the cluster is not ours to change");
        return;
    }
    Space::with_operator("busy-gang", 3, async |space| {
        let jobs = History::start(space.api::<Job>()).await;
        let nodes: Api<Node> = Api::all(space.client.clone());
        let real = nodes.get("node-0").await.expect("the first machine").name_any();
        let has = |count: Value| json!({"status": {"capacity": {DEVICE: count}, "allocatable": {DEVICE: count}}});
        let devices = async |count: Value| {
            let patch = Patch::Merge(has(count));
            nodes.patch_status(&real, &PatchParams::default(), &patch).await.expect("the machine has devices");
        };
        devices(json!("2")).await;
        let operator = Operator::start(&space.name);
        let device = model("MIG-7g.79gb", 1);
        space.task("holder", json!({"run": "sleep 900", "resources": device})).await;
        space.running("holder").await;
        let either = json!({"alternatives": [device, {"memory": "256Mi"}]});
        let gang = json!({
            "run": "echo node $SKYPILOT_NODE_RANK", "numNodes": 2, "resources": either, "placementTimeoutSeconds": 3,
        });
        let task = space.task("gang", gang).await;
        let id = task.task_id();
        let names = given_up_once(&space, &jobs, "gang").await;
        let expected = ["node-0", "node-0-r1", "node-1", "node-1-r1"].map(|rest| format!("gang-{id}-{rest}"));
        assert_eq!(names, expected);
        let task = space.finished("gang").await;
        for rank in [0, 1] {
            assert_eq!(space.log(&task, rank).await, format!("node {rank}\n"));
        }
        devices(Value::Null).await;
        operator
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pod() {
    Space::with("changed", 1, async |space| {
        let config = |text: &str| json!({"run": "echo $A in $(pwd); id -u", "podConfig": text});
        space
            .task(
                "changed",
                config(
                    "spec: {containers: [{name: ray-node, env: [{name: A, value: b}], workingDir: /tmp, \
                     securityContext: {runAsUser: 1234}}]}",
                ),
            )
            .await;
        space.task("power", config("spec: {hostNetwork: true}")).await;
        space.task("misspelt", config("spec: {containers: [{workingDirr: /tmp}]}")).await;
        let changed = space.finished("changed").await;
        assert_eq!(space.log(&changed, 0).await, "b in /tmp\n1234\n");
        let power = space.finished("power").await;
        let message = power.status.and_then(|status| status.failure).expect("a failure").message;
        assert!(message.contains("spec.podConfig.spec.hostNetwork: gives the pod power over its machine"), "{message}");
        let refused = |task: &SkyTask| sky_tests::space::reason(task).as_deref() == Some("Refused");
        let misspelt = space.when("misspelt", "is refused", refused).await;
        let message = misspelt.status.and_then(|status| status.pending).expect("a reason").message;
        assert!(message.contains("workingDirr"), "{message}");
    })
    .await;
}
