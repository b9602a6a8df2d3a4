//! The watches against an API server that answers from a script.

use futures::{StreamExt as _, future};
use kube::{Client, ResourceExt as _, client::Body, runtime::watcher::Event};
use prometheus_client::registry::Registry;
use serde_json::json;
use sky_crd::task::SkyTask;

use super::{readable, without_spec};
use crate::metrics::Metrics;

fn task(name: &str, nodes: &serde_json::Value) -> serde_json::Value {
    json!({
        "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyTask",
        "metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": "1"},
        "spec": {"user": "ann", "numNodes": nodes, "run": "true"},
    })
}

/// One object that no version of ours can read: the others are seen all the same.
#[tokio::test]
async fn an_unreadable_object_hides_no_other() {
    let list = json!({
        "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyTaskList", "metadata": {"resourceVersion": "2"},
        "items": [task("before", &json!(1)), task("bad", &json!("many")), task("after", &json!(2))],
    });
    let server = tower::service_fn(move |_request: http::Request<Body>| {
        let body = Body::from(list.to_string().into_bytes());
        future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(body)))
    });
    let metrics = Metrics::register(&mut Registry::default());
    let client = Client::new(server, "ns");
    let events = readable::<SkyTask>(&client, Some("ns"), ("", ""), "skytasks", metrics.clone());
    let listed: Vec<_> = events
        .take_while(|event| future::ready(!matches!(event, Ok(Event::InitDone))))
        .filter_map(|event| {
            future::ready(if let Ok(Event::InitApply(task)) = event { Some(task.name_any()) } else { None })
        })
        .collect()
        .await;
    assert_eq!(listed, ["before", "after"]);
    assert_eq!(metrics.unreadable("skytasks"), 1);
}

/// What a pod asks of a machine decides only as long as it has none.
#[test]
fn a_pod_that_waits_keeps_what_it_asks_for() {
    let pod = |machine: Option<&str>| {
        let mut pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(json!({
            "metadata": {"name": "p"},
            "spec": {
                "nodeName": machine, "nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}], "affinity": {},
                "containers": [{"name": "task", "image": "i", "resources": {"limits": {"cpu": "1"}}, "args": ["long"]}],
            },
        }))
        .unwrap();
        without_spec(&mut pod);
        json!(pod.spec)
    };
    let waiting = json!({
        "nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}], "affinity": {},
        "containers": [{"name": "task", "image": "i", "resources": {"limits": {"cpu": "1"}}}],
    });
    assert_eq!(pod(None), waiting);
    assert_eq!(pod(Some("m")), json!({"nodeName": "m", "containers": [{"name": "task", "image": "i"}]}));
}
