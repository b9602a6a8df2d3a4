//! From an accelerator to what a pod asks for: a resource, and the machines that have the right one.

use std::sync::Arc;

use k8s_openapi::api::core::v1::NodeSelectorTerm;
use sky_crd::accelerator::Accelerator;

use super::{
    label,
    machine::{Cluster, Machine},
    model::{Model, Part},
};

/// Resource of NVIDIA's device plugin (specification).
pub(super) const NVIDIA: &str = "nvidia.com/gpu";
const NVIDIA_SHARED: &str = "nvidia.com/gpu.shared";
const AMD: &str = "amd.com/gpu";
const TPU: &str = "google.com/tpu";
const NEURON: &str = "aws.amazon.com/neuron";

/// One way to ask for an accelerator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    /// The resource.
    pub(super) resource: String,
    /// So many of it.
    pub(super) count: u32,
    /// A machine must fulfil one of these; none means any machine that has the resource.
    pub(super) terms: Vec<NodeSelectorTerm>,
    /// What was asked for and is not.
    pub(super) warning: Option<String>,
}

/// All ways to ask for an accelerator, the likelier first; at least one.
pub(super) fn devices(accelerator: &Accelerator, cluster: &Cluster) -> Vec<Device> {
    let name = accelerator.name.as_deref().unwrap_or_default();
    let whole = |resource: &str, terms| Device {
        resource: resource.to_owned(),
        count: accelerator.count,
        terms,
        warning: None,
    };
    if let Some(memory) = accelerator.device_memory() {
        // A device of 40 GB may be a little larger, as makers count.
        let most = (!memory.at_least).then_some(memory.gigabytes);
        let (resource, keys) = match accelerator.vendor.as_deref() {
            Some("amd") => (AMD, label::AMD_MODELS.as_slice()),
            _ => (NVIDIA, label::NVIDIA_MODELS.as_slice()),
        };
        let terms = label::by_memory(keys, memory.gigabytes, most, machines(cluster));
        return vec![tolerant(whole(resource, terms), keys, cluster)];
    }
    if name.is_empty() {
        let others = has(cluster, AMD) && !has(cluster, NVIDIA);
        return vec![whole(if others { AMD } else { NVIDIA }, Vec::new())];
    }
    let (lower, model) = (name.to_ascii_lowercase(), Model::read(name));
    if lower.starts_with("tpu") {
        return vec![whole(TPU, vec![label::tpu(name, accelerator.count)])];
    }
    if ["trainium", "inferentia"].iter().any(|kind| lower.starts_with(kind)) {
        let keys = ["karpenter.k8s.aws/instance-accelerator-name", "skypilot.co/accelerator"];
        return vec![tolerant(whole(NEURON, label::neuron(name)), &keys, cluster)];
    }
    if is_amd(&model) {
        let terms = label::amd(&model, name, machines(cluster));
        return vec![tolerant(whole(AMD, terms), &label::AMD_MODELS, cluster)];
    }
    nvidia(&model, name, accelerator.count, cluster)
}

fn nvidia(model: &Model, name: &str, count: u32, cluster: &Cluster) -> Vec<Device> {
    let keys = &label::NVIDIA_MODELS;
    let of = |resource: String, model: &Model| {
        let terms = if model.is_of_any() && model.part == Part::Whole {
            Vec::new()
        } else {
            label::nvidia(model, name, machines(cluster))
        };
        Device { resource, count, terms, warning: None }
    };
    let device = of(NVIDIA.to_owned(), model);
    match &model.part {
        Part::Whole => vec![tolerant(device, keys, cluster)],
        // Machines with several profiles have a resource for each, those with one call it a GPU.
        Part::Mig(profile) => vec![of(format!("nvidia.com/mig-{profile}"), &model.whole()), device],
        Part::Shared => vec![device, of(NVIDIA_SHARED.to_owned(), &model.whole())],
    }
}

/// Without terms where no machine says which devices it has: what cannot be known cannot be asked for.
fn tolerant(device: Device, keys: &[&str], cluster: &Cluster) -> Device {
    let resource = &device.resource;
    let why = match &cluster.machines {
        None => "the operator may not read machines".to_owned(),
        Some(machines) => {
            let mut with = machines.iter().filter(|machine| machine.has(resource) > 0.0).peekable();
            // Where there is none yet, one may come, and its labels with it.
            if with.peek().is_none() || with.any(|machine| label::says_model(machine, keys)) {
                return device;
            }
            format!("no machine with {resource} says by a label which model it has")
        }
    };
    let warning = format!("{why}: any device of {resource} is taken, whatever its model");
    Device { terms: Vec::new(), warning: Some(warning), ..device }
}

fn is_amd(model: &Model) -> bool {
    let base = model.base();
    base.strip_prefix("MI").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) || base == "RADEON"
}

fn machines(cluster: &Cluster) -> &[Arc<Machine>] {
    cluster.machines.as_deref().unwrap_or_default()
}

fn has(cluster: &Cluster, resource: &str) -> bool {
    machines(cluster).iter().any(|machine| machine.has(resource) > 0.0)
}
