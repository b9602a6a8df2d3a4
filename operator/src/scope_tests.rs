//! What it costs to observe a task among the objects of others.

use std::{convert::Infallible, time::Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    client::Body,
    runtime::{reflector::store::Writer, watcher::Event as Seen},
};
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::index::{Cached, Shelf};

fn put<K: Cached + DeserializeOwned>(shelf: &Shelf<K>, writer: &mut Writer<K>, object: Value) {
    let seen = Seen::Apply(serde_json::from_value(object).unwrap());
    writer.apply_watcher_event(&seen);
    shelf.note(&seen);
}

fn task(id: &str) -> SkyTask {
    let metadata = json!({"name": "task", "namespace": "ns", "uid": format!("{id}-0000")});
    serde_json::from_value(json!({"metadata": metadata, "spec": {"run": "true"}})).unwrap()
}

/// A scope whose caches hold these many tasks' Job, pod and warning.
fn scope(tasks: usize) -> Scope {
    let (stores, mut writers) = Stores::new();
    for number in 0..tasks {
        let id = format!("{number:08x}");
        let job = task(&id).names().jobs(0).remove(0);
        let meta = |name: &str| json!({"name": name, "namespace": "ns", "labels": {"task-id": id}});
        put(&stores.jobs, &mut writers.jobs, json!({"metadata": meta(&job)}));
        put::<Pod>(&stores.pods, &mut writers.pods, json!({"metadata": meta(&format!("{job}-abcde"))}));
        let about = json!({"name": format!("{job}-abcde"), "kind": "Pod"});
        let warning = json!({"metadata": meta(&format!("{job}.1")), "involvedObject": about, "reason": "FailedMount"});
        put(&stores.warnings, &mut writers.warnings, warning);
    }
    let nobody = tower::service_fn(async |_: http::Request<Body>| {
        Ok::<_, Infallible>(http::Response::builder().status(500).body(Body::empty()).unwrap())
    });
    Scope {
        client: Client::new(nobody, "ns"),
        namespace: None,
        stores,
        memory: Memory::default(),
        policy: Policy { default_image: String::new(), agent_image: String::new(), ..Policy::default() },
        machines: crate::machines::machines(false).0,
        metrics: Metrics::register(&mut Registry::default()),
        clock: || Timestamp::UNIX_EPOCH,
        jitter: || 0.5,
    }
}

/// The task's own objects, however many others there are: 5,000 tasks beside it make less than ten times of 50.
#[tokio::test]
async fn observing_a_task_costs_what_the_task_has() {
    let task = task("00000007");
    let time = |tasks: usize| {
        let scope = scope(tasks);
        let once = || {
            let begin = Instant::now();
            let observed = scope.cached_task(&task);
            assert_eq!((observed.jobs.len(), observed.pods.len(), observed.warnings.len()), (1, 1, 1));
            begin.elapsed()
        };
        // The fastest of many: whatever else the machine does only adds.
        (0..200).map(|_| once()).min().unwrap()
    };
    let (few, many) = (time(50), time(5000));
    println!("observing a task: {few:?} beside 50 tasks, {many:?} beside 5,000");
    assert!(many < few * 10, "{few:?} {many:?}");
}
