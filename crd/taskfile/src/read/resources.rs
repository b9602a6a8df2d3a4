//! What a node needs: one set of fields.

use super::{accelerators, accelerators::Choice, amounts, infra, json, policies};
use crate::{
    fields::{Fields, Read, boolean, whole, word},
    task::{Accelerator, Infra, Resources},
    yaml::{Node, Value},
};

/// Fields that one alternative has as well.
pub(super) const FIELDS: [&str; 30] = [
    "infra",
    "cloud",
    "region",
    "zone",
    "cpus",
    "memory",
    "accelerators",
    "gpus",
    "accelerator_args",
    "instance_type",
    "use_spot",
    "job_recovery",
    "disk_size",
    "ephemeral_storage",
    "disk_tier",
    "network_tier",
    "local_disk",
    "max_hourly_cost",
    "ports",
    "image_id",
    "labels",
    "autostop",
    "priority",
    "priority_class",
    "hooks",
    "volumes",
    // SkyPilot writes these itself, when one of its machines tells another about a task.
    "_cluster_config_overrides",
    "_docker_login_config",
    "_is_image_managed",
    "_requires_fuse",
];

/// SkyPilot's size of a disk when none is given: giving it is the same as giving none.
const DEFAULT_DISK: i64 = 256;

/// One set of needs, and its accelerators if there are several to choose from.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> (Resources, Option<Choice>) {
    let (accelerators, choice) = accelerators_of(fields);
    for (name, message) in [
        ("hooks", "belongs under `config.hooks`, at the top of the file"),
        ("volumes", "are disks of a machine on Google's cloud: name a volume under `volumes` at the top of the file"),
    ] {
        if fields.get(name).is_some() {
            fields.invalid(name, message);
        }
    }
    let infra = infra::read(fields);
    let instance_type = instance_type(fields, &infra);
    let old_disk_size = fields.read("ephemeral_storage", amounts::disk_size);
    let disk_size = fields.read("disk_size", amounts::disk_size).or(old_disk_size);
    let tier = |words: &'static [&'static str]| move |node: &Node| word(node, words).map(str::to_owned);
    let resources = Resources {
        infra,
        cpus: fields.read("cpus", amounts::cpus),
        memory: fields.read("memory", amounts::memory),
        accelerators,
        accelerator_args: fields.read("accelerator_args", json::map).unwrap_or_default(),
        instance_type,
        use_spot: fields.read("use_spot", boolean),
        job_recovery: fields.nested("job_recovery", policies::job_recovery).flatten(),
        disk_size: disk_size.filter(|size| *size != DEFAULT_DISK),
        disk_tier: fields.read("disk_tier", tier(&["low", "medium", "high", "ultra", "best"])),
        network_tier: fields.read("network_tier", tier(&["standard", "best"])),
        local_disk: fields.text("local_disk"),
        max_hourly_cost: fields.read("max_hourly_cost", cost),
        ports: fields.read("ports", amounts::ports).unwrap_or_default(),
        image_id: fields.read("image_id", policies::image).unwrap_or_default(),
        labels: fields.nested("labels", policies::labels).unwrap_or_default(),
        autostop: fields.nested("autostop", policies::autostop).flatten(),
        priority: fields.read("priority", |node| whole(node, -1000, 1000)),
        priority_class: fields.text("priority_class"),
    };
    (resources, choice)
}

fn accelerators_of(fields: &mut Fields<'_, '_>) -> (Option<Accelerator>, Option<Choice>) {
    let name = match (fields.get("accelerators"), fields.get("gpus")) {
        (Some(_), Some(_)) => {
            fields.invalid("gpus", "is another name of `accelerators`: write one or the other");
            return (None, None);
        }
        (None, Some(_)) => "gpus",
        _ => "accelerators",
    };
    match fields.read(name, accelerators::choice) {
        Some(Choice::Set(mut all) | Choice::List(mut all)) if all.len() == 1 => (all.pop(), None),
        several => (None, several),
    }
}

/// On Kubernetes a type of machine is made of its size: `4CPU--16GB--V100:1`.
fn instance_type(fields: &mut Fields<'_, '_>, infra: &Infra) -> Option<String> {
    let given = fields.text("instance_type")?;
    if infra.cloud.as_deref() == Some("kubernetes") && virtual_machine(&given).is_none() {
        fields.invalid(
            "instance_type",
            format!("`{given:.40}` is no type of Kubernetes' machines: write for example `4CPU--16GB`, or `cpus` and `memory`"),
        );
    }
    Some(given)
}

/// Cores, gigabytes and accelerators of a type of machine that is made of its size.
pub(crate) fn virtual_machine(name: &str) -> Option<(f64, f64, Option<Accelerator>)> {
    let mut parts = name.splitn(3, "--");
    let cpus = parts.next()?.strip_suffix("CPU")?.parse().ok().filter(|cpus: &f64| *cpus > 0.0)?;
    let memory = parts.next()?.strip_suffix("GB")?.parse().ok().filter(|memory: &f64| *memory > 0.0)?;
    let Some(accelerator) = parts.next() else { return Some((cpus, memory, None)) };
    match accelerators::choice(&Node::new(Value::Text(accelerator.to_owned()))).ok()? {
        Choice::Set(mut all) | Choice::List(mut all) => Some((cpus, memory, all.pop())),
    }
}

fn cost(node: &Node) -> Read<f64> {
    let cost = crate::fields::number(node)?;
    if cost > 0.0 { Ok(cost) } else { Err(format!("must be greater than zero, not {}", node.to_text())) }
}
