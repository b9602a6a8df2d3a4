//! SkyPilot's names of devices, and every way in which machines say that they have them.
//!
//! The lists are those of SkyPilot 0.14.1 (`LABEL_FORMATTER_REGISTRY`, `CANONICAL_GPU_NAMES`).

use serde_json::{Value, json};

use super::{
    Policy,
    model::Model,
    tests::{cluster, gpus, machine, named, placed, taken, task},
};

/// SkyPilot's canonical names, each with what GPU feature discovery calls such a device.
const CANONICAL: [(&str, &str); 34] = [
    ("GB300", "NVIDIA-GB300"),
    ("GB200", "NVIDIA-GB200"),
    ("B300", "NVIDIA-B300-SXM6-AC"),
    ("B200", "NVIDIA-B200"),
    ("B100", "NVIDIA-B100"),
    ("GH200", "NVIDIA-GH200-480GB"),
    ("H200", "NVIDIA-H200"),
    ("H100-80GB", "NVIDIA-H100-80GB-HBM3"),
    ("H100-MEGA", "NVIDIA-H100-MEGA-80GB"),
    ("H100", "NVIDIA-H100-PCIe"),
    ("A100-80GB", "NVIDIA-A100-SXM4-80GB"),
    ("A100", "NVIDIA-A100-SXM4-40GB"),
    ("A10G", "NVIDIA-A10G"),
    ("A10", "NVIDIA-A10"),
    ("A16", "NVIDIA-A16"),
    ("A30", "NVIDIA-A30"),
    ("A40", "NVIDIA-A40"),
    ("RTX6000-Ada", "NVIDIA-RTX-6000-Ada-Generation"),
    ("L40S", "NVIDIA-L40S"),
    ("L40", "NVIDIA-L40"),
    ("L4", "NVIDIA-L4"),
    ("A6000", "NVIDIA-RTX-A6000"),
    ("A5000", "NVIDIA-RTX-A5000"),
    ("A4000", "NVIDIA-RTX-A4000"),
    ("V100-32GB", "Tesla-V100-SXM2-32GB"),
    ("V100", "Tesla-V100-SXM2-16GB"),
    ("P100", "Tesla-P100-PCIE-16GB"),
    ("P40", "Tesla-P40"),
    ("P4000", "Quadro-P4000"),
    ("P4", "Tesla-P4"),
    ("T4g", "NVIDIA-T4G"),
    ("T4", "Tesla-T4"),
    ("K80", "Tesla-K80"),
    ("M60", "Tesla-M60"),
];

/// A request, and another device that it gets as well: an H100 has 80 GB, and more memory than was asked for is enough.
const ALSO: [(&str, &str); 6] = [
    ("H100-80GB", "H100"),
    ("H100-80GB", "H100-MEGA"),
    ("H100", "H100-80GB"),
    ("H100", "H100-MEGA"),
    ("A100", "A100-80GB"),
    ("V100", "V100-32GB"),
];

/// Each canonical name gets its own device, and no other one's.
#[test]
fn canonical_names() {
    for (wanted, _) in CANONICAL {
        for (name, product) in CANONICAL {
            let expected = wanted == name || ALSO.contains(&(wanted, name));
            let lower = wanted.to_ascii_lowercase();
            for spelling in [wanted, &lower] {
                let found = Model::read(product).is(&Model::read(spelling));
                assert_eq!(found, expected, "{product} for {spelling}");
            }
        }
    }
}

