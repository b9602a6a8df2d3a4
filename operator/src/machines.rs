//! The cluster's machines and runtime classes: read for the whole process, and only if the operator may.
//!
//! Both are cluster-wide, and no task depends on them: without the right to read them choices are made without facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::{
    ClusterResourceScope,
    api::{core::v1::Node, node::v1::RuntimeClass},
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    core::Status,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Error, Event},
    },
};
use serde::de::DeserializeOwned;
use sky_operator_core::task::resources::{Cluster, Machine};
use tokio::sync::watch;

use crate::metrics::Metrics;

/// What is known of one kind.
#[derive(Clone, Debug, PartialEq)]
enum Known<T> {
    /// Nothing yet.
    Unread,
    /// The API server does not let us.
    Denied,
    /// Everything, by name.
    Read(BTreeMap<String, T>),
}

/// The facts, as they come in.
#[derive(Clone, Debug)]
pub(crate) struct Machines {
    nodes: watch::Receiver<Known<Arc<Machine>>>,
    classes: watch::Receiver<Known<()>>,
}

/// The ends that the facts come in by.
pub(crate) struct Readers {
    nodes: watch::Sender<Known<Arc<Machine>>>,
    classes: watch::Sender<Known<()>>,
}

/// The facts and their ends. Without a reader there are none, and nobody waits for them.
pub(crate) fn machines(read: bool) -> (Machines, Option<Readers>) {
    let first = || if read { Known::Unread } else { Known::Denied };
    let (nodes, known_nodes) = watch::channel(first());
    let (classes, known_classes) = watch::channel(if read { Known::Unread } else { Known::Denied });
    let machines = Machines { nodes: known_nodes, classes: known_classes };
    (machines, read.then_some(Readers { nodes, classes }))
}

impl Machines {
    /// Until it is known what is there, or that we may not know. A choice before that would be one without facts.
    pub(crate) async fn read(&self) {
        let (mut nodes, mut classes) = (self.nodes.clone(), self.classes.clone());
        // An error means that the reader has ended; the supervisor then ends the process.
        drop(nodes.wait_for(|known| *known != Known::Unread).await);
        drop(classes.wait_for(|known| *known != Known::Unread).await);
    }

    /// The facts of this moment.
    pub(crate) fn now(&self) -> Cluster {
        let machines = match &*self.nodes.borrow() {
            Known::Read(machines) => Some(machines.values().cloned().collect()),
            Known::Unread | Known::Denied => None,
        };
        let runtime_classes = match &*self.classes.borrow() {
            Known::Read(classes) => classes.keys().cloned().collect(),
            Known::Unread | Known::Denied => BTreeSet::new(),
        };
        Cluster { machines, runtime_classes }
    }
}

impl Readers {
    /// Reads for ever.
    pub(crate) async fn run(self, client: Client, metrics: Metrics) {
        let nodes = follow("nodes", client.clone(), &metrics, self.nodes, |node: &Node| Arc::new(Machine::from(node)));
        let classes = follow("runtimeclasses", client, &metrics, self.classes, |_: &RuntimeClass| ());
        tokio::join!(nodes, classes);
    }
}

/// Keeps what is known of a kind. A node reports its health every few minutes: what nothing decides on is dropped before
/// it is compared, so that only a change is one.
async fn follow<K, T>(
    resource: &'static str,
    client: Client,
    metrics: &Metrics,
    known: watch::Sender<Known<T>>,
    keep: fn(&K) -> T,
) where
    K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
    T: Clone + PartialEq,
{
    let events = watcher::watcher(Api::<K>::all(client), watcher::Config::default()).default_backoff();
    pin_mut!(events);
    let mut all = BTreeMap::new();
    // The objects of a new listing, until it is whole.
    let mut listing: Option<BTreeMap<String, T>> = None;
    while let Some(event) = events.next().await {
        let changed = match event {
            Ok(Event::Init) => {
                listing = Some(BTreeMap::new());
                false
            }
            Ok(Event::InitApply(object)) => {
                listing.get_or_insert_default().insert(object.name_any(), keep(&object));
                false
            }
            Ok(Event::InitDone) => {
                all = listing.take().unwrap_or_default();
                true
            }
            Ok(Event::Apply(object)) => {
                let kept = keep(&object);
                all.insert(object.name_any(), kept.clone()).is_none_or(|before| before != kept)
            }
            Ok(Event::Delete(object)) => all.remove(&object.name_any()).is_some(),
            Err(error) => {
                told_of(resource, &error, &known, metrics);
                false
            }
        };
        if changed {
            known.send_replace(Known::Read(all.clone()));
        }
    }
}

fn told_of<T: PartialEq>(resource: &'static str, error: &Error, known: &watch::Sender<Known<T>>, metrics: &Metrics) {
    if !is_denied(error) {
        metrics.watch_broke(resource);
        tracing::warn!(%error, resource, "a watch broke; it is opened again");
    } else if known.send_if_modified(|known| std::mem::replace(known, Known::Denied) != Known::Denied) {
        tracing::warn!(resource, "may not be read: tasks are placed without knowing machines");
    }
}

fn is_denied(error: &Error) -> bool {
    let of = |error: &kube::Error| matches!(error, kube::Error::Api(status) if is_forbidden(status));
    match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => of(error),
        Error::WatchError(status) => is_forbidden(status),
        Error::NoResourceVersion => false,
    }
}

fn is_forbidden(status: &Status) -> bool {
    matches!(status.code, 401 | 403)
}
