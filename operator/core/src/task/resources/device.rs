//! From an accelerator to what a pod asks for: a resource, and the machines that have the right one.

use std::sync::Arc;

use k8s_openapi::api::core::v1::NodeSelectorTerm;
use sky_crd::accelerator::Accelerator;

use super::{
    label,
    machine::{Cluster, Machine},
    model::{Model, Part},
    tpu::tpu,
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
    /// Keys of taints by which such machines keep others away.
    pub(super) taints: Vec<String>,
    /// Whether it is one of NVIDIA's.
    pub(super) of_nvidia: bool,
    /// What was asked for and is not.
    pub(super) warning: Option<String>,
}

/// All ways to ask for an accelerator, the likelier first; at least one. `more` are the administrator's further resources
/// that count as GPUs.
pub(super) fn devices(accelerator: &Accelerator, more: &[String], cluster: &Cluster) -> Vec<Device> {
    let (name, count) = (accelerator.name.as_deref().unwrap_or_default(), accelerator.count);
    if let Some(memory) = accelerator.device_memory() {
        // A device of 40 GB may be a little larger, as makers count.
        let most = (!memory.at_least).then_some(memory.gigabytes);
        let (resource, keys) = match accelerator.vendor.as_deref() {
            Some("amd") => (AMD, label::AMD_MODELS.as_slice()),
            _ => (NVIDIA, label::NVIDIA_MODELS.as_slice()),
        };
        let terms = label::by_memory(keys, memory.gigabytes, most, machines(cluster));
        return gpus(resource, count, &terms, keys, more, cluster);
    }
    if name.is_empty() {
        let others = has(cluster, AMD) && !has(cluster, NVIDIA);
        return gpus(if others { AMD } else { NVIDIA }, count, &[], &[], more, cluster);
    }
    let (lower, model) = (name.to_ascii_lowercase(), Model::read(name));
    if lower.starts_with("tpu") {
        let (count, term) = tpu(name, count);
        return vec![device(TPU, count, vec![term])];
    }
    if ["trainium", "inferentia"].iter().any(|kind| lower.starts_with(kind)) {
        return vec![tolerant(device(NEURON, count, label::neuron(name)), &label::NEURON_MODELS, cluster)];
    }
    if is_amd(&model) {
        let terms = label::amd(&model, name, machines(cluster));
        return gpus(AMD, count, &terms, &label::AMD_MODELS, more, cluster);
    }
    nvidia(&model, name, count, more, cluster)
}

fn nvidia(model: &Model, name: &str, count: u32, more: &[String], cluster: &Cluster) -> Vec<Device> {
    let of_any = model.is_of_any();
    let terms = || label::nvidia(model, name, machines(cluster));
    // Where the resource says which part of a device a unit is, labels say the model.
    let renamed = |resource: String| {
        let whole = model.whole();
        let terms = label::nvidia_of_any_part(&whole, name, machines(cluster));
        device(&resource, count, if of_any { Vec::new() } else { terms })
    };
    match &model.part {
        Part { profile: None, shared: false } => gpus(NVIDIA, count, &terms(), &label::NVIDIA_MODELS, more, cluster),
        Part { profile: None, shared: true } => {
            vec![device(NVIDIA, count, terms()), renamed(NVIDIA_SHARED.to_owned())]
        }
        // Machines with several profiles have a resource for each, those with one call it a GPU.
        Part { profile: Some(profile), shared } => {
            let suffix = if *shared { ".shared" } else { "" };
            vec![renamed(format!("nvidia.com/mig-{profile}{suffix}")), device(NVIDIA, count, terms())]
        }
    }
}

/// So many of a resource on machines of which labels say the rest.
fn device(resource: &str, count: u32, terms: Vec<NodeSelectorTerm>) -> Device {
    // Machines with devices keep others away by the name of their plugin's resource.
    let of_nvidia = resource.split_once('/').is_some_and(|(domain, _)| domain == "nvidia.com");
    let taint = if of_nvidia { NVIDIA } else { resource };
    Device { resource: resource.to_owned(), count, terms, taints: vec![taint.to_owned()], of_nvidia, warning: None }
}

/// Whole GPUs, by the maker's resource and by each of the administrator's, which `keys` say the model of. Those of which
/// the cluster has any come first; where that is not known, whoever named a resource is believed to have it.
fn gpus(
    usual: &str,
    count: u32,
    terms: &[NodeSelectorTerm],
    keys: &[&str],
    more: &[String],
    cluster: &Cluster,
) -> Vec<Device> {
    let usual = device(usual, count, terms.to_vec());
    let named = more.iter().filter(|resource| **resource != usual.resource).map(|resource| {
        let mut one = device(resource, count, terms.to_vec());
        one.of_nvidia = usual.of_nvidia;
        // Another name of the resource leaves the machines as they are.
        one.taints.extend(usual.taints.iter().filter(|taint| !one.taints.contains(taint)).cloned().collect::<Vec<_>>());
        one
    });
    let mut all: Vec<Device> = std::iter::once(usual.clone()).chain(named).collect();
    match &cluster.machines {
        None => all.sort_by_key(|one| one.resource == usual.resource),
        Some(_) => all.sort_by_key(|one| !has(cluster, &one.resource)),
    }
    if terms.is_empty() { all } else { all.into_iter().map(|one| tolerant(one, keys, cluster)).collect() }
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
