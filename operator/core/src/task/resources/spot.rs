//! Spot machines: how clouds mark them.

use k8s_openapi::api::core::v1::{NodeSelectorTerm, Toleration};

use super::{
    fit,
    label::{is_one_of, term},
    machine::Cluster,
};

/// Labels of spot machines, each with its value: SkyPilot's two, and those of AKS and EKS. GKE, AKS and others taint such
/// machines with the same key and value.
const MARKS: [(&str, &str); 5] = [
    ("cloud.google.com/gke-spot", "true"),
    ("karpenter.sh/capacity-type", "spot"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("node.kubernetes.io/lifecycle", "spot"),
];

/// One way to ask for spot machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spot {
    /// A machine must fulfil one of these.
    pub(super) required: Vec<NodeSelectorTerm>,
    /// A machine should fulfil one of these.
    pub(super) preferred: Vec<NodeSelectorTerm>,
    /// Taints of such machines.
    pub(super) tolerations: Vec<Toleration>,
    /// Why it may run elsewhere.
    pub(super) warning: Option<String>,
}

/// The ways to ask for spot machines: only those, where the cluster has any, and those rather than others. `more` are the
/// administrator's own marks.
///
/// Without a spot machine that is fit for it a task runs all the same: the specification gives `use_spot` no effect, and a
/// task that waits for ever for a lower price helps nobody. The administrator's marks are taken for machines that will
/// come when they are asked for.
pub(super) fn ways(more: &[(String, String)], cluster: &Cluster) -> Vec<Spot> {
    let own = more.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let marks: Vec<(&str, &str)> = MARKS.into_iter().chain(own).collect();
    let terms: Vec<NodeSelectorTerm> =
        marks.iter().map(|(key, value)| term(vec![is_one_of(key, vec![(*value).to_owned()])])).collect();
    let tolerations: Vec<Toleration> = marks.iter().map(|(key, value)| tolerate(key, Some(value))).collect();
    let (exist, why) = match &cluster.machines {
        None => (false, "the operator may not read machines: spot machines are preferred and others are taken too"),
        Some(machines) if machines.iter().any(|machine| fit::fulfils_one(&terms, &machine.labels)) => {
            (true, "no spot machine of the cluster is fit for it: others are taken")
        }
        Some(_) => (false, "the cluster has no spot machine: others are taken"),
    };
    let only = Spot { required: terms.clone(), tolerations: tolerations.clone(), ..Spot::default() };
    let rather = Spot { preferred: terms, tolerations, warning: Some(why.to_owned()), ..Spot::default() };
    match (more.is_empty(), exist) {
        (false, _) => vec![only],
        (true, true) => vec![only, rather],
        (true, false) => vec![rather],
    }
}

/// Accepts the taint of this key; of any value without one.
pub(super) fn tolerate(key: &str, value: Option<&str>) -> Toleration {
    Toleration {
        key: Some(key.to_owned()),
        operator: Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned()),
        value: value.map(str::to_owned),
        effect: Some("NoSchedule".to_owned()),
        toleration_seconds: None,
    }
}
