//! Ports that are reached from outside: the objects, and what becomes of them in the life of a task.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use sky_crd::task::{Endpoint, ExposeType};

use super::{
    Policy, Warning,
    expose::{self, Ingresses, LoadBalancers, Tls},
    fixture::{at, policy},
    snapshots::documents,
    world::World,
};
use crate::plan::{AddressKind, Write};

/// An administrator who allows everything.
fn open() -> expose::Policy {
    expose::Policy {
        allowed: vec![ExposeType::LoadBalancer, ExposeType::Ingress],
        annotations: vec!["example.com/internal".to_owned()],
        load_balancer: LoadBalancers {
            class: Some("example.com/cloud".to_owned()),
            annotations: vec![("example.com/scheme".to_owned(), "public".to_owned())],
            source_ranges: vec!["192.0.2.0/24".to_owned()],
        },
        ingress: Ingresses {
            classes: vec!["nginx".to_owned(), "internal".to_owned()],
            host: Some("{task}-{port}.apps.test".parse().unwrap()),
            allowed_hosts: vec!["*.apps.test".parse().unwrap()],
            ..Ingresses::default()
        },
        ..expose::Policy::default()
    }
}

fn world(expose: &Value, allowed: expose::Policy) -> World {
    let fields = json!({"resources": {"ports": ["8080", "9000-9001"]}, "expose": expose});
    World { policy: Policy { expose: allowed, ..policy() }, ..World::with(1, &fields) }
}

/// What is made beside the Job.
fn objects(world: &World) -> String {
    let is_job = |write: &Write| write.job().is_some();
    documents(world.plan(0).writes.into_iter().filter(|write| !is_job(write)).collect())
}

fn told(world: &World) -> Vec<(String, String, Vec<String>)> {
    let one = |endpoint: &Endpoint| (endpoint.kind.clone(), endpoint.address.clone(), endpoint.ports.clone());
    world.status().endpoints.iter().map(one).collect()
}

fn known(kind: &str, address: &str, ports: &[&str]) -> (String, String, Vec<String>) {
    (kind.to_owned(), address.to_owned(), ports.iter().map(|port| (*port).to_owned()).collect())
}

fn inside() -> (String, String, Vec<String>) {
    known("ClusterIP", "task-0123abcd-ports.ns.svc", &["8080", "9000-9001"])
}

/// The cloud gives the load balancer these addresses.
fn give(world: &mut World, addresses: &Value) {
    let service = world.observed.load_balancer.as_mut().unwrap();
    service.status = serde_json::from_value(json!({"loadBalancer": {"ingress": addresses}})).unwrap();
}

#[test]
fn a_load_balancer() {
    let expose = json!({"type": "LoadBalancer", "annotations": {"example.com/internal": "yes"}});
    insta::assert_snapshot!(objects(&world(&expose, open())));
}

#[test]
fn an_ingress_with_a_host_for_each_port() {
    insta::assert_snapshot!(objects(&world(&json!({"type": "Ingress"}), open())));
}

#[test]
fn an_ingress_with_a_path_for_each_port() {
    let ingress = Ingresses {
        host: Some("apps.test".parse().unwrap()),
        path: Some("/{namespace}/{task}/{port}(/|$)(.*)".parse().unwrap()),
        annotations: vec![("nginx.ingress.kubernetes.io/rewrite-target".to_owned(), "/$2".to_owned())],
        tls: Some(Tls { secret: Some("wildcard".to_owned()) }),
        ..Ingresses::default()
    };
    let mut world = world(&json!({"type": "Ingress"}), expose::Policy { ingress, ..open() });
    insta::assert_snapshot!(objects(&world));
    world.pass(0);
    assert_eq!(told(&world)[0], known("Ingress", "https://apps.test/ns/0123abcd/8080/", &["8080"]));
}

