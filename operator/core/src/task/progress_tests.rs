use serde_json::{Value, json};

use super::*;
use crate::task::{fixture::at, world::World};

fn kubelet(pod: &mut Pod, status: &Value) {
    let mut whole = json!(pod.status);
    for (name, value) in status.as_object().unwrap() {
        whole[name] = value.clone();
    }
    pod.status = serde_json::from_value(whole).unwrap();
}

fn container(name: &str, ready: bool, state: &Value) -> Value {
    json!({"name": name, "image": "big:1", "imageID": "", "restartCount": 0, "ready": ready, "state": state})
}

/// Both nodes run from second 0 on; `ready` are those whose setup is over.
fn look(world: &mut World, ready: [bool; 2]) {
    for (index, ready) in ready.into_iter().enumerate() {
        world.running(index, 0);
        let pod = world.observed.pods.last_mut().unwrap();
        let state = json!({"running": {"startedAt": at(0).to_string()}});
        kubelet(pod, &json!({"containerStatuses": [container("task", ready, &state)]}));
    }
}

fn pending(world: &World) -> Option<(String, String)> {
    world.status().pending.clone().map(|pending| (pending.reason, pending.message))
}

#[test]
fn a_long_setup_is_told_and_a_short_one_is_not() {
    let mut world = World::with(2, &json!({"setup": "make"}));
    world.settle(0);
    look(&mut world, [false, false]);
    world.settle(1);
    assert_eq!(pending(&world), None);
    let wait = world.plan(1).requeue.unwrap();
    assert_eq!(wait.as_secs(), 9, "looks again when it is worth a word");

    look(&mut world, [true, false]);
    world.pass(10);
    world.pass(15);
    let expected = ("SettingUp".to_owned(), "node-1: setup still running".to_owned());
    assert_eq!(pending(&world), Some(expected));
    assert_eq!(world.status().pending.as_ref().unwrap().since, Some(Time(at(0))));
    assert_eq!(world.status().phase, Some(sky_crd::task::TaskPhase::Running));
    assert_eq!(world.status().nodes[0].message, None);

    look(&mut world, [true, true]);
    assert!(world.pass(40).held_back, "nobody acts on it");
    assert!(world.pass(44).held_back);
    world.pass(45);
    assert_eq!((pending(&world), &world.status().nodes[1].message), (None, &None));
    assert!(world.plan(46).is_empty());
}

#[test]
fn without_a_setup_nobody_waits_for_one() {
    for (nodes, spec) in [(2, json!({})), (1, json!({"setup": "make"}))] {
        let mut world = World::with(nodes, &spec);
        world.settle(0);
        world.running(0, 0);
        world.settle(100);
        assert_eq!(pending(&world), None);
    }
}

#[test]
fn of_many_nodes_some_are_named() {
    let node = |index| NodeStatus {
        index,
        phase: NodePhase::Running,
        reason: Some("SettingUp".to_owned()),
        message: Some("setup still running".to_owned()),
        ..NodeStatus::default()
    };
    let message = |count| awaited(&(0..count).map(node).collect::<Vec<_>>()).map(|pending| pending.message);
    assert_eq!(message(0), None);
    assert_eq!(message(3).unwrap(), "node-0, node-1, node-2: setup still running");
    assert_eq!(message(1000).unwrap(), "node-0, node-1, node-2 and 997 more: setup still running");
}

#[test]
fn an_image_on_its_way_is_told_after_a_while() {
    let waits = |reason: &str| json!({"waiting": {"reason": reason}});
    let done = json!({"terminated": {"exitCode": 0}});
    let told = "node-0: its machine is pulling the image big:1";
    for (what, pulled, first, state, second, expected) in [
        ("at once", "big:1", None, waits("ContainerCreating"), 9, None),
        ("after a while", "big:1", None, waits("ContainerCreating"), 10, Some(told)),
        ("it was there", "", None, waits("ContainerCreating"), 60, None),
        ("another one was pulled", "big:12", None, waits("ContainerCreating"), 60, None),
        ("after the agent's", "big:1", Some(done), waits("PodInitializing"), 10, Some(told)),
        ("it has failed", "big:1", None, waits("ErrImagePull"), 10, None),
        ("it has come", "big:1", None, json!({"running": {"startedAt": at(5).to_string()}}), 10, None),
    ] {
        let mut world = World::new(1);
        world.settle(0);
        world.set_pod(0, "Pending", state.clone());
        let first: Vec<_> = first.into_iter().map(|state| container("sky-agent", false, &state)).collect();
        let containers = json!([container("task", false, &state)]);
        let pod = world.observed.pods.last_mut().unwrap();
        kubelet(pod, &json!({"initContainerStatuses": first, "containerStatuses": containers}));
        let about = pod.name_any();
        let message = format!("Pulling image \"{pulled}\"");
        world.observed.warnings = vec![Warning { about, reason: "Pulling".to_owned(), message, at: at(0) }];
        world.pass(second);
        world.pass(second + 1);
        let pending = pending(&world).filter(|(reason, _)| reason == "ImagePulling");
        assert_eq!(pending.map(|(_, message)| message).as_deref(), expected, "{what}");
    }
}
