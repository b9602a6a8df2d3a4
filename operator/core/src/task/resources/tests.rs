//! Choices, by tables of machines.
#![allow(clippy::needless_pass_by_value, reason = "tables are easier to read without borrowing")]

use serde_json::{Value, json};
use sky_crd::task::SkyTask;

use super::{Cluster, Machine, Placement, choose};
use crate::task::{ValidTask, fixture};

/// A machine with these labels and devices, and plenty of everything else.
pub(super) fn machine(labels: Value, devices: &[(&str, f64)], taints: Value) -> std::sync::Arc<Machine> {
    let node = json!({"metadata": {"name": "m", "labels": labels}, "spec": {"taints": taints}, "status": {}});
    let node: k8s_openapi::api::core::v1::Node = serde_json::from_value(node).unwrap();
    let mut machine = Machine::from(&node);
    let plenty = [("cpu", 64.0), ("memory", 512e9), ("ephemeral-storage", 500e9)];
    machine.allocatable = plenty.iter().chain(devices).map(|(name, count)| ((*name).to_owned(), *count)).collect();
    machine.into()
}

pub(super) fn gpus(labels: Value, count: f64) -> std::sync::Arc<Machine> {
    machine(labels, &[("nvidia.com/gpu", count)], json!([]))
}

pub(super) fn cluster(machines: Vec<std::sync::Arc<Machine>>) -> Cluster {
    Cluster { machines: Some(machines), ..Cluster::default() }
}

pub(super) fn task(nodes: u32, resources: Value) -> ValidTask {
    let mut task: SkyTask = fixture::task(nodes);
    task.spec.resources = serde_json::from_value(resources).unwrap();
    fixture::valid(&task)
}

pub(super) fn placed(nodes: u32, resources: Value, cluster: &Cluster) -> Placement {
    choose(&task(nodes, resources), cluster, &[]).placement
}

/// Positions of the machines that the scheduler may take.
pub(super) fn taken(placement: &Placement, cluster: &Cluster) -> Vec<usize> {
    let machines = cluster.machines.as_ref().unwrap();
    let fits = |one: &std::sync::Arc<Machine>| {
        placement.fits(1, &std::collections::BTreeMap::new(), &[], &super::tests::cluster(vec![one.clone()]))
    };
    (0..machines.len()).filter(|index| fits(&machines[*index])).collect()
}

pub(super) fn named(name: &str, count: u32) -> Value {
    json!({"accelerators": [{"name": name, "count": count}]})
}

