//! The ports that rank 0 serves: one Service inside the cluster.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use sky_crd::{label, quantity::int_or_string_text, task::Endpoint};

use super::{ValidTask, child};

/// Most ports of a task: more is a mistake in one end of a range.
const MAX_PORTS: usize = 256;

/// Why ports cannot be served. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPorts {
    /// No number and no range.
    #[error("spec.resources.ports: `{0}` is no port from 1 to 65535 and no range of them, such as `9000-9010`")]
    Unreadable(String),
    /// A long range.
    #[error("spec.resources.ports: {0} ports are too many: at most {MAX_PORTS}")]
    TooMany(usize),
}

/// First and last port of each range, sorted, those that touch as one.
///
/// # Errors
/// The first text that is no port, or too many of them.
pub fn ranges(ports: &[IntOrString]) -> Result<Vec<(u16, u16)>, InvalidPorts> {
    let mut read = ports.iter().map(int_or_string_text).map(|text| range(&text)).collect::<Result<Vec<_>, _>>()?;
    read.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in read {
        match merged.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    let count = merged.iter().map(|(first, last)| usize::from(last - first) + 1).sum();
    if count > MAX_PORTS { Err(InvalidPorts::TooMany(count)) } else { Ok(merged) }
}

fn range(text: &str) -> Result<(u16, u16), InvalidPorts> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(InvalidPorts::Unreadable(text.chars().take(80).collect())),
    }
}

/// The Service, for tasks with ports. Only rank 0 is behind it, as in SkyPilot: its head node serves, from the moment it
/// listens on: its container may be ready a little later, or not count as ready in setup.
pub(super) fn service(task: &ValidTask) -> Option<Service> {
    let selector = BTreeMap::from([
        (label::TASK_ID.to_owned(), task.id.to_string()),
        (label::USER_HASH.to_owned(), task.user.hash()),
        (label::NODE_INDEX.to_owned(), "0".to_owned()),
    ]);
    let numbers = task.ports.iter().flat_map(|(first, last)| *first..=*last);
    let port = |number: u16| ServicePort {
        name: Some(format!("port-{number}")),
        port: number.into(),
        ..ServicePort::default()
    };
    (!task.ports.is_empty()).then(|| Service {
        metadata: child::metadata(task, task.names.ports()),
        spec: Some(ServiceSpec {
            ports: Some(numbers.map(port).collect()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// Where the ports are reached.
pub(super) fn endpoints(task: &ValidTask) -> Vec<Endpoint> {
    let range = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let endpoint = || Endpoint {
        kind: "ClusterIP".to_owned(),
        address: format!("{}.{}.svc", task.names.ports(), task.owner.namespace),
        ports: task.ports.iter().map(range).collect(),
    };
    if task.ports.is_empty() { Vec::new() } else { vec![endpoint()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<(u16, u16)>, InvalidPorts> {
        ranges(&texts.iter().map(|text| IntOrString::String((*text).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_and_ranges() {
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(read(&["9001", "8080", "9000-9002", "9003"]), Ok(vec![(8080, 8080), (9000, 9003)]));
        assert_eq!(ranges(&[IntOrString::Int(80)]), Ok(vec![(80, 80)]));
        for bad in ["", "0", "65536", "http", "9-8", "-", "1-"] {
            assert!(matches!(read(&[bad]), Err(InvalidPorts::Unreadable(_))), "{bad}");
        }
        assert_eq!(read(&["1-1000"]), Err(InvalidPorts::TooMany(1000)));
    }
}
