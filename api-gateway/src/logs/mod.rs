//! The log of a task: the logs of its nodes as one stream.
//!
//! Nothing runs beside the response: the body polls the nodes' streams itself. So a slow reader slows the kubelets down
//! and costs no memory, and a reader that goes away takes everything with it at once.

pub mod cursor;
pub mod node;
pub mod slots;
pub mod target;

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use sky_crd::task::SkyTask;

use crate::store::Store;
use cursor::Style;
use node::NodeLog;

/// Which part of a task's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Ranks.
    pub nodes: BTreeSet<u32>,
    /// Until the task ends, not only what there is now.
    pub follow: bool,
    /// So many of the last lines of each node, and what follows them.
    pub tail: Option<u32>,
    /// Lines from this time on.
    pub since: Option<Timestamp>,
    /// Each line with the time at which it was written.
    pub timestamps: bool,
}

impl Selection {
    /// Everything of a task with so many nodes.
    pub fn all(nodes: u32) -> Self {
        Self { nodes: (0..nodes).collect(), follow: true, tail: None, since: None, timestamps: false }
    }
}

/// The bytes of these nodes of the task, until it ends or is deleted. With several nodes every line begins with
/// `node-{i} | `, also when only one is asked for.
pub fn follow(store: &Store, task: &SkyTask, selection: &Selection) -> impl Stream<Item = Bytes> + Send + use<> {
    let states = store.tasks.cache().follow(task);
    let uid = task.uid().unwrap_or_default();
    let many = task.spec.num_nodes > 1;
    let stream = |index: &u32| {
        let prefix = many.then(|| format!("node-{index} | "));
        let style = Style { prefix, timestamps: selection.timestamps };
        NodeLog::new(store.pods.clone(), states.clone(), &uid, *index, style, selection).into_stream().boxed()
    };
    stream::select_all(selection.nodes.iter().map(stream).collect::<Vec<_>>())
}
