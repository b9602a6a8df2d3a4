//! The ports that rank 0 serves: one Service, which may be a load balancer's, and an Ingress to it if there is to be one.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{ResourceExt, core::ObjectMeta};
use serde::Serialize;
use sky_crd::{
    label,
    quantity::int_or_string_text,
    short_hash,
    task::{Endpoint, ExposeType},
};

use super::{ValidTask, child, expose};
use crate::plan::Write;

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
    let read = ports.iter().map(int_or_string_text).map(|text| range(&text)).collect::<Result<Vec<_>, _>>()?;
    let merged = merged(read);
    let count = count(&merged);
    if count > MAX_PORTS { Err(InvalidPorts::TooMany(count)) } else { Ok(merged) }
}

fn merged(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn range(text: &str) -> Result<(u16, u16), InvalidPorts> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(InvalidPorts::Unreadable(text.chars().take(80).collect())),
    }
}

/// How many ports these are.
pub(super) fn count(ranges: &[(u16, u16)]) -> usize {
    ranges.iter().map(|(first, last)| usize::from(last - first) + 1).sum()
}

/// Every port of these ranges.
pub(super) fn numbers(ranges: &[(u16, u16)]) -> Vec<u16> {
    ranges.iter().flat_map(|(first, last)| *first..=*last).collect()
}

/// These ports in words, those that touch as one.
pub(super) fn ranges_of(numbers: impl IntoIterator<Item = u16>) -> Vec<String> {
    told(&merged(numbers.into_iter().map(|number| (number, number)).collect()))
}

/// What the ports of a task are reached by, in the order in which it is made.
pub(super) fn writes(task: &ValidTask) -> Vec<Write> {
    let service = service(task).map(|service| Write::PutService(Box::new(formed(service))));
    let ingress = expose::ingress(task).map(|ingress| Write::PutIngress(Box::new(formed(ingress))));
    service.into_iter().chain(ingress).collect()
}

/// The end of the Service of a task that had ports in an earlier attempt and has none any more.
pub(super) fn closed(task: &ValidTask) -> Option<Write> {
    (task.ports.is_empty() && !task.status.endpoints.is_empty()).then(|| Write::DeleteExtras {
        services: vec![task.names.ports()],
        scripts: Vec::new(),
        owner: task.owner.uid.clone(),
    })
}

/// The metadata of what the ports are reached by from outside: the administrator's annotations, and the task's own over
/// them.
pub(super) fn metadata(task: &ValidTask, annotations: &[(String, String)]) -> ObjectMeta {
    let own = task.spec.expose.iter().flat_map(|expose| expose.annotations.clone());
    let all: BTreeMap<_, _> = annotations.iter().cloned().chain(own).collect();
    ObjectMeta { annotations: Some(all).filter(|all| !all.is_empty()), ..child::metadata(task, task.names.ports()) }
}

/// The object, which carries a hash of all that was asked for: another one of that name is an older attempt's.
fn formed<K: Serialize + ResourceExt>(mut object: K) -> K {
    // What Kubernetes' own types hold is always JSON.
    let form = short_hash(&serde_json::to_string(&object).unwrap_or_default());
    object.annotations_mut().insert(label::FORM.to_owned(), form);
    object
}

/// The Service, for tasks with ports. Only rank 0 is behind it, as in SkyPilot: its head node serves, from the moment it
/// listens on: its container may be ready a little later, or not count as ready in setup.
fn service(task: &ValidTask) -> Option<Service> {
    let selector = BTreeMap::from([
        (label::TASK_ID.to_owned(), task.id.to_string()),
        (label::USER_HASH.to_owned(), task.user.hash()),
        (label::NODE_INDEX.to_owned(), "0".to_owned()),
    ]);
    let port = |number: u16| ServicePort {
        name: Some(format!("port-{number}")),
        port: number.into(),
        ..ServicePort::default()
    };
    let inside = ServiceSpec {
        ports: Some(numbers(&task.ports).into_iter().map(port).collect()),
        publish_not_ready_addresses: Some(true),
        selector: Some(selector),
        ..ServiceSpec::default()
    };
    let balancers = &task.expose.load_balancer;
    let (metadata, spec) = match task.exposed {
        ExposeType::ClusterIP | ExposeType::Ingress => (child::metadata(task, task.names.ports()), inside),
        ExposeType::LoadBalancer => {
            let ranges = Some(balancers.source_ranges.clone()).filter(|ranges| !ranges.is_empty());
            let outside = ServiceSpec {
                type_: Some("LoadBalancer".to_owned()),
                load_balancer_class: balancers.class.clone(),
                load_balancer_source_ranges: ranges,
                ..inside
            };
            (metadata(task, &balancers.annotations), outside)
        }
    };
    (!task.ports.is_empty()).then(|| Service { metadata, spec: Some(spec), ..Service::default() })
}

/// Where the ports are reached inside the cluster.
pub(super) fn inside(task: &ValidTask) -> Vec<Endpoint> {
    let endpoint = || Endpoint {
        kind: ExposeType::ClusterIP.as_str().to_owned(),
        address: format!("{}.{}.svc", task.names.ports(), task.owner.namespace),
        ports: told(&task.ports),
        message: None,
    };
    if task.ports.is_empty() { Vec::new() } else { vec![endpoint()] }
}

fn told(ranges: &[(u16, u16)]) -> Vec<String> {
    let range = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(range).collect()
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
