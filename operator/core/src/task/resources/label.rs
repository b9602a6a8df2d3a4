//! Labels by which machines say which GPUs they have: every format, all at once.
//!
//! SkyPilot looks for one format in the whole cluster and takes one value of it (its `LABEL_FORMATTER_REGISTRY`).

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use super::{
    machine::Machine,
    model::{Model, Part},
};

const SKYPILOT: &str = "skypilot.co/accelerator";
const GKE: &str = "cloud.google.com/gke-accelerator";
const GKE_PARTITION: &str = "cloud.google.com/gke-gpu-partition-size";
const GKE_SHARING: &str = "cloud.google.com/gke-gpu-sharing-strategy";
pub(super) const GKE_TPU: &str = "cloud.google.com/gke-tpu-accelerator";
const KARPENTER: &str = "karpenter.k8s.aws/instance-gpu-name";
const KARPENTER_MEMORY: &str = "karpenter.k8s.aws/instance-gpu-memory";
const KARPENTER_NEURON: &str = "karpenter.k8s.aws/instance-accelerator-name";
const GFD: &str = "nvidia.com/gpu.product";
const GFD_MEMORY: &str = "nvidia.com/gpu.memory";
const GFD_STRATEGY: &str = "nvidia.com/mig.strategy";
const GFD_SHARING: &str = "nvidia.com/gpu.sharing-strategy";
const COREWEAVE: &str = "gpu.nvidia.com/class";
const NEBIUS: &str = "nebius.com/gpu-name";
const AMD: &str = "amd.com/gpu.product-name";
const AMD_BETA: &str = "beta.amd.com/gpu.product-name";
const AMD_MEMORY: &str = "amd.com/gpu.vram";

/// Values of GFD's strategy where a unit is a share of a device.
const SHARED: [&str; 2] = ["time-slicing", "mps"];

/// Labels that say which NVIDIA GPUs a machine has.
pub(super) const NVIDIA_MODELS: [&str; 6] = [SKYPILOT, GKE, KARPENTER, GFD, COREWEAVE, NEBIUS];
/// Labels that say which AMD GPUs a machine has.
pub(super) const AMD_MODELS: [&str; 3] = [SKYPILOT, AMD, AMD_BETA];
/// Labels that say which of AWS' own devices a machine has.
pub(super) const NEURON_MODELS: [&str; 2] = [KARPENTER_NEURON, SKYPILOT];
/// Every label that says that a machine has devices: pods without any keep away from those.
pub(super) const ALL_MODELS: [&str; 10] =
    [SKYPILOT, GKE, GKE_TPU, KARPENTER, KARPENTER_NEURON, GFD, COREWEAVE, NEBIUS, AMD, AMD_BETA];

/// Values that a cloud gives new machines, for clusters that grow from nothing.
const GKE_VALUES: [&str; 14] = [
    "nvidia-tesla-k80",
    "nvidia-tesla-p100",
    "nvidia-tesla-p4",
    "nvidia-tesla-v100",
    "nvidia-tesla-t4",
    "nvidia-tesla-a100",
    "nvidia-l4",
    "nvidia-a100-80gb",
    "nvidia-h100-80gb",
    "nvidia-h100-mega-80gb",
    "nvidia-h200-141gb",
    "nvidia-b200",
    "nvidia-gb200",
    "nvidia-rtx-pro-6000",
];
const KARPENTER_VALUES: [&str; 15] =
    ["k80", "m60", "v100", "t4", "t4g", "a10g", "a100", "h100", "h200", "l4", "l40s", "b200", "b300", "gb200", "p100"];

/// Terms of which a machine with this NVIDIA GPU fulfils one.
pub(super) fn nvidia(wanted: &Model, name: &str, machines: &[Arc<Machine>]) -> Vec<NodeSelectorTerm> {
    let known = nvidia_values(wanted, name, machines);
    let with_part = |(key, values)| term([vec![is_one_of(key, values)], part(key, &wanted.part)].concat());
    known.map(with_part).chain(karpenter_with_memory(wanted)).collect()
}

