//! Nodes of a task that no machine could hold, apart from those that only have to wait for one.
//!
//! Only machines that exist are known. An autoscaler may add others, so this is a word for the user and ends nothing.

use std::{collections::BTreeMap, fmt::Write as _};

use k8s_openapi::api::core::v1::Taint;

use super::{
    fit::{self, Needs},
    machine::Machine,
};

/// Taints that come and go with the state of a machine (Kubernetes' well-known taints).
const PASSING: &str = "node.kubernetes.io/";

/// Why these machines, at their best and with nothing else on them, could not hold so many nodes; `None` if they could.
pub(super) fn why(nodes: u32, needs: &Needs<'_>, machines: &[Machine]) -> Option<String> {
    let held = held(machines, needs);
    if held >= nodes {
        return None;
    }
    if held > 0 {
        let all =
            format!("the machines that exist could hold {held} of {nodes} nodes at once, if nothing else ran there");
        return Some(all);
    }
    let lacking = lacking(needs, machines);
    Some(format!("no machine that exists could hold it, even if nothing else ran there: {lacking}"))
}

/// A machine as it is when nothing is wrong with it.
pub(super) fn at_its_best(machine: &Machine) -> Machine {
    let lasts = |taint: &&Taint| !taint.key.starts_with(PASSING);
    Machine { takes_pods: true, taints: machine.taints.iter().filter(lasts).cloned().collect(), ..machine.clone() }
}

fn held(machines: &[Machine], needs: &Needs<'_>) -> u32 {
    machines.iter().fold(0, |held, machine| held.saturating_add(fit::holds(machine, needs)))
}

/// What the nearest machines lack: the first thing that none of them has.
fn lacking(needs: &Needs<'_>, machines: &[Machine]) -> String {
    if machines.is_empty() {
        return "there is no machine".to_owned();
    }
    let most = |of: &[&Machine], resource: &str| of.iter().map(|machine| machine.has(resource)).fold(0.0, f64::max);
    let all: Vec<&Machine> = machines.iter().collect();
    if let Some((device, _)) = needs.amounts.iter().find(|(name, _)| name.contains('/') && most(&all, name) == 0.0) {
        return format!("none has any {device}");
    }
    let kinds = Needs { amounts: Vec::new(), ..needs.clone() };
    let untainted = |machine: &Machine| Machine { taints: Vec::new(), ..machine.clone() };
    let kept: Vec<&Machine> =
        all.iter().copied().filter(|machine| fit::holds(&untainted(machine), &kinds) > 0).collect();
    if kept.is_empty() {
        return labels(needs, &all);
    }
    let fit: Vec<&Machine> = kept.iter().copied().filter(|machine| fit::holds(machine, &kinds) > 0).collect();
    let Some(first) = fit.first() else { return taints(&kept) };
    for (resource, amount) in &needs.amounts {
        let has = most(&fit, resource);
        if has < *amount {
            return format!("it asks for {}, and the largest has {}", said(resource, *amount), said(resource, has));
        }
    }
    format!("each of its amounts fits on some machine, and all of them on none, such as {}", first.name)
}

fn labels(needs: &Needs<'_>, machines: &[&Machine]) -> String {
    let selector: BTreeMap<&String, &String> = needs.selector.into_iter().flatten().collect();
    let has_all = |machine: &&&Machine| selector.iter().all(|(key, value)| machine.labels.get(*key) == Some(*value));
    if machines.iter().find(has_all).is_some() {
        return "none has the accelerator, or is of the kind, that it asks for".to_owned();
    }
    let pairs: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("none has the labels of `spec.nodeSelector`: {}", pairs.join(", "))
}

fn taints(machines: &[&Machine]) -> String {
    let mut text = "those that fit keep it away by a taint, which `spec.tolerations` would have to name: ".to_owned();
    let mut all: Vec<&Taint> = machines.iter().flat_map(|machine| &machine.taints).collect();
    all.sort_by_key(|taint| (&taint.key, &taint.value));
    all.dedup_by_key(|taint| (&taint.key, &taint.value));
    for (index, taint) in all.iter().take(4).enumerate() {
        let value = taint.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        let comma = if index > 0 { ", " } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{}{value}:{}", taint.key, taint.effect);
    }
    text
}

/// An amount in the units that people use: `4 cpu`, `512Gi memory`.
fn said(resource: &str, amount: f64) -> String {
    const GIBI: f64 = 1_073_741_824.0;
    if resource == "memory" || resource == "ephemeral-storage" {
        let shown =
            if amount < GIBI { format!("{:.0}Mi", amount / 1_048_576.0) } else { format!("{:.1}Gi", amount / GIBI) };
        return format!("{shown} {resource}");
    }
    let shown = format!("{amount:.3}");
    format!("{} {resource}", shown.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::task::{
        fixture,
        resources::{Cluster, never},
    };

    fn machine(name: &str, labels: Value, taints: Value, gpus: f64) -> std::sync::Arc<Machine> {
        let amounts = [("cpu", 8.0), ("memory", 34_359_738_368.0), ("nvidia.com/gpu", gpus)];
        Machine {
            name: name.to_owned(),
            labels: serde_json::from_value(labels).unwrap(),
            allocatable: amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect(),
            taints: serde_json::from_value(taints).unwrap(),
            takes_pods: false,
        }
        .into()
    }

    fn cluster() -> Cluster {
        let away = json!([{"key": "team", "value": "blue", "effect": "NoSchedule"}]);
        let sick = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]);
        let machines =
            vec![machine("plain", json!({}), sick, 0.0), machine("blue", json!({"pool": "blue"}), away, 0.0)];
        Cluster { machines: Some(machines), ..Cluster::default() }
    }

    #[test]
    fn what_is_lacking_is_said_and_what_passes_is_not() {
        for (nodes, spec, words) in [
            (1, json!({"resources": {"cpus": 8, "memory": "32Gi"}}), None),
            (1, json!({"resources": {"cpus": 4000}}), Some("it asks for 4000 cpu, and the largest has 8 cpu")),
            (1, json!({"resources": {"memory": "900Gi"}}), Some("900.0Gi memory, and the largest has 32.0Gi memory")),
            (1, json!({"resources": {"accelerators": [{"count": 1}]}}), Some("none has any nvidia.com/gpu")),
            (1, json!({"nodeSelector": {"pool": "red"}}), Some("`spec.nodeSelector`: pool=red")),
            (1, json!({"nodeSelector": {"pool": "blue"}}), Some("would have to name: team=blue:NoSchedule")),
            (3, json!({"resources": {"cpus": 4}}), Some("could hold 2 of 3 nodes at once")),
            // What else a pod asks for is only known to whoever wrote it there.
            (1, json!({"resources": {"cpus": 4000}, "podConfig": "metadata: {labels: {team: x}}"}), None),
        ] {
            let mut task = fixture::task(nodes);
            let mut whole = json!(task.spec);
            whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            task.spec = serde_json::from_value(whole).unwrap();
            let said = never(&fixture::valid(&task), &cluster(), &[]);
            assert_eq!(said.is_some(), words.is_some(), "{spec}: {said:?}");
            let said = said.unwrap_or_default();
            assert!(words.is_none_or(|words| said.contains(words)), "{spec}: {said}");
        }
        let none = Cluster { machines: Some(Vec::new()), ..Cluster::default() };
        assert!(never(&fixture::valid(&fixture::task(1)), &none, &[]).unwrap().ends_with("there is no machine"));
        assert_eq!(never(&fixture::valid(&fixture::task(1)), &Cluster::default(), &[]), None);
    }
}