#[test]
fn every_label_format_at_once() {
    let all = cluster(vec![
        gpus(json!({"skypilot.co/accelerator": "h100"}), 8.0),
        gpus(json!({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}), 8.0),
        gpus(json!({"karpenter.k8s.aws/instance-gpu-name": "h100"}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-H100-PCIe"}), 8.0),
        gpus(json!({"gpu.nvidia.com/class": "H100_NVLINK_80GB"}), 8.0),
        gpus(json!({"nebius.com/gpu-name": "H100"}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-H200"}), 8.0),
        gpus(json!({}), 8.0),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-H100-NVL"}), 2.0),
        // GKE's and GFD's words for one machine whose GPUs are split.
        gpus(
            json!({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb",
            "cloud.google.com/gke-gpu-partition-size": "1g.10gb"}),
            8.0,
        ),
        gpus(json!({"skypilot.co/accelerator": "h100", "nvidia.com/mig.strategy": "single"}), 8.0),
    ]);
    for (wanted, expected) in [
        (named("H100", 8), vec![0, 1, 2, 3, 4, 5, 6]),
        (named("h100", 1), vec![0, 1, 2, 3, 4, 5, 6, 11]),
        (named("A100", 1), vec![7]),
        (named("A100-80GB", 1), vec![7]),
        (named("H200", 1), vec![9]),
        (named("H100-MIG-1g.10gb", 1), vec![8, 12]),
        (named("MI300X", 1), vec![]),
        (json!({"accelerators": [{"count": 8}]}), vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13]),
    ] {
        let placement = placed(1, wanted.clone(), &all);
        assert_eq!(taken(&placement, &all), expected, "{wanted}");
    }
}

#[test]
fn what_skypilot_cannot_tell_apart() {
    let label = |value: &str| gpus(json!({"nvidia.com/gpu.product": value}), 1.0);
    let all = cluster(vec![
        label("Tesla-V100-SXM2-16GB"),
        label("Tesla-V100-SXM2-32GB"),
        label("NVIDIA-RTX-6000-Ada-Generation"),
        label("Tesla-T4"),
        label("Tesla-T4-SHARED"),
        label("NVIDIA-L4"),
        label("NVIDIA-L40"),
        label("NVIDIA-L40S"),
        gpus(
            json!({"karpenter.k8s.aws/instance-gpu-name": "a100", "karpenter.k8s.aws/instance-gpu-memory": "40960"}),
            8.0,
        ),
        gpus(
            json!({"karpenter.k8s.aws/instance-gpu-name": "a100", "karpenter.k8s.aws/instance-gpu-memory": "81920"}),
            8.0,
        ),
    ]);
    for (wanted, expected) in [
        ("V100", vec![0, 1]),
        ("V100-32GB", vec![1]),
        ("RTX6000-Ada", vec![2]),
        ("T4", vec![3]),
        ("T4-SHARED", vec![4]),
        ("L4", vec![5]),
        ("L40", vec![6]),
        ("L40S", vec![7]),
        ("A100", vec![8, 9]),
        ("A100-80GB", vec![9]),
    ] {
        assert_eq!(taken(&placed(1, named(wanted, 1), &all), &all), expected, "{wanted}");
    }
}

#[test]
fn other_makers() {
    let all = cluster(vec![
        machine(json!({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}), &[("amd.com/gpu", 8.0)], json!([])),
        machine(
            json!({"amd.com/gpu.vram": "64G"}),
            &[("amd.com/gpu", 8.0)],
            json!([{"key": "amd.com/gpu", "effect": "NoSchedule"}]),
        ),
        machine(
            json!({"cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice", "cloud.google.com/gke-tpu-topology": "2x2"}),
            &[("google.com/tpu", 4.0)],
            json!([{"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}]),
        ),
        machine(
            json!({"karpenter.k8s.aws/instance-accelerator-name": "trainium2"}),
            &[("aws.amazon.com/neuron", 16.0)],
            json!([]),
        ),
        gpus(json!({"nvidia.com/gpu.product": "Tesla-T4"}), 1.0),
    ]);
    for (wanted, resource, expected) in [
        (named("MI300X", 8), "amd.com/gpu", vec![0]),
        (json!({"accelerators": [{"memory": "64GB", "vendor": "amd", "count": 1}]}), "amd.com/gpu", vec![1]),
        (json!({"accelerators": [{"memory": "100GB+", "vendor": "amd", "count": 1}]}), "amd.com/gpu", vec![0]),
        (named("tpu-v5-lite-podslice", 4), "google.com/tpu", vec![2]),
        (named("Trainium2", 1), "aws.amazon.com/neuron", vec![3]),
        (named("T4", 1), "nvidia.com/gpu", vec![4]),
    ] {
        let placement = placed(1, wanted.clone(), &all);
        assert_eq!(placement.device.as_ref().unwrap().0, resource, "{wanted}");
        assert_eq!(taken(&placement, &all), expected, "{wanted}: {:?}", placement.required);
    }
}

#[test]
fn by_memory() {
    let memory = |mebibytes: &str| gpus(json!({"nvidia.com/gpu.memory": mebibytes}), 4.0);
    let all = cluster(vec![
        memory("15360"),
        memory("23034"),
        memory("40960"),
        memory("81559"),
        gpus(json!({"cloud.google.com/gke-accelerator": "nvidia-l4"}), 4.0),
        gpus(json!({"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}), 4.0),
        gpus(json!({"skypilot.co/accelerator": "a100-80gb"}), 4.0),
    ]);
    for (wanted, expected) in [
        ("16GB", vec![0]),
        ("16GB+", vec![0, 1, 2, 3, 4, 5, 6]),
        ("24GB", vec![1, 4]),
        ("40GB", vec![2, 5]),
        ("40GB+", vec![2, 3, 5, 6]),
        ("80GB+", vec![3, 6]),
    ] {
        let placement = placed(1, json!({"accelerators": [{"memory": wanted, "count": 4}]}), &all);
        assert_eq!(taken(&placement, &all), expected, "{wanted}");
    }
}

#[test]
fn without_labels_any_gpu_will_do() {
    for (cluster, words) in [
        (cluster(vec![gpus(json!({}), 8.0)]), "no machine with nvidia.com/gpu says"),
        (Cluster::default(), "may not read machines"),
    ] {
        let choice = choose(&task(1, named("H100", 8)), &cluster, &[]);
        assert_eq!(choice.placement.required, []);
        let told = choice.told.unwrap();
        assert!(told.warnings[0].contains(words), "{told:?}");
    }
    // None of the machines has a GPU: one that comes will have its labels.
    let growing = cluster(vec![machine(json!({}), &[], json!([]))]);
    let choice = choose(&task(1, named("H100", 8)), &growing, &[]);
    assert!(!choice.placement.required.is_empty() && choice.told.unwrap().warnings.is_empty());
}

#[test]
fn mig_in_both_strategies() {
    let single = gpus(json!({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}), 7.0);
    let mixed = machine(
        json!({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}),
        &[("nvidia.com/mig-1g.5gb", 7.0)],
        json!([]),
    );
    for (machines, resource) in
        [(vec![single.clone()], "nvidia.com/gpu"), (vec![single, mixed], "nvidia.com/mig-1g.5gb")]
    {
        for name in ["A100-MIG-1g.5gb", "MIG-1g.5gb"] {
            let placement = placed(1, named(name, 2), &cluster(machines.clone()));
            assert_eq!(placement.device, Some((resource.to_owned(), 2)), "{name}");
        }
    }
}

#[test]
fn spot_machines() {
    let tainted = |key: &str, value: &str| json!([{"key": key, "value": value, "effect": "NoSchedule"}]);
    let all = cluster(vec![
        machine(json!({"cloud.google.com/gke-spot": "true"}), &[], tainted("cloud.google.com/gke-spot", "true")),
        machine(json!({"karpenter.sh/capacity-type": "spot"}), &[], json!([])),
        machine(
            json!({"kubernetes.azure.com/scalesetpriority": "spot"}),
            &[],
            tainted("kubernetes.azure.com/scalesetpriority", "spot"),
        ),
        machine(json!({"eks.amazonaws.com/capacityType": "SPOT"}), &[], json!([])),
        machine(json!({"karpenter.sh/capacity-type": "on-demand"}), &[], json!([])),
    ]);
    assert_eq!(taken(&placed(1, json!({"useSpot": true}), &all), &all), [0, 1, 2, 3]);
    assert_eq!(taken(&placed(1, json!({"useSpot": false}), &all), &all), [1, 3, 4]);
    let none = cluster(vec![machine(json!({}), &[], json!([]))]);
    let choice = choose(&task(1, json!({"useSpot": true})), &none, &[]);
    assert_eq!(taken(&choice.placement, &none), [0]);
    assert!(choice.told.unwrap().warnings[0].contains("no spot machine"));
    // The only spot machine is closed to others: the task runs elsewhere, and a second alternative comes before that.
    let closed = cluster(vec![
        machine(json!({"cloud.google.com/gke-spot": "true"}), &[], tainted("team", "x")),
        machine(json!({}), &[], json!([])),
    ]);
    let choice = choose(&task(1, json!({"useSpot": true})), &closed, &[]);
    assert_eq!(taken(&choice.placement, &closed), [1]);
    assert!(choice.told.unwrap().warnings[0].contains("no spot machine of the cluster is fit"));
    let two = json!({"alternatives": [{"useSpot": true}, {"cpus": 2}]});
    assert_eq!(placed(1, two, &closed).alternative, 1);
}

#[test]
fn what_the_contract_calls_unused_keeps_nothing_from_running() {
    let all = cluster(vec![machine(json!({"node.kubernetes.io/instance-type": "m5.large"}), &[], json!([]))]);
    let asked = placed(1, json!({"instanceType": "m5.large", "diskSize": 100}), &all);
    assert_eq!((asked.required.len(), asked.disk.is_some(), asked.warnings.len()), (1, true, 0));
    let too_much = placed(1, json!({"instanceType": "p5", "diskSize": 900}), &all);
    assert_eq!((too_much.required.len(), too_much.disk, too_much.warnings.len()), (0, None, 2));
}

#[test]
fn the_first_alternative_with_machines() {
    let label = |value: &str, count: f64| gpus(json!({"nvidia.com/gpu.product": value}), count);
    let all = cluster(vec![
        label("NVIDIA-A100-SXM4-80GB", 8.0),
        label("NVIDIA-A100-SXM4-80GB", 8.0),
        label("NVIDIA-L4", 1.0),
    ]);
    let three = json!({"alternatives": [
        {"accelerators": [{"name": "H100", "count": 8}]},
        {"accelerators": [{"name": "A100-80GB", "count": 8}], "useSpot": true},
        {"accelerators": [{"name": "L4", "count": 1}], "cpus": 4},
    ]});
    for (nodes, alternative, words) in [
        (1, 1, "alternative 2 of 3: the cluster has no machines for H100:8"),
        (2, 1, "alternative 2 of 3"),
        (3, 0, "the first of 3 alternatives: no machines of the cluster are fit for any now"),
    ] {
        let choice = choose(&task(nodes, three.clone()), &all, &[]);
        let told = choice.told.unwrap();
        assert_eq!(choice.placement.alternative, alternative);
        assert!(told.message.as_ref().unwrap().starts_with(words), "{told:?}");
    }
    // A Job that is there has chosen.
    let job: k8s_openapi::api::batch::v1::Job =
        serde_json::from_value(json!({"metadata": {"annotations": {"skytask.dev/alternative": "2"}}})).unwrap();
    let choice = choose(&task(2, three), &all, &[Some(&job), None]);
    assert_eq!(choice.placement.want.summary(), "L4:1, 4 cpus");
}

#[test]
fn taints_selectors_and_closed_machines() {
    let labels = json!({"nvidia.com/gpu.product": "NVIDIA-L4"});
    let gpu = &[("nvidia.com/gpu", 1.0)];
    let all = cluster(vec![
        machine(labels.clone(), gpu, json!([{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}])),
        machine(labels.clone(), gpu, json!([{"key": "team", "value": "x", "effect": "NoSchedule"}])),
        machine(labels, gpu, json!([{"key": "team", "effect": "PreferNoSchedule"}])),
    ]);
    assert_eq!(taken(&placed(1, named("L4", 1), &all), &all), [0, 2]);
}

#[test]
fn the_nvidia_runtime_where_it_exists() {
    let mut with = cluster(vec![gpus(json!({"nvidia.com/gpu.product": "NVIDIA-L4"}), 1.0)]);
    assert_eq!(placed(1, named("L4", 1), &with).runtime_class, None);
    with.runtime_classes.insert("nvidia".to_owned());
    assert_eq!(placed(1, named("L4", 1), &with).runtime_class.as_deref(), Some("nvidia"));
    assert_eq!(placed(1, json!({}), &with).runtime_class, None);
}
