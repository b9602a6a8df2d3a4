//! What a node needs: one set of fields.

use std::collections::BTreeMap;

use super::{accelerators, accelerators::Choice, amounts, disks, infra, json, policies};
use crate::{
    fields::{Fields, Read, boolean, whole, word},
    problem::Problems,
    task::{Accelerator, Infra, Resources},
    yaml::Node,
};

/// Fields that one alternative has as well.
pub(super) const FIELDS: [&str; 31] = [
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
    "_no_missing_accel_warnings",
    "_requires_fuse",
];

/// SkyPilot's size of a disk when none is given: giving it is the same as giving none.
const DEFAULT_DISK: i64 = 256;

/// One set of needs, and its accelerators if there are several to choose from.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> (Resources, Option<Choice>) {
    let (accelerators, choice) = accelerators_of(fields);
    if fields.get("hooks").is_some() {
        fields.invalid("hooks", "belongs under `config.hooks`, at the top of the file");
    }
    let infra = infra::read(fields);
    let instance_type = instance_type(fields, &infra);
    let old_disk_size = fields.read("ephemeral_storage", amounts::disk_size);
    let disk_size = fields.read("disk_size", amounts::disk_size).or(old_disk_size);
    let tier = |words: &'static [&'static str]| move |node: &Node| word(node, words).map(str::to_owned);
    let image_id = image(fields, &infra);
    let resources = Resources {
        infra,
        cpus: fields.read("cpus", amounts::cpus),
        memory: fields.read("memory", amounts::memory),
        accelerators,
        accelerator_args: fields.nested("accelerator_args", accelerator_args).unwrap_or_default(),
        instance_type,
        use_spot: fields.read("use_spot", boolean),
        job_recovery: fields.nested("job_recovery", policies::job_recovery).flatten(),
        disk_size: disk_size.filter(|size| *size != DEFAULT_DISK),
        disk_tier: fields.read("disk_tier", tier(&["low", "medium", "high", "ultra", "best"])),
        network_tier: fields.read("network_tier", tier(&["standard", "best"])),
        local_disk: fields.read("local_disk", amounts::local_disk),
        max_hourly_cost: fields.read("max_hourly_cost", cost),
        ports: fields.read("ports", amounts::ports).unwrap_or_default(),
        image_id,
        labels: fields.nested("labels", policies::labels).unwrap_or_default(),
        autostop: fields.nested("autostop", policies::autostop).flatten(),
        priority: fields.read("priority", |node| whole(node, -1000, 1000)),
        priority_class: fields.text("priority_class").filter(|class| !class.is_empty()),
        disks: fields.nested("volumes", disks::read).unwrap_or_default(),
    };
    (resources, choice)
}

/// The one image of a task that names its region is that region's, which is what a region is for.
fn image(fields: &mut Fields<'_, '_>, infra: &Infra) -> BTreeMap<String, String> {
    let mut images = fields.read("image_id", policies::image).unwrap_or_default();
    if let (Some(region), Some(image), 1) = (&infra.region, images.get("").cloned(), images.len()) {
        images = BTreeMap::from([(region.clone(), image)]);
    }
    images
}

/// What SkyPilot knows of TPUs.
fn accelerator_args(path: &str, node: &Node, problems: &mut Problems) -> serde_json::Map<String, serde_json::Value> {
    let known = ["runtime_version", "tpu_name", "tpu_vm", "gcp_queued_resource"];
    let mut fields = Fields::strict(path, node, &known, problems);
    for name in ["runtime_version", "tpu_name"] {
        fields.text(name);
    }
    for name in ["tpu_vm", "gcp_queued_resource"] {
        fields.read(name, boolean);
    }
    json::map(node).unwrap_or_default()
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
    let size = |text: &str| {
        // Digits with a point among them, and no other spelling of a number.
        let whole = text.split_once('.').map_or((text, "0"), |parts| parts);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if digits(whole.0) && digits(whole.1) { text.parse().ok().filter(|size: &f64| *size > 0.0) } else { None }
    };
    let mut parts = name.splitn(3, "--");
    let cpus = size(parts.next()?.strip_suffix("CPU")?)?;
    let memory = size(parts.next()?.strip_suffix("GB")?)?;
    let Some(accelerator) = parts.next() else { return Some((cpus, memory, None)) };
    let (model, count) = accelerator.split_once(':')?;
    let is_model = !model.is_empty() && model.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    let count = count.parse::<u32>().ok().filter(|count| is_model && *count > 0)?;
    Some((cpus, memory, Some(Accelerator { name: Some(model.to_owned()), count: count.into() })))
}

fn cost(node: &Node) -> Read<f64> {
    let cost = crate::fields::number(node)?;
    if cost > 0.0 { Ok(cost) } else { Err(format!("must be greater than zero, not {}", node.to_text())) }
}
