//! The Ingress of a task's ports.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};
use sky_crd::task::ExposeType;

use super::{HostTemplate, PathTemplate, template::Place};
use crate::task::{ValidTask, ports};

/// The Ingress, for tasks whose ports are reached by one.
pub(in crate::task) fn ingress(task: &ValidTask) -> Option<Ingress> {
    if task.exposed != ExposeType::Ingress || task.ports.is_empty() {
        return None;
    }
    let policy = &task.expose.ingress;
    let asked = task.spec.expose.as_ref().and_then(|expose| expose.ingress_class_name.clone());
    let rules = rules(task);
    let mut hosts: Vec<String> = rules.iter().filter_map(|rule| rule.host.clone()).collect();
    hosts.dedup();
    let tls = policy.tls.as_ref().map(|tls| IngressTLS {
        hosts: Some(hosts).filter(|hosts| !hosts.is_empty()),
        secret_name: tls.secret.clone(),
    });
    Some(Ingress {
        metadata: ports::metadata(task, &policy.annotations),
        spec: Some(IngressSpec {
            ingress_class_name: asked.or_else(|| policy.classes.first().cloned()),
            rules: Some(rules),
            tls: tls.map(|tls| vec![tls]),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    })
}

/// One path per port, those of a host together.
fn rules(task: &ValidTask) -> Vec<IngressRule> {
    let numbers = ports::numbers(&task.ports);
    let host = host(task);
    let path = path(task, host, numbers.len());
    let mut rules: Vec<IngressRule> = Vec::new();
    for port in numbers {
        let place = Place { task: task.id.as_str(), namespace: &task.owner.namespace, port };
        let host = host.map(|host| place.fill(host));
        let path = served(task, place.fill(&path), port);
        match rules.last_mut().filter(|rule| rule.host == host).and_then(|rule| rule.http.as_mut()) {
            Some(http) => http.paths.push(path),
            None => rules.push(IngressRule { host, http: Some(HTTPIngressRuleValue { paths: vec![path] }) }),
        }
    }
    rules
}

fn host(task: &ValidTask) -> Option<&str> {
    let asked = task.spec.expose.as_ref().and_then(|expose| expose.host.as_deref());
    asked.or_else(|| task.expose.ingress.host.as_ref().map(HostTemplate::as_str))
}

/// The path of each port. Where a host is the port's alone it is `/`, and whatever serves there needs to know nothing.
fn path(task: &ValidTask, host: Option<&str>, ports: usize) -> String {
    let asked = task.spec.expose.as_ref().is_some_and(|expose| expose.host.is_some());
    let alone = |host: &str| host.contains("{port}") || (ports == 1 && (asked || host.contains("{task}")));
    match &task.expose.ingress.path {
        Some(path) => path.as_str().to_owned(),
        None if host.is_some_and(alone) => "/".to_owned(),
        None => PathTemplate::default().as_str().to_owned(),
    }
}

fn served(task: &ValidTask, path: String, port: u16) -> HTTPIngressPath {
    // Ingress controllers take a regular expression only where the kind of path leaves its meaning to them.
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._~-".contains(c));
    let number = ServiceBackendPort { number: Some(port.into()), ..ServiceBackendPort::default() };
    let service = IngressServiceBackend { name: task.names.ports(), port: Some(number) };
    HTTPIngressPath {
        path: Some(path),
        path_type: if plain { "Prefix" } else { "ImplementationSpecific" }.to_owned(),
        backend: IngressBackend { service: Some(service), ..IngressBackend::default() },
    }
}
