//! Where ports are reached, as the cluster has it; and which of our load balancers and ingresses may not be there.

use k8s_openapi::api::{
    core::v1::Service,
    networking::v1::{HTTPIngressPath, Ingress},
};
use kube::{Resource, ResourceExt as _};
use sky_crd::task::{Endpoint, ExposeType, SkyTaskStatus};

use crate::{
    owner::Owner,
    plan::{AddressKind, Write},
    task::{ObservedTask, ValidTask, Warning, is_finished, is_suspended, ports},
};

/// Longest text from elsewhere in an endpoint's message, in characters.
const MAX_WORDS: usize = 600;

/// How the ports of an attempt that has begun are reached.
pub(super) fn of_attempt(status: &SkyTaskStatus) -> ExposeType {
    let kinds = status.endpoints.iter().filter_map(|endpoint| ExposeType::from_text(&endpoint.kind));
    kinds.max().unwrap_or_default()
}

/// Where the ports are reached: outside of the cluster as the cluster has it now, inside as it was decided when the
/// attempt began (`begins`).
pub(in crate::task) fn endpoints(task: &ValidTask, observed: &ObservedTask, begins: bool) -> Vec<Endpoint> {
    let known = |inside: bool| {
        let recorded = task.status.endpoints.iter().filter(move |endpoint| is_inside(endpoint) == inside);
        recorded.cloned().collect::<Vec<_>>()
    };
    let outside = match task.exposed {
        ExposeType::ClusterIP => Some(Vec::new()),
        ExposeType::LoadBalancer => {
            let service = observed.load_balancer.as_ref().filter(|service| is_own(&task.owner, *service));
            service.map(|service| of_service(service, &observed.warnings))
        }
        ExposeType::Ingress => {
            let ingress = observed.ingress.as_ref().filter(|ingress| is_own(&task.owner, *ingress));
            ingress.map(of_ingress)
        }
    };
    // What is not in the cache yet, or no longer watched, is as it was.
    let outside = outside.unwrap_or_else(|| known(false));
    outside.into_iter().chain(if begins { ports::inside(task) } else { known(true) }).collect()
}

/// The status as it is told: of a task that does not go on, nothing is reached from outside any more. A load balancer's
/// Service is the one inside the cluster, too.
pub(in crate::task) fn told(mut status: SkyTaskStatus) -> SkyTaskStatus {
    if is_finished(&status) || is_suspended(&status) {
        let stays = of_attempt(&status) != ExposeType::LoadBalancer;
        status.endpoints.retain(|endpoint| stays && is_inside(endpoint));
    }
    status
}

/// The task's load balancer and ingress that are there and may not be: the task does not go on, or is reached otherwise.
/// A load balancer costs money as long as it is there.
pub(in crate::task) fn strays(task: &ValidTask, observed: &ObservedTask) -> Vec<Write> {
    let over = is_finished(&task.status) || is_suspended(&task.status);
    let wanted = if over || task.ports.is_empty() { ExposeType::ClusterIP } else { task.exposed };
    unwanted(&task.owner, observed, wanted)
}

/// The same of a task whose ports are to be reached so.
pub(in crate::task) fn unwanted(owner: &Owner, observed: &ObservedTask, wanted: ExposeType) -> Vec<Write> {
    let service = observed.load_balancer.as_ref().filter(|_| wanted != ExposeType::LoadBalancer);
    let ingress = observed.ingress.as_ref().filter(|_| wanted != ExposeType::Ingress);
    let services = service.and_then(|service| delete(owner, service, AddressKind::Service));
    services.into_iter().chain(ingress.and_then(|ingress| delete(owner, ingress, AddressKind::Ingress))).collect()
}

fn delete<K: Resource<DynamicType = ()>>(owner: &Owner, object: &K, kind: AddressKind) -> Option<Write> {
    let stays = !is_own(owner, object) || object.meta().deletion_timestamp.is_some();
    (!stays).then(|| Write::DeleteAddress { kind, name: object.name_any(), uid: object.uid().unwrap_or_default() })
}

fn is_own<K: Resource<DynamicType = ()>>(owner: &Owner, object: &K) -> bool {
    owner.controls(object.meta())
}

fn is_inside(endpoint: &Endpoint) -> bool {
    endpoint.kind == ExposeType::ClusterIP.as_str()
}

fn endpoint(kind: ExposeType, address: String, ports: Vec<String>, message: Option<String>) -> Endpoint {
    Endpoint { kind: kind.as_str().to_owned(), address, ports, message }
}

/// Every address that the load balancer has got, or what it waits for.
fn of_service(service: &Service, warnings: &[Warning]) -> Vec<Endpoint> {
    let served = service.spec.as_ref().and_then(|spec| spec.ports.as_ref()).into_iter().flatten();
    let ports = ports::ranges_of(served.filter_map(|port| u16::try_from(port.port).ok()));
    let given = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let given = given.and_then(|given| given.ingress.as_ref()).into_iter().flatten();
    let addresses = given.filter_map(|one| one.hostname.clone().or_else(|| one.ip.clone()));
    let mut endpoints: Vec<_> =
        addresses.map(|address| endpoint(ExposeType::LoadBalancer, address, ports.clone(), None)).take(8).collect();
    if endpoints.is_empty() {
        let name = service.name_any();
        let told = warnings.iter().filter(|warning| warning.about == name).max_by_key(|warning| warning.at);
        let words = |warning: &Warning| warning.message.chars().take(MAX_WORDS).collect::<String>();
        let why = told.map_or_else(|| format!("see `kubectl describe service {name}`"), words);
        let message = format!("the load balancer has no address yet: {why}");
        endpoints.push(endpoint(ExposeType::LoadBalancer, String::new(), ports, Some(message)));
    }
    endpoints
}

/// The URL of every port. One without a host of its own is reached at the ingress controller's address.
fn of_ingress(ingress: &Ingress) -> Vec<Endpoint> {
    let given = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let given = given.and_then(|given| given.ingress.as_ref()).and_then(|given| given.first());
    let controller = given.and_then(|one| one.hostname.clone().or_else(|| one.ip.clone()));
    let spec = ingress.spec.clone().unwrap_or_default();
    let scheme = if spec.tls.is_some_and(|tls| !tls.is_empty()) { "https" } else { "http" };
    let message =
        format!("no ingress controller has taken it yet: see `kubectl describe ingress {}`", ingress.name_any());
    let message = controller.is_none().then_some(message);
    let mut endpoints = Vec::new();
    for rule in spec.rules.unwrap_or_default() {
        let host = rule.host.or_else(|| controller.clone());
        for path in rule.http.map(|http| http.paths).unwrap_or_default() {
            let address = host.as_ref().map(|host| format!("{scheme}://{}{}", url_host(host), directory(&path)));
            let port = path.backend.service.and_then(|service| service.port).and_then(|port| port.number);
            let ports = port.map(|port| port.to_string()).into_iter().collect();
            endpoints.push(endpoint(ExposeType::Ingress, address.unwrap_or_default(), ports, message.clone()));
        }
    }
    endpoints
}

/// An address of IPv6 is in brackets.
fn url_host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The plain beginning of a path, as a directory: what is served there can then name its files without it.
fn directory(path: &HTTPIngressPath) -> String {
    let path = path.path.as_deref().unwrap_or("/");
    let plain = path.split(['(', '*', '[', '$']).next().unwrap_or(path);
    format!("{}/", plain.trim_end_matches('/'))
}