#[test]
fn what_serves_at_a_host_of_its_own_needs_no_path() {
    let path = |ports: Value, expose: Value, host: Option<&str>| {
        let ingress = Ingresses { host: host.map(|host| host.parse().unwrap()), ..open().ingress };
        let mut world = world(&expose, expose::Policy { ingress, ..open() });
        world.set(&json!({"resources": {"ports": ports}}));
        world.pass(0);
        world.status().endpoints[0].address.clone()
    };
    let plain = || json!({"type": "Ingress"});
    for (ports, expose, host, expected) in [
        (json!([80, 81]), plain(), Some("{task}-{port}.test"), "http://0123abcd-80.test/"),
        (json!([80]), plain(), Some("{task}.test"), "http://0123abcd.test/"),
        (json!([80, 81]), plain(), Some("{task}.test"), "http://0123abcd.test/skytask/ns/0123abcd/80/"),
        (json!([80]), plain(), Some("apps.test"), "http://apps.test/skytask/ns/0123abcd/80/"),
        (json!([80]), json!({"type": "Ingress", "host": "mine.apps.test"}), None, "http://mine.apps.test/"),
        (json!([80]), plain(), None, ""),
    ] {
        assert_eq!(path(ports.clone(), expose, host), expected, "{ports} at {host:?}");
    }
}

#[test]
fn an_address_is_told_once_there_is_one() {
    let mut world = world(&json!({"type": "LoadBalancer"}), open());
    world.pass(0);
    let ports = ["8080", "9000-9001"];
    assert_eq!(told(&world), [known("LoadBalancer", "", &ports), inside()]);
    let message = |world: &World| world.status().endpoints[0].message.clone();
    let waits = "the load balancer has no address yet: see `kubectl describe service task-0123abcd-ports`";
    assert_eq!(message(&world).as_deref(), Some(waits));
    world.observed.warnings.push(Warning {
        about: "task-0123abcd-ports".to_owned(),
        reason: "SyncLoadBalancerFailed".to_owned(),
        message: "quota exceeded".to_owned(),
        at: at(1),
    });
    world.pass(2);
    world.pass(4);
    assert_eq!(message(&world).as_deref(), Some("the load balancer has no address yet: quota exceeded"));
    give(&mut world, &json!([{"ip": "203.0.113.7"}, {"hostname": "lb.test"}]));
    world.pass(6);
    world.pass(8);
    let given = [known("LoadBalancer", "203.0.113.7", &ports), known("LoadBalancer", "lb.test", &ports), inside()];
    assert_eq!((told(&world), message(&world)), (given.to_vec(), None));
    world.settle(10);
    // A cache that has not got it, or no watch for it any more: what was told stays.
    world.observed.load_balancer = None;
    assert!(world.plan(20).is_empty());
}

#[test]
fn an_ingress_without_a_host_is_at_its_controller() {
    let ingress = Ingresses { host: None, ..open().ingress };
    let mut world = world(&json!({"type": "Ingress"}), expose::Policy { ingress, ..open() });
    world.pass(0);
    let message = world.status().endpoints[0].message.clone().unwrap();
    assert!(message.starts_with("no ingress controller has taken it yet"), "{message}");
    let status = json!({"loadBalancer": {"ingress": [{"ip": "2001:db8::1"}]}});
    world.observed.ingress.as_mut().unwrap().status = serde_json::from_value(status).unwrap();
    world.settle(2);
    world.settle(9);
    let first = &world.status().endpoints[0];
    assert_eq!((first.address.as_str(), &first.message), ("http://[2001:db8::1]/skytask/ns/0123abcd/8080/", &None));
}

