//! What every pod of an attempt asks for, from one alternative and the facts about machines.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        NodeAffinity, NodeSelector, NodeSelectorTerm, PreferredSchedulingTerm, ResourceRequirements, Toleration,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use sky_crd::quantity::Amount;

use super::{
    Policy, Want,
    device::{self, Device},
    fit::{self, Needs},
    label::{self, is_absent, is_one_of, term},
    machine::Cluster,
    spot::{self, Spot, tolerate},
};

const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
const DISK: &str = "ephemeral-storage";
/// Container runtime class of machines with NVIDIA GPUs, where it exists (SkyPilot's rule).
const NVIDIA_CLASS: &str = "nvidia";

/// What every pod of an attempt asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// Which alternative, from 0.
    pub alternative: usize,
    /// What was asked for.
    pub want: Want,
    /// Resource and number of devices.
    pub device: Option<(String, u32)>,
    /// Disk, if any machine has so much.
    pub disk: Option<Amount>,
    /// Machines that will do: one of these terms; none means any.
    pub required: Vec<NodeSelectorTerm>,
    /// Machines that are preferred.
    pub preferred: Vec<NodeSelectorTerm>,
    /// Taints that are accepted.
    pub tolerations: Vec<Toleration>,
    /// Container runtime class.
    pub runtime_class: Option<String>,
    /// Whether this is less than what was asked for, and only better than nothing.
    pub is_makeshift: bool,
    /// What was asked for and is not had.
    pub warnings: Vec<String>,
}

/// All ways to place an alternative, the likelier first; at least one.
pub(super) fn ways(alternative: usize, want: &Want, policy: &Policy, cluster: &Cluster) -> Vec<Placement> {
    let mut base = Placement { alternative, want: want.clone(), ..Placement::default() };
    let machine_type = base.machine_type(cluster);
    base.choose_disk(cluster);
    let spots = if want.spot { spot::ways(&policy.spot_marks, cluster) } else { vec![Spot::default()] };
    let with_spot = |(index, spot): (usize, Spot)| {
        let mut one = base.clone();
        one.is_makeshift = index > 0;
        one.preferred.extend(spot.preferred);
        one.tolerations.extend(spot.tolerations);
        one.warnings.extend(spot.warning);
        one.with_devices(&[machine_type.clone(), spot.required], &policy.gpu_resources, cluster)
    };
    spots.into_iter().enumerate().flat_map(with_spot).collect()
}

impl Placement {
    /// All ways to have the devices that are asked for, on machines that fulfil one of each list. `gpus` are further
    /// resources that count as GPUs.
    fn with_devices(mut self, required: &[Vec<NodeSelectorTerm>], gpus: &[String], cluster: &Cluster) -> Vec<Self> {
        let Some(accelerator) = self.want.accelerator.clone() else {
            self.required = every_one(required);
            self.preferred.push(term(label::ALL_MODELS.map(is_absent).to_vec()));
            return vec![self];
        };
        let devices = device::devices(&accelerator, gpus, cluster);
        devices.into_iter().map(|device| self.clone().with_device(device, required, cluster)).collect()
    }

    fn with_device(mut self, device: Device, required: &[Vec<NodeSelectorTerm>], cluster: &Cluster) -> Self {
        let lists: Vec<_> = std::iter::once(device.terms).chain(required.iter().cloned()).collect();
        self.required = every_one(&lists);
        self.tolerations.extend(device.taints.iter().map(|taint| tolerate(taint, None)));
        if device.of_nvidia && cluster.runtime_classes.contains(NVIDIA_CLASS) {
            self.runtime_class = Some(NVIDIA_CLASS.to_owned());
        }
        self.warnings.extend(device.warning);
        self.device = Some((device.resource, device.count));
        self
    }

    /// Machines of the type asked for. The specification gives the field no effect, so a type that no machine has keeps
    /// nothing from running.
    fn machine_type(&mut self, cluster: &Cluster) -> Vec<NodeSelectorTerm> {
        let Some(wanted) = &self.want.instance_type else { return Vec::new() };
        let has = |machine: &std::sync::Arc<super::Machine>| machine.labels.get(INSTANCE_TYPE) == Some(wanted);
        match &cluster.machines {
            Some(machines) if machines.iter().any(has) => {
                vec![term(vec![is_one_of(INSTANCE_TYPE, vec![wanted.clone()])])]
            }
            Some(_) => {
                self.warnings.push(format!("no machine of the cluster is of type `{wanted}`: others are taken"));
                Vec::new()
            }
            None => {
                let why = "the operator may not read machines";
                self.warnings.push(format!("{why}: those of type `{wanted}` cannot be found, and others are taken"));
                Vec::new()
            }
        }
    }

