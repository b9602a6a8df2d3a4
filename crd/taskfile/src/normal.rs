//! The normal form as data, in SkyPilot's own shape: what `validate` and dry runs show, and what reads back as the same
//! task.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value as Json, json};

use crate::{
    Accelerator, Alternatives, Autostop, FileMount, Infra, Pool, PortRange, Quantity, Resources, Service, Storage,
    StorageMode, Task, VolumeMount, Workdir, print,
};

impl Task {
    /// The task as SkyPilot would write it: fields that say nothing are left out.
    pub fn normalize(&self) -> Map<String, Json> {
        let mut out = Map::new();
        let mut put = |name: &str, value: Option<Json>| drop(value.map(|value| out.insert(name.to_owned(), value)));
        put("name", text(self.name.as_ref()));
        put("resources", Some(alternatives(&self.resources)));
        put("num_nodes", Some(self.num_nodes.into()));
        put("workdir", self.workdir.as_ref().map(workdir));
        put("envs", some_map(&self.envs));
        put("secrets", secrets(&self.secrets));
        put("managed_secrets", managed(self));
        put("file_mounts", Some(entries(&self.file_mounts, file_mount)));
        put("volumes", Some(entries(&self.volumes, volume)));
        put("setup", text(self.setup.as_ref()));
        put("run", text(self.run.as_ref()));
        put("config", some_object(&self.config));
        put("service", self.service.as_ref().map(service));
        put("pool", self.pool.as_ref().map(|Pool { fields }| Json::Object(fields.clone())));
        put("event_callback", text(self.event_callback.as_ref()));
        put("inputs", self.inputs.as_ref().map(|(address, size)| json!({ address: size })));
        put("outputs", self.outputs.as_ref().map(|(address, size)| json!({ address: size })));
        // Access is what SkyPilot gives when nothing is said.
        put("api_server_access", self.api_server_access.filter(|access| !access).map(Json::Bool));
        out
    }

    /// The task as a file that reads back as the same task.
    pub fn to_yaml(&self) -> String {
        print::document(&self.normalize())
    }
}

fn text(text: Option<&String>) -> Option<Json> {
    text.map(|text| Json::String(text.clone()))
}

fn some_map(map: &BTreeMap<String, String>) -> Option<Json> {
    if map.is_empty() { None } else { Some(json!(map)) }
}

fn some_object(map: &Map<String, Json>) -> Option<Json> {
    if map.is_empty() { None } else { Some(Json::Object(map.clone())) }
}

fn entries<T>(map: &BTreeMap<String, T>, value: fn(&T) -> Json) -> Json {
    map.iter().map(|(key, entry)| (key.clone(), value(entry))).collect::<Map<_, _>>().into()
}

fn workdir(workdir: &Workdir) -> Json {
    match workdir {
        Workdir::Path(path) => json!(path),
        Workdir::Git { url, reference: None } => json!({ "url": url }),
        Workdir::Git { url, reference: Some(reference) } => json!({"url": url, "ref": reference}),
    }
}

fn reference(name: &String) -> Json {
    Json::String(format!("secrets:{name}"))
}

/// Names alone are a list. With values among them, values are a mapping and names are managed elsewhere.
fn secrets(secrets: &BTreeMap<String, Option<String>>) -> Option<Json> {
    if secrets.is_empty() {
        return None;
    }
    if secrets.values().all(Option::is_none) {
        return Some(secrets.keys().map(reference).collect::<Vec<_>>().into());
    }
    let entry = |(name, value): (&String, &Option<String>)| Some((name.clone(), json!(value.as_ref()?)));
    Some(secrets.iter().filter_map(entry).collect::<Map<_, _>>().into())
}

fn managed(task: &Task) -> Option<Json> {
    let mounted = task.managed_secrets.iter().map(|(name, path)| json!({ name: {"mount_path": path} }));
    let beside_values = task.secrets.values().any(Option::is_some);
    let names = task.secrets.iter().filter(|(_, value)| beside_values && value.is_none()).map(|(name, _)| name);
    let all: Vec<Json> = mounted.chain(names.map(reference)).collect();
    if all.is_empty() { None } else { Some(all.into()) }
}

fn file_mount(mount: &FileMount) -> Json {
    let storage = match mount {
        FileMount::Source(source) => return json!(source),
        FileMount::Storage(storage) => storage,
    };
    let Storage { name, source, source_is_list, store, persistent, mode, kind, config } = storage;
    let mode = match mode {
        StorageMode::Mount => "MOUNT",
        StorageMode::Copy => "COPY",
        StorageMode::MountCached => "MOUNT_CACHED",
    };
    let source = match source.as_slice() {
        [one] if !source_is_list => Some(json!(one)),
        [] if !source_is_list => None,
        several => Some(json!(several)),
    };
    object([
        ("name", text(name.as_ref())),
        ("source", source),
        ("store", text(store.as_ref())),
        ("persistent", Some(Json::Bool(*persistent))),
        ("mode", Some(json!(mode))),
        ("type", text(kind.as_ref())),
        ("config", some_object(config)),
    ])
}

fn volume(mount: &VolumeMount) -> Json {
    match mount {
        VolumeMount::Named { name, sub_path: None } => json!(name),
        VolumeMount::Named { name, sub_path: Some(path) } => json!({"name": name, "sub_path": path}),
        VolumeMount::Ephemeral { size, kind, labels, config } => object([
            ("size", Some(size.parse::<u64>().map_or_else(|_| json!(size), Json::from))),
            ("type", text(kind.as_ref())),
            ("labels", some_map(labels)),
            ("config", some_object(config)),
        ]),
    }
}

