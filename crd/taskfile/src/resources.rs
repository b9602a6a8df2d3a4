//! The task's `resources`.

use sky_crd::{accelerator::Accelerator, api::ResourcesRequest, quantity::Amount};

use crate::{
    Problem,
    fields::{Fields, Names, text},
    yaml::Node,
};

const NAMES: Names = Names {
    known: &["cpus", "memory", "accelerators", "instance_type", "use_spot", "disk_size", "ports", "image_id"],
    unsupported: &[
        "infra",
        "cloud",
        "region",
        "zone",
        "any_of",
        "ordered",
        "labels",
        "autostop",
        "job_recovery",
        "priority",
        "priority_class",
        "disk_tier",
        "network_tier",
        "local_disk",
        "ephemeral_storage",
        "max_hourly_cost",
        "accelerator_args",
        "volumes",
        "hooks",
        "_cluster_config_overrides",
    ],
};

/// Longest range of ports: more is a mistake in one of its ends.
const MAX_PORTS: i64 = 1000;

pub(crate) fn read(entries: &[(String, Node)], problems: &mut Vec<Problem>) -> ResourcesRequest {
    let mut fields = Fields::new("resources.", entries, &NAMES, problems);
    ResourcesRequest {
        cpus: fields.read("cpus", |node| amount(node, Amount::cpus)),
        memory: fields.read("memory", |node| amount(node, Amount::memory)),
        accelerators: fields.read("accelerators", accelerators),
        instance_type: fields.text("instance_type"),
        use_spot: fields.read("use_spot", |node| match node {
            Node::Bool(value) => Ok(*value),
            other => Err(format!("must be true or false, not {}", other.kind())),
        }),
        disk_size: fields.read("disk_size", disk_size),
        ports: fields.read("ports", ports).unwrap_or_default(),
        image_id: fields.read("image_id", image),
    }
}

/// A number or text that `check` accepts, as text.
fn amount<E: ToString>(node: &Node, check: fn(&str) -> Result<Amount, E>) -> Result<String, String> {
    let text = match node {
        Node::Int(_) | Node::Float(_) | Node::Text(_) => plain_number(node).unwrap_or_default(),
        other => return Err(format!("must be a number or text, not {}", other.kind())),
    };
    check(&text).map(|_| text).map_err(|error| error.to_string())
}

/// As [`Node::scalar_text`], but `4.0` is `4`: a Kubernetes quantity has no use for the zero.
fn plain_number(node: &Node) -> Option<String> {
    node.scalar_text().map(|text| match (node, text.strip_suffix(".0")) {
        (Node::Float(_), Some(whole)) => whole.to_owned(),
        _ => text,
    })
}

/// `H100:8`, `1`, `{H100: 8}`, `[A100, H100]`: alternatives are separated by commas.
fn accelerators(node: &Node) -> Result<String, String> {
    let alternatives: Vec<String> = match node {
        Node::Int(_) | Node::Text(_) => node.scalar_text().into_iter().collect(),
        Node::List(items) => items.iter().map(text).collect::<Result<_, _>>()?,
        Node::Map(entries) => entries.iter().map(model_and_count).collect::<Result<_, _>>()?,
        other => return Err(format!("must be text such as `H100:8`, a mapping or a list, not {}", other.kind())),
    };
    if alternatives.is_empty() {
        return Err("is empty: write for example `H100:8`, or leave the field out".to_owned());
    }
    for alternative in alternatives.iter().flat_map(|text| text.split(',')) {
        alternative.parse::<Accelerator>().map_err(|error| error.to_string())?;
    }
    Ok(alternatives.join(","))
}

fn model_and_count((model, count): &(String, Node)) -> Result<String, String> {
    match count {
        Node::Null => Ok(model.clone()),
        Node::Int(_) | Node::Float(_) => Ok(format!("{model}:{}", plain_number(count).unwrap_or_default())),
        other => Err(format!("the count of `{model}` must be a number, not {}", other.kind())),
    }
}

/// Gigabytes: `256`, `"256"`, `256GB`, `1TB`.
fn disk_size(node: &Node) -> Result<i64, String> {
    let refuse = || "must be a whole number of gigabytes, such as `256`".to_owned();
    let text = match node {
        Node::Int(_) | Node::Float(_) | Node::Text(_) => plain_number(node).unwrap_or_default().to_ascii_lowercase(),
        other => return Err(format!("{}, not {}", refuse(), other.kind())),
    };
    let text = text.trim();
    let units = [("gi", 1), ("gb", 1), ("g", 1), ("ti", 1024), ("tb", 1024), ("t", 1024), ("", 1)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor))).ok_or_else(refuse)?;
    let gigabytes: i64 = number.trim().parse().map_err(|_| refuse())?;
    gigabytes.checked_mul(factor).filter(|size| *size > 0).ok_or_else(refuse)
}

/// `8080`, `"8080"`, `8080-8090`, `"80,443"`, and lists of these.
fn ports(node: &Node) -> Result<Vec<i64>, String> {
    match node {
        Node::Int(_) | Node::Text(_) => {
            let text = node.scalar_text().unwrap_or_default();
            text.split(',').map(|part| port_range(part.trim())).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
        }
        Node::List(items) => items.iter().map(ports).collect::<Result<Vec<_>, _>>().map(|all| all.concat()),
        other => Err(format!("must be a port, a range such as `8080-8090` or a list of them, not {}", other.kind())),
    }
}

fn port_range(text: &str) -> Result<Vec<i64>, String> {
    let port = |text: &str| text.trim().parse::<i64>().ok().filter(|port| (1..=65535).contains(port));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last && last - first < MAX_PORTS => Ok((first..=last).collect()),
        (Some(first), Some(last)) if first <= last => Err(format!("`{text}` is more than {MAX_PORTS} ports")),
        _ => Err(format!("`{text}` is no port from 1 to 65535 and no range of them")),
    }
}

fn image(node: &Node) -> Result<String, String> {
    match node {
        Node::Map(entries) => match entries.iter().find(|(key, _)| key == "docker") {
            Some((_, image)) => text(image),
            None => Err("a machine image per region has no meaning here: write a container image".to_owned()),
        },
        other => text(other),
    }
}
