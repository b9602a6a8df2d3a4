//! Where a task may run: `infra`, or `cloud`, `region` and `zone` of old.

use crate::{
    fields::{Fields, Read, text},
    task::Infra,
    yaml::Node,
};

/// Clouds that SkyPilot knows. `k8s` is short for the last only in `infra`.
const CLOUDS: [&str; 25] = [
    "aws",
    "azure",
    "gcp",
    "ibm",
    "lambda",
    "scp",
    "oci",
    "runpod",
    "vast",
    "vsphere",
    "cudo",
    "fluidstack",
    "paperspace",
    "primeintellect",
    "do",
    "nebius",
    "ssh",
    "slurm",
    "hyperbolic",
    "seeweb",
    "shadeform",
    "verda",
    "mithril",
    "yotta",
    "kubernetes",
];

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Infra {
    let old = ["cloud", "region", "zone"].into_iter().find(|name| fields.get(name).is_some());
    match (fields.get("infra").is_some(), old) {
        (true, Some(old)) => {
            fields.invalid(old, "is part of `infra`: write one or the other");
            Infra::default()
        }
        (true, None) => fields.read("infra", infra).unwrap_or_default(),
        (false, _) => Infra {
            cloud: fields.read("cloud", |node| cloud(&text(node)?)),
            region: fields.text("region").filter(|region| !region.is_empty()),
            zone: fields.text("zone").filter(|zone| !zone.is_empty()),
        },
    }
}

/// `k8s`, `k8s/context`, `aws/us-east-1/us-east-1a`, `*/region`.
pub(super) fn infra(node: &Node) -> Read<Infra> {
    let given = text(node)?;
    let first = given.split('/').next().unwrap_or_default();
    let parts: Vec<&str> = given.split('/').map(str::trim).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!("`{given:.80}` has an empty part: write for example `k8s` or `k8s/context`"));
    }
    let named = |index: usize| parts.get(index).filter(|part| **part != "*").map(|part| (*part).to_owned());
    if first.eq_ignore_ascii_case("k8s") || first.eq_ignore_ascii_case("kubernetes") {
        // A context may have slashes in its name.
        let context = parts[1..].join("/");
        let region = Some(context).filter(|context| !context.is_empty() && context != "*");
        return Ok(Infra { cloud: Some("kubernetes".to_owned()), region, zone: None });
    }
    if parts.len() > 3 {
        return Err(format!("`{given:.80}` has too many parts: write `cloud/region/zone`"));
    }
    let cloud = if first == "*" { None } else { Some(cloud(first)?) };
    Ok(Infra { cloud, region: named(1), zone: named(2) })
}

fn cloud(name: &str) -> Read<String> {
    let known = CLOUDS.iter().find(|cloud| cloud.eq_ignore_ascii_case(name));
    known.map(|cloud| (*cloud).to_owned()).ok_or_else(|| format!("`{name:.80}` is no cloud: write `kubernetes`"))
}