fn service(service: &Service) -> Json {
    if let Some(Pool { fields }) = &service.pool {
        return json!({ "pool": fields });
    }
    let (probe, replicas) = (&service.readiness_probe, &service.replicas);
    let mut out = Map::new();
    let mut check = Map::new();
    check.insert("path".to_owned(), json!(probe.path));
    check.insert("initial_delay_seconds".to_owned(), number(probe.initial_delay_seconds));
    check.insert("timeout_seconds".to_owned(), number(probe.timeout_seconds));
    check.extend(probe.rest.clone());
    let mut policy = Map::from_iter([("min_replicas".to_owned(), json!(replicas.min))]);
    policy.extend(replicas.max.map(|max| ("max_replicas".to_owned(), json!(max))));
    policy.extend(replicas.rest.clone());
    out.insert("readiness_probe".to_owned(), check.into());
    out.insert("replica_policy".to_owned(), policy.into());
    out.extend(service.rest.clone());
    out.into()
}

fn alternatives(alternatives: &Alternatives) -> Json {
    let all = || alternatives.all().iter().map(resources).collect::<Vec<_>>();
    match alternatives {
        Alternatives::One(one) => resources(one),
        Alternatives::AnyOf(_) => json!({ "any_of": all() }),
        Alternatives::Ordered(_) => json!({ "ordered": all() }),
    }
}

fn resources(one: &Resources) -> Json {
    let infra = one.infra.to_string();
    let image = match one.image_id.get("") {
        Some(image) if one.image_id.len() == 1 => Some(json!(image)),
        _ => some_map(&one.image_id),
    };
    let recovery = one.job_recovery.as_ref().map(|recovery| {
        object([
            ("strategy", Some(json!(recovery.strategy))),
            ("max_restarts_on_errors", recovery.max_restarts_on_errors.map(Json::from)),
            (
                "recover_on_exit_codes",
                Some(&recovery.recover_on_exit_codes).filter(|c| !c.is_empty()).map(|c| json!(c)),
            ),
        ])
    });
    let ports: Vec<String> = one.ports.iter().map(PortRange::to_string).collect();
    object([
        ("infra", Some(infra).filter(|infra| !infra.is_empty()).map(Json::String)),
        ("cpus", one.cpus.as_ref().map(quantity)),
        ("memory", one.memory.as_ref().map(quantity)),
        ("accelerators", one.accelerators.as_ref().map(accelerator)),
        ("accelerator_args", some_object(&one.accelerator_args)),
        ("instance_type", text(one.instance_type.as_ref())),
        ("use_spot", one.use_spot.map(Json::Bool)),
        ("job_recovery", recovery),
        ("disk_size", one.disk_size.map(Json::from)),
        ("disk_tier", text(one.disk_tier.as_ref())),
        ("network_tier", text(one.network_tier.as_ref())),
        ("local_disk", text(one.local_disk.as_ref())),
        ("max_hourly_cost", one.max_hourly_cost.map(number)),
        ("ports", Some(ports).filter(|ports| !ports.is_empty()).map(|ports| json!(ports))),
        ("image_id", image),
        ("labels", some_map(&one.labels)),
        ("autostop", one.autostop.as_ref().map(autostop)),
        ("priority", one.priority.map(Json::from)),
        ("priority_class", text(one.priority_class.as_ref())),
        ("volumes", Some(&one.disks).filter(|disks| !disks.is_empty()).map(|disks| json!(disks))),
    ])
}

fn quantity(quantity: &Quantity) -> Json {
    match quantity {
        Quantity::Number { value, at_least } => {
            let digits = number(*value).to_string();
            // Text as Python's `float()` reads it, which takes an exponent without a point.
            Json::String(format!("{digits}{}", if *at_least { "+" } else { "" }))
        }
        Quantity::PerCore { gigabytes } => Json::String(format!("{}x", number(*gigabytes))),
        Quantity::Kubernetes(text) => json!(text),
    }
}

fn accelerator(one: &Accelerator) -> Json {
    match &one.name {
        Some(name) => json!({ name: number(one.count) }),
        None => json!(number(one.count).to_string()),
    }
}

fn autostop(autostop: &Autostop) -> Json {
    match autostop {
        Autostop::Never => Json::Bool(false),
        Autostop::After { idle_minutes, down, wait_for } => object([
            ("idle_minutes", Some(json!(idle_minutes))),
            ("down", Some(Json::Bool(*down))),
            ("wait_for", wait_for.map(|word| json!(word.word()))),
        ]),
    }
}

/// A whole number without a point, if it is one.
fn number(value: f64) -> Json {
    #[allow(clippy::cast_possible_truncation, reason = "far from the bounds of an i64")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    let field = |(name, value): (&str, Option<Json>)| value.map(|value| (name.to_owned(), value));
    fields.into_iter().filter_map(field).collect::<Map<_, _>>().into()
}

impl fmt::Display for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(out, "{}", self.first)
        } else {
            write!(out, "{}-{}", self.first, self.last)
        }
    }
}

/// `kubernetes/context`, `*/region`; empty for anywhere.
impl fmt::Display for Infra {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.cloud.as_deref(), self.region.as_deref(), self.zone.as_deref()];
        while parts.last().is_some_and(Option::is_none) {
            parts.pop();
        }
        out.write_str(&parts.into_iter().map(|part| part.unwrap_or("*")).collect::<Vec<_>>().join("/"))
    }
}
