//! A namespace of a test's own, with an operator of its own.

use std::{fmt::Debug, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::{AsyncBufReadExt as _, FutureExt as _, StreamExt as _};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{Event, Namespace, Pod},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, ListParams, LogParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sky_crd::{
    condition::{ConditionType, is_true},
    task::{NodePhase, NodeStatus, SkyTask},
    volume::SkyVolume,
};

use crate::{
    DEADLINE,
    cluster::{client, room_for},
    history::History,
    operator::{self, Operator},
};

/// The namespace and what watches it.
pub struct Space {
    /// Its name.
    pub name: String,
    /// A client with all rights.
    pub client: Client,
    /// The history of its tasks.
    pub tasks: History<SkyTask>,
}

impl Space {
    /// Runs a test in a namespace of its own with an operator, and with room for so many pods. When it fails, tells what
    /// was there; in any case removes it.
    pub async fn with<F: Future<Output = ()>>(name: &str, pods: u32, test: impl FnOnce(std::sync::Arc<Self>) -> F) {
        Self::with_operator(name, pods, async |space| {
            let operator = Operator::start(&space.name);
            test(space).await;
            operator
        })
        .await;
    }

    /// As [`Self::with`], without an operator: the test starts and kills its own, and hands over the last.
    pub async fn with_operator(name: &str, pods: u32, test: impl AsyncFnOnce(std::sync::Arc<Self>) -> Operator) {
        let room = room_for(pods).await;
        let client = client().await;
        // Unlike that of any earlier run, whose namespace may still be going and whose writes are still in the log.
        let name = format!("t-{name}-{}", std::process::id());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = Namespace {
            metadata: kube::core::ObjectMeta { name: Some(name.clone()), ..Default::default() },
            ..Default::default()
        };
        namespaces.create(&PostParams::default(), &namespace).await.expect("a namespace");
        let tasks = History::start(Api::namespaced(client.clone(), &name)).await;
        let space = std::sync::Arc::new(Self { name, client, tasks });
        let result = AssertUnwindSafe(test(space.clone())).catch_unwind().await;
        if result.is_err() {
            space.dump().await;
        }
        namespaces.delete(&space.name, &DeleteParams::default()).await.expect("the namespace is deleted");
        drop(room);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }

    /// The API of a kind in here.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates an object.
    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    {
        self.try_create(object).await.expect("the API server takes it")
    }

    /// Creates an object, or tells why the API server refuses it. Sent as written: no type of ours hides a wrong field.
    pub async fn try_create<K>(&self, mut object: Value) -> Result<K, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned,
    {
        object["apiVersion"] = json!(K::api_version(&()));
        object["kind"] = json!(K::kind(&()));
        let strict = PostParams { field_manager: Some("test".to_owned()), ..PostParams::default() };
        let body = serde_json::to_vec(&object).expect("JSON");
        let request = kube::core::Request::new(K::url_path(&(), Some(&self.name)));
        self.client.request(request.create(&strict, body).expect("a request")).await
    }

    /// Creates a task that runs in the default image.
    pub async fn task(&self, name: &str, spec: Value) -> SkyTask {
        self.create(json!({"metadata": {"name": name}, "spec": spec})).await
    }

    /// Creates a volume of 1 MiB.
    pub async fn volume(&self, name: &str, spec: Value) -> SkyVolume {
        let mut spec = spec;
        spec["size"] = json!("1Mi");
        self.create(json!({"metadata": {"name": name}, "spec": spec})).await
    }

    /// The task once it has come to its end.
    pub async fn finished(&self, name: &str) -> SkyTask {
        self.when(name, "is finished", |task| condition(task, ConditionType::Finished)).await
    }

    /// The first state of the task that fits.
    pub async fn when(&self, name: &str, what: &str, fits: impl Fn(&SkyTask) -> bool) -> SkyTask {
        self.tasks.when(&format!("task {name} {what}"), |task| task.name_any() == name && fits(task)).await
    }

    /// As [`Self::when`], for what may take longer than usual.
    pub async fn when_within(
        &self,
        limit: Duration,
        name: &str,
        what: &str,
        fits: impl Fn(&SkyTask) -> bool,
    ) -> SkyTask {
        let what = format!("task {name} {what}");
        self.tasks.when_within(limit, &what, |task| task.name_any() == name && fits(task)).await
    }

    /// The names of the task's pods by rank, once all of its nodes run.
    pub async fn running(&self, name: &str) -> Vec<String> {
        let nodes = self.running_nodes(name).await.into_iter();
        nodes.map(|node| node.pod.expect("a running node has a pod")).collect()
    }

    /// The task's nodes, once all of them run.
    pub async fn running_nodes(&self, name: &str) -> Vec<NodeStatus> {
        let runs = |task: &SkyTask| {
            let status = task.status.as_ref();
            status.is_some_and(|s| !s.nodes.is_empty() && s.nodes.iter().all(|node| node.phase == NodePhase::Running))
        };
        self.when(name, "runs on all nodes", runs).await.status.expect("a status").nodes
    }

    /// The pod of a node, once it has one.
    pub async fn pod(&self, name: &str, index: usize) -> String {
        let pod = |task: &SkyTask| task.status.as_ref()?.nodes.get(index)?.pod.clone();
        let task = self.when(name, &format!("has a pod for node {index}"), |task| pod(task).is_some()).await;
        pod(&task).expect("it has")
    }

    /// Waits until the log of a pod has a line with this, and returns all of it.
    pub async fn said(&self, pod: &str, what: &str) -> String {
        let pods = self.api::<Pod>();
        let params = LogParams { container: Some("task".to_owned()), follow: true, ..LogParams::default() };
        let follow = async {
            // Again from the beginning while the container is being started, and when a kubelet has ended the stream.
            loop {
                let mut all = String::new();
                if let Ok(stream) = pods.log_stream(pod, &params).await {
                    let mut lines = std::pin::pin!(stream.lines());
                    while let Some(Ok(line)) = lines.next().await {
                        all += &line;
                        all.push('\n');
                        if line.contains(what) {
                            return all;
                        }
                    }
                }
                let phase = pods.get(pod).await.expect("the pod").status.and_then(|status| status.phase);
                let over = matches!(phase.as_deref(), Some("Succeeded" | "Failed"));
                assert!(!over, "{pod} ended without saying {what:?}:\n{all}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let said = tokio::time::timeout(DEADLINE, follow).await;
        said.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {pod} says {what:?}"))
    }

    /// The log of a node, as the kubelet has it.
    pub async fn log(&self, task: &SkyTask, index: usize) -> String {
        let pod =
            task.status.as_ref().and_then(|status| status.nodes[index].pod.clone()).expect("the node has had a pod");
        let params = LogParams { container: Some("task".to_owned()), ..LogParams::default() };
        self.api::<Pod>().logs(&pod, &params).await.expect("a log")
    }

    /// Runs tasks together and compares their logs (all lines, rank 0) and exit codes.
    pub async fn check_scripts(&self, table: Vec<(&str, Value, i32, &str)>) {
        for (name, spec, _, _) in &table {
            self.task(name, spec.clone()).await;
        }
        for (name, _, code, log) in table {
            let task = self.finished(name).await;
            let status = task.status.as_ref().expect("a finished task has a status");
            assert_eq!(self.log(&task, 0).await, log, "log of {name}");
            assert_eq!(status.exit_code, Some(code), "exit code of {name}: {status:#?}");
        }
    }

    /// Tells what was there, one object a line.
    async fn dump(&self) {
        eprintln!("---- what was in {} ----", self.name);
        let all = ListParams::default();
        if let Ok(list) = self.api::<SkyTask>().list(&all).await {
            list.iter().for_each(|task| eprintln!("task {} {}", task.name_any(), json!(task.status)));
        }
        if let Ok(list) = self.api::<Job>().list(&all).await {
            list.iter().for_each(|job| eprintln!("job {} {}", job.name_any(), json!(job.status)));
        }
        if let Ok(list) = self.api::<Pod>().list(&all).await {
            let containers =
                |pod: &Pod| json!(pod.status.as_ref().and_then(|status| status.container_statuses.clone()));
            list.iter().for_each(|pod| eprintln!("pod {} {}", pod.name_any(), containers(pod)));
        }
        if let Ok(list) = self.api::<Event>().list(&all).await {
            let words =
                |event: &Event| [event.involved_object.name.clone(), event.reason.clone(), event.message.clone()];
            list.iter()
                .for_each(|event| eprintln!("event {}", words(event).map(Option::unwrap_or_default).join(" | ")));
        }
        eprintln!("{}", operator::log(&self.name));
    }
}

/// Whether the task has this condition.
pub fn condition(task: &SkyTask, kind: ConditionType) -> bool {
    task.status.as_ref().is_some_and(|status| is_true(&status.conditions, kind))
}

/// The reason of the task's failure, or of its waiting.
pub fn reason(task: &SkyTask) -> Option<String> {
    let status = task.status.as_ref()?;
    let failure = status.failure.as_ref().map(|failure| failure.reason.clone());
    failure.or_else(|| status.pending.as_ref().map(|pending| pending.reason.clone()))
}
