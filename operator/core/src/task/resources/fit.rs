//! Whether machines, as they are now, can hold the nodes of a task.
//!
//! What other pods use is not known here: this tells machines that could from machines that never can. The scheduler
//! decides.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration};

use super::machine::{self, Cluster, Machine};

/// What a machine must be for one node of a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs<'a> {
    /// Amounts by resource, in base units.
    pub(super) amounts: Vec<(&'a str, f64)>,
    /// One of these must be fulfilled; none means any machine.
    pub(super) terms: &'a [NodeSelectorTerm],
    /// All of these labels must be there.
    pub(super) selector: Option<&'a BTreeMap<String, String>>,
    /// Taints that are accepted.
    pub(super) tolerations: &'a [Toleration],
}

/// So many nodes of the task the machine could hold, if nothing else ran there; `u32::MAX` when nothing bounds it.
pub(super) fn holds(machine: &Machine, needs: &Needs<'_>) -> u32 {
    let selected =
        needs.selector.is_none_or(|all| all.iter().all(|(key, value)| machine.labels.get(key) == Some(value)));
    let accepted = machine.taints.iter().all(|taint| is_tolerated(taint, needs.tolerations));
    let fits = needs.terms.is_empty() || fulfils_one(needs.terms, &machine.labels);
    if !(machine.takes_pods && selected && accepted && fits) {
        return 0;
    }
    let times = |(resource, amount): &(&str, f64)| (machine.has(resource) / amount + 1e-9).floor();
    let fewest =
        needs.amounts.iter().filter(|(_, amount)| *amount > 0.0).map(times).fold(f64::from(u32::MAX), f64::min);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the largest u32")]
    (fewest.max(0.0) as u32)
}

/// Whether any machine could hold a pod that waits for one; yes where they cannot be read.
pub(super) fn may_be_placed(pod: &Pod, cluster: &Cluster) -> bool {
    let (Some(machines), Some(spec)) = (&cluster.machines, &pod.spec) else { return true };
    if spec.node_name.is_some() {
        return true;
    }
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|one| one.required_during_scheduling_ignored_during_execution.as_ref());
    let asked = spec.containers.iter().filter_map(|container| container.resources.as_ref()?.limits.as_ref()).flatten();
    let needs = Needs {
        amounts: asked.map(|(name, quantity)| (name.as_str(), machine::amount(quantity))).collect(),
        terms: required.map(|one| one.node_selector_terms.as_slice()).unwrap_or_default(),
        selector: spec.node_selector.as_ref(),
        tolerations: spec.tolerations.as_deref().unwrap_or_default(),
    };
    machines.iter().any(|machine| holds(machine, &needs) > 0)
}

/// Whether these labels fulfil one of the terms.
pub(super) fn fulfils_one(terms: &[NodeSelectorTerm], labels: &BTreeMap<String, String>) -> bool {
    let all = |term: &NodeSelectorTerm| term.match_expressions.iter().flatten().all(|need| fulfils(need, labels));
    terms.iter().any(all)
}

/// As the scheduler reads a requirement (k8s.io/component-helpers nodeaffinity).
fn fulfils(need: &NodeSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&need.key);
    let listed = |value: &String| need.values.as_ref().is_some_and(|values| values.contains(value));
    let numbers = || {
        let bound: i64 = need.values.as_ref()?.first()?.parse().ok()?;
        Some((value?.parse::<i64>().ok()?, bound))
    };
    match need.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
        "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

fn is_tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    let tolerates = |toleration: &Toleration| {
        let key = toleration.key.as_deref().filter(|key| !key.is_empty());
        let effect = toleration.effect.as_deref().filter(|effect| !effect.is_empty());
        let exists = toleration.operator.as_deref() == Some("Exists");
        let value = || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
        effect.is_none_or(|effect| effect == taint.effect)
            && key.is_none_or(|key| key == taint.key)
            && (exists || (key.is_some() && value()))
    };
    taint.effect == "PreferNoSchedule" || tolerations.iter().any(tolerates)
}
