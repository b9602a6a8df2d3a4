//! A task with one node on `node-0` and one on a machine that is about to break.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use sky_tests::{ending::Ending, space::Space};
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

/// Taken for writing while names cannot be looked up; for reading by tasks that are being started.
pub static NAMES: RwLock<()> = RwLock::const_new(());

/// One for each machine that may break, by its number: whoever breaks it has it alone.
static MACHINES: [Mutex<()>; 4] = [const { Mutex::const_new(()) }; 4];

/// The running task.
pub struct Pair {
    /// Rank of the node on the machine that breaks.
    pub victim: usize,
    /// Pods by rank.
    pub pods: Vec<String>,
    _machine: MutexGuard<'static, ()>,
}

/// Its name.
pub const PAIR: &str = "pair";

impl Pair {
    /// Starts it, and waits until both nodes say `in run`.
    pub async fn start(space: &Space, machine: &str, run: &str) -> Self {
        Self::start_with(space, machine, json!({"run": format!("echo in run; {run}")}), "in run").await
    }

    /// The same with these scripts, until both nodes say this.
    pub async fn start_with(space: &Space, machine: &str, mut spec: Value, said: &str) -> Self {
        let number = machine.strip_prefix("node-").and_then(|number| number.parse::<usize>().ok());
        let alone = MACHINES[number.expect("a machine's name")].lock().await;
        let names: RwLockReadGuard<()> = NAMES.read().await;
        let label = format!("test.skytask.dev/with-{machine}");
        let nodes: Api<Node> = Api::all(space.client.clone());
        for node in ["node-0", machine] {
            let labelled = json!({"metadata": {"labels": {&label: "yes"}}});
            nodes.patch(node, &PatchParams::default(), &Patch::Merge(labelled)).await.expect("the node is there");
        }
        spec["numNodes"] = json!(2);
        spec["nodeSelector"] = json!({label: "yes"});
        space.task(PAIR, spec).await;
        let nodes = space.running_nodes(PAIR).await;
        let pods: Vec<String> = nodes.iter().map(|node| node.pod.clone().expect("a pod")).collect();
        for pod in &pods {
            space.said(pod, said).await;
        }
        drop(names);
        let machines: Vec<_> = nodes.into_iter().map(|node| node.machine).collect();
        let victim = machines.iter().position(|on| on.as_deref() == Some(machine)).expect("one node on each machine");
        assert_eq!(machines[1 - victim].as_deref(), Some("node-0"));
        Self { victim, pods, _machine: alone }
    }
}

/// The status names the lost node and its machine.
pub fn tells_of_the_loss(ending: &Ending, pair: &Pair, machine: &str) {
    let failure = ending.status.failure.as_ref().expect("a failure");
    assert_eq!(failure.node, u32::try_from(pair.victim).ok(), "{failure:#?}");
    assert_eq!((failure.reason.as_str(), failure.machine.as_deref()), ("NodeLost", Some(machine)), "{failure:#?}");
}

/// How long a lost machine may keep a task.
pub const BOUND: Duration = Duration::from_secs(300);
