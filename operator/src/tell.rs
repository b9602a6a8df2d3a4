//! Publishes Events: the only file that does.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, Client, ResourceExt as _, api::PostParams, core::ObjectMeta};
use sky_crd::FIELD_MANAGER;
use sky_operator_core::plan::Note;

use crate::{kinds::Kind, metrics::Metrics};

/// Longest note that the API takes, in bytes.
const MAX_NOTE: usize = 1024;

/// Publishes a note about `object`. Its name is made from what it says, so that the same thing is told once, whoever
/// restarts in between. A note that cannot be published is only logged: the status says the same.
pub(crate) async fn tell<K: Kind>(
    client: &Client,
    namespace: &str,
    object: &K,
    note: &Note,
    now: Timestamp,
    metrics: &Metrics,
) {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    metrics.wrote("events");
    match api.create(&PostParams::default(), &event(namespace, object, note, now)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => {
            tracing::warn!(%error, object = object.name_any(), note = note.message, "an event cannot be published");
        }
    }
}

fn event<K: Kind>(namespace: &str, object: &K, note: &Note, now: Timestamp) -> Event {
    let regarding: ObjectReference = object.object_ref(&());
    let uid = object.meta().uid.clone().unwrap_or_default();
    let said = sky_crd::TaskId::from_object(&uid, &format!("{}/{}", note.reason.as_str(), note.message));
    // A name has at most 253 bytes, and the object's may be as long.
    let stem: String = object.name_any().chars().take(230).collect();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{stem}.{said}")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(note.reason.as_str().to_owned()),
        note: Some(shorten(&note.message)),
        action: Some("Reconcile".to_owned()),
        reporting_controller: Some(format!("{}/{FIELD_MANAGER}", sky_crd::GROUP)),
        reporting_instance: Some(FIELD_MANAGER.to_owned()),
        regarding: Some(regarding),
        ..Event::default()
    }
}

fn shorten(text: &str) -> String {
    let end = (0..=text.len().min(MAX_NOTE)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}
