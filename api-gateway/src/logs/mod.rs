//! The log of a task: the logs of its nodes as one stream.
//!
//! Nothing runs beside the response: the body polls the nodes' streams itself. So a slow reader slows the kubelets down
//! and costs no memory, and a reader that goes away takes everything with it at once.

pub mod cursor;
pub mod node;
pub mod slots;
pub mod target;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use kube::ResourceExt as _;
use sky_crd::task::SkyTask;

use crate::store::Store;
use cursor::Style;
use node::NodeLog;

/// The bytes of all nodes of this task, from the first on, until it ends or is deleted. With several nodes every line
/// begins with `node-{i} | `.
pub fn follow(store: &Store, task: &SkyTask) -> impl Stream<Item = Bytes> + Send + use<> {
    let states = store.tasks.cache().follow(task);
    let uid = task.uid().unwrap_or_default();
    let nodes = task.spec.num_nodes;
    let streams: Vec<_> = (0..nodes)
        .map(|index| {
            let style = if nodes > 1 { Style::Prefixed(format!("node-{index} | ")) } else { Style::Plain };
            NodeLog::new(store.pods.clone(), states.clone(), &uid, index, style).into_stream().boxed()
        })
        .collect();
    stream::select_all(streams)
}