/// What SkyPilot 0.14.1 was seen to make of GFD's products, in its own tests and when it was run, and what is not the same
/// device: each is had by that name, but for parts of devices, which it counts as whole ones.
#[test]
fn products_as_skypilot_reads_them() {
    for (product, wanted, not) in [
        ("NVIDIA-H100-SXM-80GB", "H100-80GB", "H200"),
        ("NVIDIA-H100-PCIE-80GB", "H100-80GB", "H100-MEGA"),
        ("NVIDIA-H100-SXM", "H100", "GH200"),
        ("NVIDIA-H100", "H100", "H10"),
        ("NVIDIA-H100-NVL", "H100", "H20"),
        ("NVIDIA-A100-PCIE-80GB", "A100-80GB", "A10"),
        ("NVIDIA-A100-80GB", "A100-80GB", "A100-96GB"),
        ("NVIDIA-A100-80GB-PCIe", "A100-80GB", "A10G"),
        ("NVIDIA-A100-40GB", "A100", "A100-80GB"),
        ("NVIDIA-A100-SXM4-40GB", "A100", "A100-80G"),
        ("NVIDIA-A100", "A100", "A100-80GB"),
        ("NVIDIA-L4-24GB", "L4", "L40"),
        ("NVIDIA-L40-48GB", "L40", "L4"),
        ("NVIDIA-L40S-48GB", "L40S", "L40"),
        ("NVIDIA-L400", "L400", "L40"),
        ("L40-GPU", "L40", "L40S"),
        ("L40S-GPU", "L40S", "L4"),
        ("NVIDIA-V100-SXM2-32GB", "V100", "V100S"),
        ("NVIDIA-V100", "V100", "V100-32GB"),
        ("NVIDIA-RTX-A5000-24GB", "A5000", "A500"),
        ("NVIDIA-RTX-A4000-16GB", "A4000", "A400"),
        ("NVIDIA-GEFORCE-RTX-3090", "RTX3090", "RTX4090"),
        ("NVIDIA-GeForce-RTX-4090", "RTX4090", "RTX3090"),
        ("NVIDIA-RTX-6000", "RTX6000", "RTX6000-Ada"),
        ("NVIDIA-QUADRO-P5000", "QUADRO-P5000", "P500"),
        ("Quadro-RTX-6000", "QUADRO-RTX6000", "RTX6000-Ada"),
        ("NVIDIA-RTX-6000-Ada-Generation", "RTX6000-ADA-GENERATION", "QUADRO-RTX6000"),
        ("NVIDIA-H20", "H20", "H200"),
        ("NVIDIA-GH200-480GB", "GH200", "H200"),
        ("Tesla-T4-SHARED", "T4-SHARED", "T4"),
        ("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "H100-80GB-MIG-1g.10gb", "H100-80GB"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100-MIG-1g.5gb", "A100"),
    ] {
        let has = Model::read(product);
        assert!(has.is(&Model::read(wanted)), "{product} is {wanted}: {has:?}");
        assert!(!has.is(&Model::read(not)), "{product} is no {not}: {has:?}");
    }
}

/// Every format, with each value that is known of it: what the machine has is had by that name, on a cluster that has all
/// of these machines and on one that has none of them yet.
#[test]
fn every_value_of_every_format() {
    let gke = |value: &str| json!({"cloud.google.com/gke-accelerator": value});
    let rows: Vec<(Value, &str)> = vec![
        (gke("nvidia-tesla-k80"), "K80"),
        (gke("nvidia-tesla-p100"), "P100"),
        (gke("nvidia-tesla-p4"), "P4"),
        (gke("nvidia-tesla-v100"), "V100"),
        (gke("nvidia-tesla-t4"), "T4"),
        (gke("nvidia-tesla-a100"), "A100"),
        (gke("nvidia-l4"), "L4"),
        (gke("nvidia-a100-80gb"), "A100-80GB"),
        (gke("nvidia-h100-80gb"), "H100"),
        (gke("nvidia-h100-mega-80gb"), "H100-MEGA"),
        (gke("nvidia-h200-141gb"), "H200"),
        (gke("nvidia-b200"), "B200"),
        (json!({"skypilot.co/accelerator": "a10g"}), "A10G"),
        (json!({"skypilot.co/accelerator": "rtx6000-ada"}), "RTX6000-Ada"),
        (json!({"karpenter.k8s.aws/instance-gpu-name": "l40s"}), "L40S"),
        (json!({"karpenter.k8s.aws/instance-gpu-name": "t4g"}), "T4g"),
        (json!({"karpenter.k8s.aws/instance-gpu-name": "m60"}), "M60"),
        (json!({"gpu.nvidia.com/class": "GH200"}), "GH200"),
        (json!({"nebius.com/gpu-name": "B300"}), "B300"),
    ];
    let all = cluster(rows.iter().map(|(labels, _)| gpus(labels.clone(), 1.0)).collect());
    let none = cluster(Vec::new());
    for (index, (labels, wanted)) in rows.iter().enumerate() {
        for known in [&all, &none] {
            let placement = placed(1, named(wanted, 1), known);
            let also = |other: &str| ALSO.contains(&(*wanted, other));
            let expected: Vec<usize> =
                (0..rows.len()).filter(|other| *other == index || also(rows[*other].1)).collect();
            assert_eq!(taken(&placement, &all), expected, "{wanted} of {labels}: {:?}", placement.required);
        }
    }
    // What is called by its maker's whole name is known once there is such a machine.
    for (labels, wanted) in [
        (json!({"gpu.nvidia.com/class": "H100_NVLINK_80GB"}), "H100"),
        (json!({"gpu.nvidia.com/class": "A100_PCIE_40GB"}), "A100"),
        (json!({"gpu.nvidia.com/class": "Quadro_RTX_4000"}), "RTX4000"),
        (json!({"gpu.nvidia.com/class": "Tesla_V100_NVLINK"}), "V100"),
        (json!({"nvidia.com/gpu.product": "NVIDIA-GB200"}), "GB200"),
    ] {
        let one = cluster(vec![gpus(labels.clone(), 1.0), gpus(json!({"skypilot.co/accelerator": "a16"}), 1.0)]);
        assert_eq!(taken(&placed(1, named(wanted, 1), &one), &one), [0], "{labels}");
    }
}