    /// The disk asked for, where there is one: as for the type of machine, what no machine has keeps nothing from running.
    fn choose_disk(&mut self, cluster: &Cluster) {
        let Some(disk) = self.want.disk.clone() else { return };
        let enough =
            |machines: &Vec<_>| machines.iter().any(|m: &std::sync::Arc<super::Machine>| m.has(DISK) >= disk.value());
        if cluster.machines.as_ref().is_none_or(enough) {
            self.disk = Some(disk);
        } else {
            self.warnings.push(format!("no machine of the cluster has a disk of {disk}: none is asked for"));
        }
    }

    /// Whether the cluster's machines could hold so many nodes; yes where they cannot be read.
    pub(super) fn fits(
        &self,
        nodes: u32,
        selector: &BTreeMap<String, String>,
        tolerations: &[Toleration],
        cluster: &Cluster,
    ) -> bool {
        let Some(machines) = &cluster.machines else { return true };
        let accepted = self.accepted(tolerations);
        let needs = self.needs(selector, &accepted);
        let mut held = 0u32;
        machines.iter().any(|machine| {
            held = held.saturating_add(fit::holds(machine, &needs));
            held >= nodes
        })
    }

    /// Taints that are accepted, with those that the user accepts.
    pub(super) fn accepted(&self, of_user: &[Toleration]) -> Vec<Toleration> {
        self.tolerations.iter().chain(of_user).cloned().collect()
    }

    /// What a machine must be for one node.
    pub(super) fn needs<'a>(
        &'a self,
        selector: &'a BTreeMap<String, String>,
        tolerations: &'a [Toleration],
    ) -> Needs<'a> {
        let amounts = [("cpu", &self.want.cpus), ("memory", &self.want.memory), (DISK, &self.disk)];
        let amounts = amounts.into_iter().filter_map(|(name, amount)| Some((name, amount.as_ref()?.value())));
        let device = self.device.iter().map(|(name, count)| (name.as_str(), f64::from(*count)));
        Needs { amounts: amounts.chain(device).collect(), terms: &self.required, selector: Some(selector), tolerations }
    }

    /// Cores, memory and disk as request and limit, devices as limit (specification, "Resource Handling").
    pub fn requirements(&self) -> ResourceRequirements {
        let amounts = [("cpu", &self.want.cpus), ("memory", &self.want.memory), (DISK, &self.disk)];
        let amount = |(name, amount): (&str, &Option<Amount>)| Some((name.to_owned(), amount.as_ref()?.to_quantity()));
        let requests: BTreeMap<String, Quantity> = amounts.into_iter().filter_map(amount).collect();
        let mut limits = requests.clone();
        limits.extend(self.device.iter().map(|(name, count)| (name.clone(), Quantity(count.to_string()))));
        let some = |map: BTreeMap<_, _>| (!map.is_empty()).then_some(map);
        ResourceRequirements { requests: some(requests), limits: some(limits), ..ResourceRequirements::default() }
    }

    /// Required and preferred machines, if any are.
    pub fn node_affinity(&self) -> Option<NodeAffinity> {
        let required = (!self.required.is_empty()).then(|| NodeSelector { node_selector_terms: self.required.clone() });
        let weigh =
            |preference: &NodeSelectorTerm| PreferredSchedulingTerm { weight: 100, preference: preference.clone() };
        let preferred: Vec<_> = self.preferred.iter().map(weigh).collect();
        (required.is_some() || !preferred.is_empty()).then(|| NodeAffinity {
            required_during_scheduling_ignored_during_execution: required,
            preferred_during_scheduling_ignored_during_execution: (!preferred.is_empty()).then_some(preferred),
        })
    }

    /// Whether the container must not see the machine's GPUs, which NVIDIA's runtime shows to every container of an image
    /// that asks for them (SkyPilot's rule).
    pub fn hides_devices(&self) -> bool {
        self.device.is_none()
    }
}

/// Terms of which one is fulfilled where one of each list is; empty lists ask for nothing.
fn every_one(lists: &[Vec<NodeSelectorTerm>]) -> Vec<NodeSelectorTerm> {
    let mut all: Vec<NodeSelectorTerm> = Vec::new();
    for list in lists.iter().filter(|list| !list.is_empty()) {
        if all.is_empty() {
            all.clone_from(list);
            continue;
        }
        let both = |one: &NodeSelectorTerm, other: &NodeSelectorTerm| {
            let needs = [one, other].into_iter().flat_map(|term| term.match_expressions.iter().flatten()).cloned();
            term(needs.collect())
        };
        all = all.iter().flat_map(|one| list.iter().map(move |other| both(one, other))).collect();
    }
    all
}
