//! The index follows its cache.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::core::ObjectMeta;

use super::*;

fn by_task(pod: &Pod) -> Vec<String> {
    pod.labels().get("task-id").cloned().into_iter().collect()
}

fn pod(namespace: &str, name: &str, task: &str) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(BTreeMap::from([("task-id".to_owned(), task.to_owned())])),
            ..ObjectMeta::default()
        },
        ..Pod::default()
    }
}

/// As a watch does it: first the cache, then the index.
fn see(writer: &mut Writer<Pod>, shelf: &Shelf<Pod>, seen: &Seen<Pod>) {
    writer.apply_watcher_event(seen);
    shelf.note(seen);
}

fn names(shelf: &Shelf<Pod>, key: &str) -> Vec<String> {
    shelf.find("ns", key).iter().map(|pod| pod.name_any()).collect()
}

#[test]
fn follows_changes_and_new_listings() {
    let (shelf, mut writer) = Shelf::new(by_task);
    see(&mut writer, &shelf, &Seen::Apply(pod("ns", "b", "1")));
    see(&mut writer, &shelf, &Seen::Apply(pod("ns", "a", "1")));
    see(&mut writer, &shelf, &Seen::Apply(pod("other", "c", "1")));
    assert_eq!(names(&shelf, "1"), ["a", "b"]);
    see(&mut writer, &shelf, &Seen::Apply(pod("ns", "a", "2")));
    assert_eq!((names(&shelf, "1"), names(&shelf, "2")), (vec!["b".to_owned()], vec!["a".to_owned()]));
    see(&mut writer, &shelf, &Seen::Delete(pod("ns", "b", "1")));
    assert!(names(&shelf, "1").is_empty());
    see(&mut writer, &shelf, &Seen::Init);
    see(&mut writer, &shelf, &Seen::InitApply(pod("ns", "d", "2")));
    assert_eq!(names(&shelf, "2"), ["a"], "the old listing holds until the new one is whole");
    see(&mut writer, &shelf, &Seen::InitDone);
    assert_eq!(names(&shelf, "2"), ["d"]);
}