#[test]
fn devices_that_are_no_gpus() {
    let tpu = |kind: &str, topology: &str, count: f64| {
        let labels =
            json!({"cloud.google.com/gke-tpu-accelerator": kind, "cloud.google.com/gke-tpu-topology": topology});
        machine(labels, &[("google.com/tpu", count)], json!([]))
    };
    let neuron = |name: &str| {
        let labels = json!({"karpenter.k8s.aws/instance-accelerator-name": name});
        machine(labels, &[("aws.amazon.com/neuron", 16.0)], json!([]))
    };
    let all = cluster(vec![
        tpu("tpu-v5-lite-podslice", "1x1", 1.0),
        tpu("tpu-v5-lite-podslice", "2x2", 4.0),
        tpu("tpu-v5-lite-podslice", "2x4", 8.0),
        tpu("tpu-v5-lite-device", "2x2", 4.0),
        tpu("tpu-v6e-slice", "2x4", 8.0),
        tpu("tpu-v5p-slice", "2x2x1", 4.0),
        tpu("tpu-v4-podslice", "2x2x1", 4.0),
        neuron("trainium"),
        neuron("trainium2"),
        neuron("inferentia"),
        neuron("inferentia2"),
        machine(json!({"skypilot.co/accelerator": "trainium2"}), &[("aws.amazon.com/neuron", 1.0)], json!([])),
    ]);
    for (wanted, count, had, machines) in [
        ("tpu-v5-lite-podslice", 1, ("google.com/tpu", 1), vec![0]),
        ("tpu-v5-lite-podslice", 4, ("google.com/tpu", 4), vec![1]),
        ("TPU-v5-lite-podslice", 8, ("google.com/tpu", 8), vec![2]),
        ("tpu-v5-lite-device", 4, ("google.com/tpu", 4), vec![3]),
        ("tpu-v5p-slice", 4, ("google.com/tpu", 4), vec![5]),
        ("tpu-v4-podslice", 4, ("google.com/tpu", 4), vec![6]),
        // Google Cloud's names of slices, whose size is part of the name.
        ("tpu-v5litepod-4", 1, ("google.com/tpu", 4), vec![1]),
        ("tpu-v5lite-4", 1, ("google.com/tpu", 4), vec![3]),
        ("tpu-v6e-8", 1, ("google.com/tpu", 8), vec![4]),
        ("tpu-v5p-4", 1, ("google.com/tpu", 4), vec![5]),
        ("tpu-v4-4", 1, ("google.com/tpu", 4), vec![6]),
        ("tpu-v6e-0", 1, ("google.com/tpu", 1), vec![]),
        ("Trainium", 1, ("aws.amazon.com/neuron", 1), vec![7]),
        ("Trainium2", 1, ("aws.amazon.com/neuron", 1), vec![8, 11]),
        ("Inferentia", 16, ("aws.amazon.com/neuron", 16), vec![9]),
        ("inferentia2", 1, ("aws.amazon.com/neuron", 1), vec![10]),
    ] {
        let placement = placed(1, named(wanted, count), &all);
        assert_eq!(placement.device, Some((had.0.to_owned(), had.1)), "{wanted}");
        assert_eq!(taken(&placement, &all), machines, "{wanted}: {:?}", placement.required);
    }
}

#[test]
fn amd_products() {
    let product = |key: &str, value: &str| machine(json!({ key: value }), &[("amd.com/gpu", 8.0)], json!([]));
    let all = cluster(vec![
        product("amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM"),
        product("amd.com/gpu.product-name", "AMD_Instinct_MI210"),
        product("beta.amd.com/gpu.product-name", "AMD_Instinct_MI325X_OAM"),
        product("amd.com/gpu.product-name", "AMD_Instinct_MI250X___MI250"),
        product("skypilot.co/accelerator", "mi355x"),
        product("amd.com/gpu.product-name", "AMD_Radeon_RX7900"),
    ]);
    for (wanted, machines) in [
        ("MI300X", vec![0]),
        ("MI300X-192GB", vec![0]),
        ("MI300A", vec![]),
        ("MI210", vec![1]),
        ("MI210-128GB", vec![]),
        ("MI325X", vec![2]),
        ("MI250X", vec![3]),
        ("MI355X", vec![4]),
        ("Radeon-RX7900", vec![5]),
    ] {
        let placement = placed(1, named(wanted, 1), &all);
        assert_eq!(placement.device, Some(("amd.com/gpu".to_owned(), 1)), "{wanted}");
        assert_eq!(taken(&placement, &all), machines, "{wanted}: {:?}", placement.required);
    }
}

