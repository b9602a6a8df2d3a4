//! What is known of the cluster's machines: facts, read elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::{
    api::core::v1::{Node, Taint},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt as _;
use sky_crd::quantity::Amount;

/// The facts. Whoever may not read machines has none: `machines` is `None` then, and never an empty list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// All machines, if they can be read.
    pub machines: Option<Vec<Arc<Machine>>>,
    /// Names of all container runtime classes, as far as they can be read.
    pub runtime_classes: BTreeSet<String>,
}

/// One Kubernetes node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it has for pods, in base units (cores, bytes, devices).
    pub allocatable: BTreeMap<String, f64>,
    /// What keeps pods away, unless they tolerate it.
    pub taints: Vec<Taint>,
    /// Whether it takes new pods at all.
    pub takes_pods: bool,
}

impl Machine {
    /// So much it has of a resource.
    pub fn has(&self, resource: &str) -> f64 {
        self.allocatable.get(resource).copied().unwrap_or(0.0)
    }
}

/// In base units; nothing where it cannot be read.
pub(super) fn amount(Quantity(text): &Quantity) -> f64 {
    text.parse::<Amount>().map_or(0.0, |amount| amount.value())
}

impl From<&Node> for Machine {
    fn from(node: &Node) -> Self {
        let spec = node.spec.clone().unwrap_or_default();
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.clone()).unwrap_or_default();
        Self {
            name: node.name_any(),
            labels: node.labels().clone(),
            allocatable: allocatable.into_iter().map(|(name, quantity)| (name, amount(&quantity))).collect(),
            taints: spec.taints.unwrap_or_default(),
            takes_pods: spec.unschedulable != Some(true),
        }
    }
}
