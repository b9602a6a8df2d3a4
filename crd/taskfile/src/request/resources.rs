//! The resources of a request: all alternatives, told as briefly as they can be.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sky_crd::{
    accelerator::Accelerator as WireAccelerator,
    api::{RecoveryRequest, ResourcesRequest},
    label,
    quantity::Amount,
};

use super::Refusals;
use crate::{Accelerator, Alternatives, JobRecovery, Quantity, Resources, read::virtual_machine};

/// Most ports of a task: the resource's schema allows no more, and more is a mistake in one end of a range.
const MAX_PORTS: usize = 256;

/// The alternatives that this cluster may have. Those that differ in accelerators only are told by those.
pub(super) fn request(
    alternatives: &Alternatives,
    refusals: &mut Refusals<'_>,
    warnings: &mut Vec<String>,
) -> Option<ResourcesRequest> {
    if !refusals.gives("resources") {
        return None;
    }
    let fitting: Vec<&Resources> = alternatives.all().iter().filter(|one| one.infra.may_be_kubernetes()).collect();
    if fitting.is_empty() {
        let gives_cloud = refusals.document.get("resources").is_some_and(|node| node.get("cloud").is_some());
        let field = if gives_cloud { "cloud" } else { "infra" };
        refusals.add(&["resources", field], "other clouds are not supported: leave it out, or write `kubernetes`");
        return None;
    }
    let mut all: Vec<ResourcesRequest> = Vec::new();
    for one in fitting {
        let one = set(one, refusals, warnings);
        if !all.contains(&one) {
            all.push(one);
        }
    }
    warnings.dedup();
    let mut base = all.first().cloned().unwrap_or_default();
    if all.len() == 1 {
        return Some(base);
    }
    if all.iter().any(|one| one.ports != base.ports) {
        warnings
            .push("`resources.ports`: the ports of the first alternative are served, whichever is taken".to_owned());
    }
    // SkyPilot refuses it as well, once the job starts.
    if all.iter().any(|one| one.job_recovery != base.job_recovery) {
        refusals.add(&["resources", "job_recovery"], "must be the same in all alternatives: it is the task's");
    }
    let plain = |one: &ResourcesRequest| ResourcesRequest { accelerators: None, ..one.clone() };
    if all.iter().all(|one| plain(one) == plain(&base) && one.accelerators.is_some()) {
        base.accelerators = Some(all.into_iter().filter_map(|one| one.accelerators).collect::<Vec<_>>().join(","));
        return Some(base);
    }
    Some(around(&all, matches!(alternatives, Alternatives::AnyOf(_))))
}

/// What all have in common, and around it what each has beyond that.
fn around(all: &[ResourcesRequest], any: bool) -> ResourcesRequest {
    let fields = |one: &ResourcesRequest| match serde_json::to_value(one) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let all: Vec<Map<String, Value>> = all.iter().map(fields).collect();
    let first = all.first().cloned().unwrap_or_default();
    // Ports, priorities and recovery are the task's, not an alternative's.
    let of_task = |name: &str| matches!(name, "ports" | "priority" | "priority_class" | "job_recovery");
    let common: Map<String, Value> = first
        .into_iter()
        .filter(|(name, value)| of_task(name) || all.iter().all(|one| one.get(name) == Some(value)))
        .collect();
    let beyond = |one: &Map<String, Value>| {
        let own = one.iter().filter(|(name, _)| !of_task(name) && !common.contains_key(*name));
        own.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
    };
    let entries: Vec<Value> = all.iter().map(|one| Value::Object(beyond(one))).collect();
    let mut whole = common.clone();
    whole.insert(if any { "any_of" } else { "ordered" }.to_owned(), entries.into());
    serde_json::from_value(Value::Object(whole)).unwrap_or_default()
}

/// One alternative.
fn set(one: &Resources, refusals: &mut Refusals<'_>, warnings: &mut Vec<String>) -> ResourcesRequest {
    if !one.disks.is_empty() {
        let message = "disks of a machine are not supported: name a volume under `volumes` at the top of the file";
        refusals.add(&["resources", "volumes"], message);
    }
    let of_machine = one.instance_type.as_deref().and_then(virtual_machine);
    let number = |value| Quantity::Number { value, at_least: false };
    let (mut cpus, mut memory, mut accelerators) = (one.cpus.clone(), one.memory.clone(), one.accelerators.clone());
    if let Some((cores, gigabytes, devices)) = of_machine.clone() {
        cpus = cpus.or(Some(number(cores)));
        memory = memory.or(Some(number(gigabytes)));
        accelerators = accelerators.or(devices);
    }
    ResourcesRequest {
        infra: None,
        cpus: cpus.as_ref().map(amount),
        memory: memory.as_ref().and_then(|memory| memory_of(memory, cpus.as_ref(), refusals)),
        accelerators: accelerators.as_ref().and_then(|one| accelerator(one, refusals)),
        instance_type: one.instance_type.clone().filter(|_| of_machine.is_none()),
        use_spot: one.use_spot,
        job_recovery: one.job_recovery.as_ref().map(recovery),
        disk_size: one.disk_size,
        ports: ports(one, refusals),
        image_id: image(one, refusals, warnings),
        labels: labels(one, refusals),
        priority: one.priority.and_then(|rank| i32::try_from(rank).ok()),
        priority_class: one.priority_class.clone(),
        any_of: Vec::new(),
        ordered: Vec::new(),
    }
}