/// A load balancer costs money.
#[test]
fn nothing_stays_outside_after_the_end() {
    for (expose, kind, stays) in
        [("LoadBalancer", AddressKind::Service, vec![]), ("Ingress", AddressKind::Ingress, vec![inside()])]
    {
        let mut world = world(&json!({"type": expose}), open());
        world.pass(0);
        world.running(0, 1);
        world.settle(2);
        world.ended(0, 0, 5);
        world.pass(5);
        assert_eq!(told(&world), stays, "it is told with the end");
        let next = world.plan(5);
        assert!(
            matches!(&next.writes[..], [Write::DeleteAddress { kind: deleted, .. }] if *deleted == kind),
            "{next:?}"
        );
        world.settle(6);
        assert!(world.observed.load_balancer.is_none() && world.observed.ingress.is_none());
    }
}

#[test]
fn what_belongs_to_somebody_else_is_neither_told_nor_deleted() {
    let mut world = world(&json!({"type": "LoadBalancer"}), open());
    world.pass(0);
    give(&mut world, &json!([{"ip": "203.0.113.7"}]));
    let service = world.observed.load_balancer.as_mut().unwrap();
    service.metadata.owner_references.as_mut().unwrap()[0].uid = "another".to_owned();
    world.settle(2);
    assert_eq!(told(&world)[0], known("LoadBalancer", "", &["8080", "9000-9001"]));
    world.ended(0, 0, 5);
    world.settle(5);
    assert!(world.observed.load_balancer.is_some());
}

#[test]
fn what_runs_keeps_its_address_whatever_is_decided_meanwhile() {
    let mut world = world(&json!({"type": "LoadBalancer"}), open());
    world.set(&json!({"updatePolicy": "NextRestart", "maxRestarts": 1}));
    world.pass(0);
    give(&mut world, &json!([{"ip": "203.0.113.7"}]));
    world.running(0, 1);
    world.settle(4);
    let before = told(&world);
    // The administrator allows no load balancer any more, and the user wants none.
    world.policy.expose = expose::Policy::default();
    assert!(world.plan(5).is_empty(), "{:?}", world.plan(5));
    world.policy.expose = open();
    world.set(&json!({"expose": {"type": "Ingress"}}));
    world.settle(6);
    assert_eq!((told(&world), world.observed.load_balancer.is_some()), (before, true));
    // The next attempt is what they decided.
    world.ended(0, 1, 9);
    world.job_is_over(0, "Failed");
    for second in 10..40 {
        world.settle(second);
    }
    assert_eq!(told(&world)[0], known("Ingress", "http://0123abcd-8080.apps.test/", &["8080"]));
    assert!(world.observed.load_balancer.is_none());
}

#[test]
fn a_run_without_ports_has_no_service_of_an_earlier_one() {
    let mut world = world(&json!({"type": "ClusterIP"}), expose::Policy::default());
    world.pass(0);
    world.ended(0, 0, 5);
    world.job_is_over(0, "Complete");
    world.settle(5);
    assert_eq!(told(&world), [inside()]);
    world.set(&json!({"updatePolicy": "Rerun", "resources": {}}));
    world.pass(6);
    let next = world.plan(7);
    assert!(matches!(&next.writes[0], Write::DeleteExtras { services, .. } if *services == ["task-0123abcd-ports"]));
    world.settle(8);
    assert_eq!(told(&world), []);
}

#[test]
fn a_task_that_can_never_run_keeps_no_load_balancer() {
    let mut world = world(&json!({"type": "LoadBalancer"}), open());
    world.pass(0);
    let going = world.observed.load_balancer.clone();
    let error = super::InvalidTask::Nul("spec.run".to_owned());
    let next = super::invalid(&world.task, &error, &world.observed, at(1));
    assert!(matches!(next.writes[..], [Write::DeleteAddress { kind: AddressKind::Service, .. }]));
    world.observed.load_balancer = going;
    world.observed.load_balancer.as_mut().unwrap().metadata.deletion_timestamp = Some(Time(at(1)));
    let next = super::invalid(&world.task, &error, &world.observed, at(1));
    assert!(matches!(next.writes[..], [Write::DeleteJob { .. }]), "{next:?}");
}
