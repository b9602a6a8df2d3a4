//! Alternatives that no machine takes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use sky_crd::task::{SkyTaskStatus, TaskPhase};

use super::super::{
    fixture::at,
    is_finished,
    resources::{Cluster, Machine},
    world::World,
};

/// A machine with so many cores and GPUs of this label.
fn machine(product: &str, gpus: u32) -> std::sync::Arc<Machine> {
    let has = json!({"cpu": "64", "memory": "512Gi", "nvidia.com/gpu": gpus.to_string()});
    let node = json!({"metadata": {"name": "m", "labels": {"nvidia.com/gpu.product": product}}, "status": {"allocatable": has}});
    let node: k8s_openapi::api::core::v1::Node = serde_json::from_value(node).unwrap();
    Machine::from(&node).into()
}

/// GPUs or, where there are none, cores, on a cluster that has both.
fn world(nodes: u32, fields: &Value) -> World {
    let gpus = |name: &str| json!({"accelerators": [{"name": name, "count": 1}]});
    let mut all = json!({"resources": {"alternatives": [gpus("T4"), gpus("L4"), {"cpus": 1}]}});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut world = World::with(nodes, &all);
    let machines = vec![machine("Tesla-T4", 4), machine("NVIDIA-L4", 4)];
    world.observed.cluster = Cluster { machines: Some(machines), ..Cluster::default() };
    world
}

/// From this second on no machine takes the pod of this node, and the status says so.
fn waits(world: &mut World, index: usize, second: i64) {
    world.unplaced(index);
    // Not urgent: recorded a second after it was noticed.
    world.settle(second - 1);
    world.settle(second);
}

fn alternative(status: &SkyTaskStatus) -> Option<u32> {
    status.resources.as_ref().and_then(|chosen| chosen.alternative)
}

/// What was given up, how often.
fn tried(status: &SkyTaskStatus) -> Vec<(u32, u32)> {
    let chosen = status.resources.as_ref().unwrap();
    chosen.tried.iter().map(|one| (one.alternative, one.times)).collect()
}

#[test]
fn alternatives_are_tried_in_order_and_come_round_again_with_more_time() {
    let mut world = world(1, &json!({}));
    let mut second = 0;
    let expected = [(0, 300), (1, 300), (2, 300), (0, 600), (1, 600), (2, 600), (0, 1200)];
    for (attempt, (expected, wait)) in (0..).zip(expected) {
        world.settle(second);
        waits(&mut world, 0, second + 2);
        let status = world.status();
        assert_eq!((status.attempt, alternative(status)), (Some(attempt), Some(expected)));
        assert_eq!(status.phase, Some(TaskPhase::Pending));
        second += 2 + wait;
        assert!(world.plan(second - 1).is_empty(), "{attempt} is given up too early");
        assert!(world.plan(second - 1).requeue.unwrap().as_secs() <= 1);
    }
    let status = world.status();
    assert_eq!(tried(status), [(0, 2), (1, 2), (2, 2)]);
    assert_eq!((status.restarts, status.disruptions, status.failure.clone()), (None, None, None));
    let last = status.attempts.last().unwrap();
    assert_eq!((last.reason.as_str(), last.start_time.as_ref()), ("NotPlaced", None));
    assert!(
        last.message.contains("not placed within 600 s (node-0: no machine takes it now: 0/2 nodes"),
        "{}",
        last.message
    );
    let message = status.resources.as_ref().unwrap().message.clone().unwrap();
    let expected = "the first of 3 alternatives: the cluster has machines for it; given up before: T4:1; L4:1; 1 cpus";
    assert_eq!(message, expected);
}

#[test]
fn what_ends_the_wait_is_as_it_was_asked() {
    for (nodes, fields, wait) in [
        (1, json!({"placementTimeoutSeconds": 10}), Some(10)),
        (1, json!({"placementTimeoutSeconds": 0}), None),
        // Before the nodes that have started give up on the others.
        (2, json!({"placementTimeoutSeconds": 1000}), Some(300)),
        (2, json!({"placementTimeoutSeconds": 1000, "startTimeoutSeconds": 4000}), Some(1000)),
    ] {
        let mut world = world(nodes, &fields);
        world.settle(0);
        waits(&mut world, 0, 5);
        assert_eq!(alternative(world.status()), Some(0));
        let Some(wait) = wait else {
            assert!(world.plan(1_000_000).is_empty());
            continue;
        };
        assert!(world.plan(5 + wait - 1).is_empty(), "{fields}");
        world.settle(5 + wait);
        assert_eq!(alternative(world.status()), Some(1), "{fields}");
    }
}

#[test]
fn a_gang_is_given_up_whole_unless_its_scripts_may_have_begun() {
    let mut world = world(2, &json!({}));
    world.settle(0);
    // Node 0 waits for node 1: no script of either has begun.
    world.running(0, 1);
    waits(&mut world, 1, 3);
    world.settle(400);
    let status = world.status();
    assert_eq!((status.attempt, alternative(status)), (Some(1), Some(1)));
    assert_eq!(world.jobs(), ["job-0123abcd-node-0-r1", "job-0123abcd-node-1-r1"]);
    // A node that has ended has failed, and that is no matter of machines.
    waits(&mut world, 1, 402);
    world.ended(0, 1, 403);
    world.settle(404);
    world.settle(5000);
    assert_eq!((world.status().attempt, world.status().phase), (Some(1), Some(TaskPhase::Failed)));
}