/// All of it: alternatives that differ in the strategy alone differ in recovery, for SkyPilot too.
fn recovery(one: &JobRecovery) -> RecoveryRequest {
    RecoveryRequest {
        strategy: one.strategy.clone(),
        max_restarts_on_errors: one.max_restarts_on_errors.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        recover_on_exit_codes: one.recover_on_exit_codes.clone(),
    }
}

/// Digits without an exponent, which would be a unit to Kubernetes.
fn amount(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Number { value, at_least } => format!("{value}{}", if *at_least { "+" } else { "" }),
        Quantity::PerCore { gigabytes } => gigabytes.to_string(),
        Quantity::Kubernetes(text) => text.clone(),
    }
}

/// Memory that is counted by the core needs a count of cores.
fn memory_of(memory: &Quantity, cpus: Option<&Quantity>, refusals: &mut Refusals<'_>) -> Option<String> {
    let Quantity::PerCore { gigabytes } = memory else { return Some(amount(memory)) };
    let cores = cpus.and_then(|cpus| match cpus {
        Quantity::Number { value, .. } => Some(*value),
        Quantity::Kubernetes(text) => Amount::cpus(text).ok().map(|cores| cores.value()),
        Quantity::PerCore { .. } => None,
    });
    if cores.is_none() {
        refusals.add(&["resources", "memory"], format!("is {gigabytes} gigabytes for each core: write `cpus` as well"));
    }
    cores.map(|cores| (cores * gigabytes).to_string())
}

/// A fraction of a GPU is a whole one, as in SkyPilot.
fn accelerator(one: &Accelerator, refusals: &mut Refusals<'_>) -> Option<String> {
    let text = match (&one.name, one.count.ceil()) {
        (Some(name), 1.0) => name.clone(),
        (Some(name), count) => format!("{name}:{count}"),
        (None, count) => count.to_string(),
    };
    match text.parse::<WireAccelerator>() {
        Ok(_) => Some(text),
        Err(error) => {
            refusals.add(&["resources", "accelerators"], error.to_string());
            None
        }
    }
}

fn ports(resources: &Resources, refusals: &mut Refusals<'_>) -> Vec<i64> {
    let all = resources.ports.iter().flat_map(|range| range.first..=range.last).map(i64::from);
    let ports: Vec<i64> = all.take(MAX_PORTS + 1).collect();
    if ports.len() > MAX_PORTS {
        refusals.add(&["resources", "ports"], format!("are more than {MAX_PORTS}"));
    }
    ports
}

/// A queue's label would let each node of a task be admitted alone.
fn labels(resources: &Resources, refusals: &mut Refusals<'_>) -> BTreeMap<String, String> {
    for key in resources.labels.keys().filter(|key| label::is_reserved(key)) {
        let message = format!("`{key:.80}` is not supported: it is reserved for the product or a queueing system");
        refusals.add(&["resources", "labels", key], message);
    }
    resources.labels.clone()
}

/// The image of the region that is asked for, or of every region, or the one that is called `docker`. Images of machines have no meaning here.
fn image(resources: &Resources, refusals: &mut Refusals<'_>, warnings: &mut Vec<String>) -> Option<String> {
    let images = &resources.image_id;
    let of_region = resources.infra.region.as_ref().and_then(|region| images.get(region));
    let image = of_region.or_else(|| ["", "docker", "kubernetes"].iter().find_map(|region| images.get(*region)));
    match image {
        Some(image)
            if image.starts_with("skypilot:") || image.starts_with("ami-") || image.starts_with("projects/") =>
        {
            warnings
                .push(format!("`resources.image_id`: `{image}` is an image of a machine; the default image is used"));
            None
        }
        Some(image) => Some(image.clone()),
        None if images.is_empty() => None,
        None => {
            let message = "images of machines by region have no meaning here: write a container image";
            refusals.add(&["resources", "image_id"], message);
            None
        }
    }
}