/// The same where the resource's own name says which part of a device a unit is.
pub(super) fn nvidia_of_any_part(wanted: &Model, name: &str, machines: &[Arc<Machine>]) -> Vec<NodeSelectorTerm> {
    nvidia_values(wanted, name, machines).map(|(key, values)| term(vec![is_one_of(key, values)])).collect()
}

fn nvidia_values(
    wanted: &Model,
    name: &str,
    machines: &[Arc<Machine>],
) -> impl Iterator<Item = (&'static str, Vec<String>)> {
    let with = move |key| (key, values(key, wanted, name, machines));
    NVIDIA_MODELS.into_iter().map(with).filter(|(_, values)| !values.is_empty())
}

/// Terms of which a machine with this AMD GPU fulfils one.
pub(super) fn amd(wanted: &Model, name: &str, machines: &[Arc<Machine>]) -> Vec<NodeSelectorTerm> {
    let with = |key| (key, values(key, wanted, name, machines));
    let known = AMD_MODELS.into_iter().map(with).filter(|(_, values)| !values.is_empty());
    known.map(|(key, values)| term(vec![is_one_of(key, values)])).collect()
}

/// Terms of which a machine whose GPUs have so many gigabytes fulfils one. `most` is `None` if more will do.
pub(super) fn by_memory(
    keys: &[&str],
    least: f64,
    most: Option<f64>,
    machines: &[Arc<Machine>],
) -> Vec<NodeSelectorTerm> {
    let mut terms = Vec::new();
    if keys.contains(&GFD) {
        // A share of a device has not that memory; an instance of MIG says its own.
        let is_shared = |value: &&str| Model::read(value).part.shared;
        let shared: Vec<String> = seen(GFD, machines).filter(is_shared).map(str::to_owned).collect();
        let mut alone = vec![is_none_of(GFD_SHARING, &SHARED)];
        alone.extend((!shared.is_empty()).then(|| is_none_of(GFD, &shared)));
        let with = |key| term([mebibytes(key, least, most), alone.clone()].concat());
        terms.extend([GFD_MEMORY, KARPENTER_MEMORY].map(with));
    } else {
        let within = |has: f64| has >= least && most.is_none_or(|most| has <= most);
        let fits = |text: &&str| text.strip_suffix('G').and_then(|digits| digits.parse().ok()).is_some_and(within);
        let seen = seen(AMD_MEMORY, machines).filter(fits).map(str::to_owned);
        let values: BTreeSet<String> = seen.chain([format!("{least}G")]).collect();
        terms.push(term(vec![is_one_of(AMD_MEMORY, values.into_iter().collect())]));
    }
    let fits = |text: &str| {
        let model = Model::read(text);
        model.part == Part::WHOLE
            && model.gigabytes().map(f64::from).is_some_and(|has| has >= least && most.is_none_or(|most| has <= most))
    };
    // These say the model only; the others say the memory itself.
    for key in keys.iter().filter(|key| ![GFD, KARPENTER].contains(key)) {
        let seen = seen(key, machines);
        let fixed = if *key == GKE { GKE_VALUES.as_slice() } else { &[] };
        let values: BTreeSet<&str> = seen.chain(fixed.iter().copied()).filter(|value| fits(value)).collect();
        if !values.is_empty() {
            let values = values.into_iter().map(str::to_owned).collect();
            terms.push(term([vec![is_one_of(key, values)], part(key, &Part::WHOLE)].concat()));
        }
    }
    terms
}

/// Terms of an AWS accelerator, such as `Trainium2`.
pub(super) fn neuron(name: &str) -> Vec<NodeSelectorTerm> {
    NEURON_MODELS.map(|key| term(vec![is_one_of(key, vec![name.to_ascii_lowercase()])])).to_vec()
}

/// Whether the machine says by one of these labels which devices it has.
pub(super) fn says_model(machine: &Machine, keys: &[&str]) -> bool {
    keys.iter().any(|key| machine.labels.contains_key(*key))
}

/// A term with these needs.
pub(super) fn term(needs: Vec<NodeSelectorRequirement>) -> NodeSelectorTerm {
    NodeSelectorTerm { match_expressions: Some(needs), match_fields: None }
}

/// The label has one of these values.
pub(super) fn is_one_of(key: &str, values: Vec<String>) -> NodeSelectorRequirement {
    NodeSelectorRequirement { key: key.to_owned(), operator: "In".to_owned(), values: Some(values) }
}