#[test]
fn nothing_is_given_up_for_nothing() {
    let one = |name: &str| json!({"accelerators": [{"name": name, "count": 1}]});
    for resources in [
        // No other alternative has machines.
        json!({"alternatives": [one("T4"), one("H100")]}),
        // There is none.
        one("T4"),
    ] {
        let mut world = world(1, &json!({"resources": resources}));
        world.settle(0);
        waits(&mut world, 0, 2);
        world.settle(9999);
        assert_eq!(world.status().attempt, Some(0), "{resources}");
    }
    // A node that runs, or is being started.
    for (phase, state) in [
        ("Running", json!({"running": {}})),
        ("Pending", json!({"waiting": {"reason": "ImagePullBackOff"}})),
        ("Pending", json!({"waiting": {"reason": "ContainerCreating"}})),
    ] {
        let mut world = world(1, &json!({}));
        world.settle(0);
        world.set_pod(0, phase, state);
        for second in [1, 3, 9999] {
            world.settle(second);
        }
        assert_eq!(world.status().attempt, Some(0), "{phase}");
    }
}

#[test]
fn a_pod_that_is_placed_in_the_last_moment_is_left_alone() {
    let mut world = world(1, &json!({}));
    world.settle(0);
    waits(&mut world, 0, 2);
    world.running(0, 301);
    for second in [303, 305, 9999] {
        world.settle(second);
    }
    assert_eq!((world.status().attempt, world.status().phase), (Some(0), Some(TaskPhase::Running)));
}

#[test]
fn a_choice_that_was_made_before_its_machines_were_known_is_made_again() {
    let mut world = world(1, &json!({"resources": {"accelerators": [{"name": "A100-80GB", "count": 1}]}}));
    world.settle(0);
    let asked_for = |world: &World| {
        let spec = world.job(0).spec.unwrap().template.spec.unwrap();
        serde_json::to_string(&spec.affinity).unwrap()
    };
    let label = "NVIDIA-A100-SXM4-80GB";
    assert!(!asked_for(&world).contains(label));
    waits(&mut world, 0, 2);
    world.settle(1000);
    assert_eq!(world.status().attempt, Some(0), "there is nothing better");
    world.observed.cluster.machines.as_mut().unwrap().push(machine(label, 1));
    // Not that it never fits any more, but that it waits: from now on.
    for second in [1001, 1002, 1400] {
        world.settle(second);
    }
    assert_eq!((world.status().attempt, tried(world.status())), (Some(1), vec![(0, 1)]));
    assert!(asked_for(&world).contains(label));
    // Now its machine is only busy, and it is what is waited for.
    waits(&mut world, 0, 1403);
    world.settle(99_999);
    assert_eq!(world.status().attempt, Some(1));
}

#[test]
fn whoever_may_not_read_machines_tries_every_alternative() {
    let mut world = world(1, &json!({}));
    world.observed.cluster = Cluster::default();
    for (expected, second) in [(0, 0), (1, 400), (2, 800), (0, 1200)] {
        world.settle(second);
        waits(&mut world, 0, second + 2);
        assert_eq!(alternative(world.status()), Some(expected));
    }
}

#[test]
fn the_deadline_to_start_counts_all_alternatives_together() {
    let mut world = world(1, &json!({"startDeadlineSeconds": 500}));
    world.task.metadata.creation_timestamp = Some(Time(at(0)));
    for second in [0, 400] {
        world.settle(second);
        waits(&mut world, 0, second + 2);
    }
    assert_eq!((world.status().attempt, world.status().phase), (Some(1), Some(TaskPhase::Pending)));
    world.settle(500);
    let status = world.status();
    assert_eq!(status.failure.as_ref().unwrap().reason, "StartDeadlineExceeded");
    assert!(is_finished(status));
}

#[test]
fn a_restart_begins_with_the_first_alternative() {
    let mut world = world(1, &json!({"maxRestarts": 1}));
    world.settle(0);
    waits(&mut world, 0, 2);
    world.settle(400);
    assert_eq!(alternative(world.status()), Some(1));
    world.running(0, 401);
    world.settle(402);
    world.ended(0, 3, 403);
    world.job_is_over(0, "Failed");
    world.settle(404);
    assert_eq!(world.status().attempts.last().unwrap().reason, "RunFailed");
    // The wait is that after a first failure.
    world.settle(410);
    let status = world.status();
    assert_eq!((status.attempt, status.restarts, alternative(status)), (Some(2), Some(1), Some(0)));
    assert!(tried(status).is_empty());
}

#[test]
fn it_stays_with_what_it_has_in_the_end() {
    let mut world = world(1, &json!({"placementTimeoutSeconds": 1}));
    let mut second = 0;
    let mut attempts = Vec::new();
    for _ in 0..70 {
        world.settle(second);
        waits(&mut world, 0, second + 2);
        attempts.push(world.status().attempt.unwrap());
        second += 4000;
    }
    assert_eq!(attempts.last(), Some(&64));
    assert!(world.plan(second).is_empty());
}