/// Units that are a share of a device are asked for by that name only, however the machine says it.
#[test]
fn shared_devices() {
    let shared = |labels: Value, resource: &str| machine(labels, &[(resource, 16.0)], json!([]));
    let all = cluster(vec![
        shared(
            json!({"nvidia.com/gpu.product": "Tesla-T4-SHARED", "nvidia.com/gpu.memory": "15360"}),
            "nvidia.com/gpu",
        ),
        shared(
            json!({"skypilot.co/accelerator": "t4", "nvidia.com/gpu.sharing-strategy": "time-slicing", "nvidia.com/gpu.memory": "15360"}),
            "nvidia.com/gpu",
        ),
        shared(
            json!({"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.sharing-strategy": "mps"}),
            "nvidia.com/gpu.shared",
        ),
        gpus(json!({"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"}), 4.0),
        shared(
            json!({"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}),
            "nvidia.com/gpu",
        ),
    ]);
    assert_eq!(taken(&placed(1, named("T4", 1), &all), &all), [3]);
    assert_eq!(taken(&placed(1, named("T4-SHARED", 1), &all), &all), [0, 4]);
    let memory = json!({"accelerators": [{"memory": "14GB+", "count": 1}]});
    assert_eq!(taken(&placed(1, memory, &all), &all), [3]);
    // Where the plugin has renamed the resource, there are no others.
    let renamed = cluster(vec![all.machines.unwrap().remove(2)]);
    let placement = placed(1, named("T4-SHARED", 2), &renamed);
    assert_eq!(placement.device, Some(("nvidia.com/gpu.shared".to_owned(), 2)));
    assert_eq!(taken(&placement, &renamed), [0]);
}

/// An administrator's further resources count as GPUs in every request for whole ones.
#[test]
fn resources_of_the_administrator() {
    const OWN: &str = "example.com/gpu";
    let taint = json!([{"key": OWN, "effect": "NoSchedule"}]);
    let own = |labels: Value, taints: &Value| machine(labels, &[(OWN, 4.0)], taints.clone());
    let a30 = json!({"nvidia.com/gpu.product": "NVIDIA-A30", "nvidia.com/gpu.memory": "24576"});
    let mut with = cluster(vec![
        own(a30.clone(), &taint),
        own(a30, &json!([{"key": "nvidia.com/gpu", "effect": "NoSchedule"}])),
        gpus(json!({"nvidia.com/gpu.product": "NVIDIA-L4"}), 1.0),
        machine(json!({}), &[], json!([])),
    ]);
    with.runtime_classes.insert("nvidia".to_owned());
    let place = |resources: Value, cluster: &super::Cluster| {
        let mut task = task(1, resources);
        task.placement = Policy { gpu_resources: vec![OWN.to_owned()], ..Policy::default() };
        super::choose(&task, cluster, &[]).placement
    };
    let any = |count: u32| json!({"accelerators": [{"count": count}]});
    for (resources, resource, machines) in [
        (named("A30", 2), OWN, vec![0, 1]),
        (named("L4", 1), "nvidia.com/gpu", vec![2]),
        (any(1), "nvidia.com/gpu", vec![2]),
        (any(4), OWN, vec![0, 1]),
        (json!({"accelerators": [{"memory": "24GB+", "count": 3}]}), OWN, vec![0, 1]),
        (named("A30-MIG-1g.6gb", 1), "nvidia.com/mig-1g.6gb", vec![]),
    ] {
        let placement = place(resources.clone(), &with);
        assert_eq!(placement.device.as_ref().map(|(name, _)| name.as_str()), Some(resource), "{resources}");
        assert_eq!(taken(&placement, &with), machines, "{resources}");
        assert_eq!(placement.runtime_class.as_deref(), Some("nvidia"), "{resources}");
        let limits = placement.requirements().limits.unwrap();
        assert!(limits.contains_key(resource), "{resources}: {limits:?}");
    }
    // Without the administrator's word it is an unknown resource.
    assert_eq!(taken(&placed(1, named("A30", 2), &with), &with), [] as [usize; 0]);
    // Nothing fits: what the cluster has some of is waited for. Nothing is known: whoever names it is believed.
    let only = cluster(vec![own(json!({}), &taint)]);
    for cluster in [only, super::Cluster::default()] {
        let placement = place(named("H100", 99), &cluster);
        assert_eq!(placement.device, Some((OWN.to_owned(), 99)));
    }
}