/// The label has none of these values, or is not there.
fn is_none_of(key: &str, values: &[impl ToString]) -> NodeSelectorRequirement {
    let values = values.iter().map(ToString::to_string).collect();
    NodeSelectorRequirement { key: key.to_owned(), operator: "NotIn".to_owned(), values: Some(values) }
}

/// The label is not there.
pub(super) fn is_absent(key: &str) -> NodeSelectorRequirement {
    NodeSelectorRequirement { key: key.to_owned(), operator: "DoesNotExist".to_owned(), values: None }
}

/// Values of a label, those of existing machines and those that new ones would have, that are what is wanted.
fn values(key: &str, wanted: &Model, name: &str, machines: &[Arc<Machine>]) -> Vec<String> {
    // A partition has a label of its own there.
    let model = if key == GKE { wanted.whole() } else { wanted.clone() };
    let fixed: Vec<String> = match key {
        GKE => GKE_VALUES.map(str::to_owned).to_vec(),
        KARPENTER => KARPENTER_VALUES.map(str::to_owned).to_vec(),
        SKYPILOT => vec![name.to_ascii_lowercase()],
        COREWEAVE | NEBIUS => vec![name.to_ascii_uppercase()],
        _ => Vec::new(),
    };
    let seen = seen(key, machines).map(str::to_owned);
    let fits = |value: &String| Model::read(value).is(&model);
    // A set: sorted, and each value once.
    seen.chain(fixed).filter(fits).collect::<BTreeSet<_>>().into_iter().collect()
}

fn seen<'a>(key: &str, machines: &'a [Arc<Machine>]) -> impl Iterator<Item = &'a str> + use<'a> {
    let values: BTreeSet<&str> =
        machines.iter().filter_map(|machine| machine.labels.get(key)).map(String::as_str).collect();
    values.into_iter()
}

/// What a machine must say elsewhere about parts of devices: only GFD's product says all.
fn part(key: &str, part: &Part) -> Vec<NodeSelectorRequirement> {
    let mut needs = Vec::new();
    if key == GKE {
        needs.push(match &part.profile {
            Some(profile) => is_one_of(GKE_PARTITION, vec![profile.clone()]),
            None => is_absent(GKE_PARTITION),
        });
        needs.push(if part.shared { exists(GKE_SHARING) } else { is_absent(GKE_SHARING) });
    }
    if key != GFD && *part == Part::WHOLE {
        // A machine that has split or shares all its GPUs, whatever else its labels say.
        needs.push(is_none_of(GFD_STRATEGY, &["single"]));
        needs.push(is_none_of(GFD_SHARING, &SHARED));
    }
    needs
}

/// Karpenter calls devices of different memory by one name.
fn karpenter_with_memory(wanted: &Model) -> Option<NodeSelectorTerm> {
    let gigabytes = wanted.named_gigabytes().filter(|_| wanted.part == Part::WHOLE && !wanted.is_of_any())?;
    let mut needs = vec![is_one_of(KARPENTER, vec![wanted.base().to_ascii_lowercase()])];
    needs.extend(mebibytes(KARPENTER_MEMORY, f64::from(gigabytes), None));
    needs.extend(part(KARPENTER, &Part::WHOLE));
    Some(term(needs))
}

/// A label of MiB within bounds of gigabytes. A device of 40 GB has 40 x 10^9 bytes or up to 40 x 2^30.
fn mebibytes(key: &str, least: f64, most: Option<f64>) -> Vec<NodeSelectorRequirement> {
    const MEBIBYTES: f64 = 1e9 / 1_048_576.0;
    let bound = |operator: &str, mebibytes: f64| NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(vec![format!("{mebibytes:.0}")]),
    };
    let above = bound("Gt", (least * MEBIBYTES).floor() - 1.0);
    let below = most.map(|most| bound("Lt", (most * 1024.0).ceil() + 1.0));
    std::iter::once(above).chain(below).collect()
}

fn exists(key: &str) -> NodeSelectorRequirement {
    NodeSelectorRequirement { key: key.to_owned(), operator: "Exists".to_owned(), values: None }
}
