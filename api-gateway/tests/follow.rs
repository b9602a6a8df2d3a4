//! One task's log against a scripted Kubernetes API: pods that come late, connections that break, pods that are not ours.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{Request, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::{Client, client::Body, runtime::watcher::Event};
use serde_json::{Value, json};
use sky_api_gateway::{
    logs::{self, Selection},
    store::Store,
};
use sky_crd::{
    TaskId, User,
    api::TaskRequest,
    task::{NodePhase, NodeStatus, SkyTask, SkyTaskStatus},
};
use tokio::time::{Instant, sleep};

/// What the scripted API knows.
#[derive(Default)]
struct Cluster {
    pod: Option<Value>,
    /// Stamped lines, and after how many bytes each connection breaks; without an entry it ends with the lines.
    log: Vec<u8>,
    cuts: Vec<usize>,
    connections: usize,
    /// Of each request for the log.
    queries: Vec<String>,
}

type Shared = Arc<Mutex<Cluster>>;

fn client(cluster: &Shared) -> Client {
    let cluster = Arc::clone(cluster);
    let service = tower::service_fn(move |request: Request<Body>| {
        let mut cluster = cluster.lock().unwrap();
        let mut breaks = false;
        let path = request.uri().path().to_owned();
        let (status, body) = if path.ends_with("/log") {
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains("timestamps=true"), "{query}");
            let bytes = tail(&since(&cluster.log, query), query);
            cluster.queries.push(query.to_owned());
            let cut = cluster.cuts.get(cluster.connections).copied();
            cluster.connections += 1;
            let end = cut.map_or(bytes.len(), |cut| cut.min(bytes.len()));
            // Every other one as a proxy does that is killed, the rest as one that ends in order.
            breaks = cut.is_some() && cluster.connections.is_multiple_of(2);
            (200, bytes[..end].to_vec())
        } else {
            match &cluster.pod {
                Some(pod) => (200, pod.to_string().into_bytes()),
                None => (404, json!({"kind": "Status", "code": 404, "reason": "NotFound"}).to_string().into_bytes()),
            }
        };
        let broken = breaks.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        let body = stream::iter([Ok(Bytes::from(body))].into_iter().chain(broken));
        let answer = Response::builder().status(status).body(axum::body::Body::from_stream(body)).unwrap();
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    Client::new(service, "default")
}

/// The log from `sinceTime` on, as a kubelet answers it.
fn since(log: &[u8], query: &str) -> Vec<u8> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("sinceTime="));
    let Some(since) = value.map(|value| value.replace("%3A", ":").parse::<Timestamp>().unwrap()) else {
        return log.to_vec();
    };
    let stamp = |line: &[u8]| -> Timestamp {
        let space = line.iter().position(|byte| *byte == b' ').unwrap();
        std::str::from_utf8(&line[..space]).unwrap().parse().unwrap()
    };
    log.split_inclusive(|byte| *byte == b'\n').filter(|line| stamp(line) >= since).flatten().copied().collect()
}

/// The last lines only, where they are asked for.
fn tail(log: &[u8], query: &str) -> Vec<u8> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("tailLines="));
    let lines: Vec<_> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let count = value.map_or(lines.len(), |value| value.parse().unwrap());
    lines[lines.len().saturating_sub(count)..].concat()
}

fn pod(owner: &str, state: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": owner, "controller": true},
        ]},
        "spec": {"containers": [{"name": "task"}]},
        "status": {"containerStatuses": [{
            "name": "task", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": match state {
                "waiting" => json!({"waiting": {"reason": "ContainerCreating"}}),
                "running" => json!({"running": {}}),
                _ => json!({"terminated": {"exitCode": 0}}),
            },
        }]},
    })
}

fn task(nodes: u32, phase: Option<NodePhase>, finished: bool) -> SkyTask {
    let user: User = "u".parse().unwrap();
    let request = TaskRequest { num_nodes: Some(nodes), ..TaskRequest::default() };
    let mut task = request.into_task(&TaskId::from_bits(1), &user, "default").unwrap();
    task.metadata.uid = Some("task-uid".to_owned());
    let node = phase.map(|phase| NodeStatus {
        index: 0,
        job_uid: Some("job-uid".to_owned()),
        pod: Some("p".to_owned()),
        phase,
        ..NodeStatus::default()
    });
    let condition = Condition {
        type_: "Finished".to_owned(),
        status: if finished { "True" } else { "False" }.to_owned(),
        reason: "X".to_owned(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    };
    task.status = Some(SkyTaskStatus {
        nodes: node.into_iter().collect(),
        conditions: vec![condition],
        ..SkyTaskStatus::default()
    });
    task
}

fn store(cluster: &Shared, task: &SkyTask) -> Store {
    let store = Store::new(client(cluster), "default");
    for event in [Event::Init, Event::InitApply(task.clone()), Event::InitDone] {
        store.tasks.cache().apply(event, Instant::now());
    }
    store
}

fn lines(count: usize) -> (Vec<u8>, String) {
    let line = |index: usize| format!("line {index}\n");
    let stamp =
        |index: usize| format!("2026-11-24T10:{:02}:{:02}.{:09}Z ", index / 420, index / 7 % 60, index % 7 * 1000);
    let stamped: String = (0..count).map(|index| stamp(index) + &line(index)).collect();
    (stamped.into_bytes(), (0..count).map(line).collect())
}

async fn collect(store: &Store, task: &SkyTask) -> String {
    select(store, task, &Selection::all(task.spec.num_nodes)).await
}

async fn select(store: &Store, task: &SkyTask, selection: &Selection) -> String {
    let bytes: Vec<_> = logs::follow(store, task, selection).collect().await;
    String::from_utf8(bytes.concat()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_is_read_to_its_end_over_any_number_of_broken_connections() {
    let (log, plain) = lines(200);
    let cuts = (0..60).map(|index| 100 + index * 37 % 900).collect();
    let cluster: Shared =
        Arc::new(Mutex::new(Cluster { pod: Some(pod("job-uid", "running")), log, cuts, ..Cluster::default() }));
    let task = task(1, Some(NodePhase::Succeeded), true);
    let store = store(&cluster, &task);
    let ended = async {
        // The connections end although the container runs; only after it has ended their end is the log's.
        while cluster.lock().unwrap().connections < 60 {
            sleep(Duration::from_millis(50)).await;
        }
        cluster.lock().unwrap().pod = Some(pod("job-uid", "terminated"));
    };
    let (text, ()) = tokio::join!(collect(&store, &task), ended);
    assert_eq!(text, plain);
}

#[tokio::test(start_paused = true)]
async fn the_first_line_is_there_however_late_the_pod_comes() {
    let (log, plain) = lines(3);
    let cluster: Shared = Arc::new(Mutex::new(Cluster { log, ..Cluster::default() }));
    let waiting = task(1, None, false);
    let store = store(&cluster, &waiting);
    let tell = |task: SkyTask| store.tasks.cache().apply(Event::Apply(task), Instant::now());
    let life = async {
        sleep(Duration::from_secs(3600)).await;
        cluster.lock().unwrap().pod = Some(pod("job-uid", "waiting"));
        tell(task(1, Some(NodePhase::Pending), false));
        sleep(Duration::from_secs(600)).await;
        assert_eq!(cluster.lock().unwrap().connections, 0);
        cluster.lock().unwrap().pod = Some(pod("job-uid", "terminated"));
        tell(task(1, Some(NodePhase::Succeeded), true));
    };
    let (text, ()) = tokio::join!(collect(&store, &waiting), life);
    assert_eq!(text, plain);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_task_ends_its_stream_at_once() {
    let cluster: Shared = Arc::default();
    let waiting = task(3, None, false);
    let store = store(&cluster, &waiting);
    let start = Instant::now();
    let delete = async {
        sleep(Duration::from_secs(10)).await;
        store.tasks.cache().deleted("task-00000001-00000001", "task-uid", Instant::now());
    };
    let (text, ()) = tokio::join!(collect(&store, &waiting), delete);
    assert_eq!((text.as_str(), start.elapsed().as_secs()), ("", 10));
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_another_owner_is_never_read() {
    let (log, _) = lines(3);
    let pod = Some(pod("another-job", "terminated"));
    let cluster: Shared = Arc::new(Mutex::new(Cluster { pod, log, ..Cluster::default() }));
    let task = task(1, Some(NodePhase::Succeeded), true);
    let text = collect(&store(&cluster, &task), &task).await;
    assert!(text.starts_with("[k8s-cli: lines may be missing"), "{text}");
    assert_eq!(cluster.lock().unwrap().connections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_ran_has_an_empty_log() {
    let cluster: Shared = Arc::default();
    let task = task(2, None, true);
    assert_eq!(collect(&store(&cluster, &task), &task).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_takes_everything_with_it() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            OPEN.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let cluster: Shared = Arc::default();
    let waiting = task(2, None, false);
    let store = store(&cluster, &waiting);
    OPEN.fetch_add(1, Ordering::Relaxed);
    let held = Held;
    let mut stream = Box::pin(logs::follow(&store, &waiting, &Selection::all(2)).map(move |bytes| {
        let _held = &held;
        bytes
    }));
    assert!(tokio::time::timeout(Duration::from_secs(5), stream.next()).await.is_err());
    drop(stream);
    assert_eq!(OPEN.load(Ordering::Relaxed), 0);
}

/// Eight nodes are followed at once; a proxy between us and the kubelets cuts every one of them 20 times, anywhere.
#[tokio::test(start_paused = true)]
async fn twenty_cuts_of_each_of_eight_nodes_lose_no_line_and_repeat_none() {
    const NODES: u32 = 8;
    let (log, plain) = lines(2000);
    let cuts = (0..20 * NODES as usize).map(|index| 30 + index * 7919 % 5000).collect();
    let cluster: Shared =
        Arc::new(Mutex::new(Cluster { pod: Some(pod("job-uid", "running")), log, cuts, ..Cluster::default() }));
    let mut task = task(NODES, Some(NodePhase::Succeeded), true);
    let status = task.status.as_mut().unwrap();
    let node = status.nodes[0].clone();
    status.nodes = (0..NODES).map(|index| NodeStatus { index, ..node.clone() }).collect();
    let store = store(&cluster, &task);
    let ended = async {
        while cluster.lock().unwrap().connections < 20 * NODES as usize {
            sleep(Duration::from_millis(50)).await;
        }
        cluster.lock().unwrap().pod = Some(pod("job-uid", "terminated"));
    };
    let (text, ()) = tokio::join!(collect(&store, &task), ended);
    for node in 0..NODES {
        let prefix = format!("node-{node} | ");
        let lines: String = text.split_inclusive('\n').filter_map(|line| line.strip_prefix(&prefix)).collect();
        assert!(lines == plain, "node {node} differs: {} of {} lines", lines.lines().count(), plain.lines().count());
    }
    assert_eq!(text.lines().count(), 2000 * NODES as usize);
}

/// A task with one node that has written so many lines, and how its log is to be broken.
fn written(count: usize, state: &str, cuts: Vec<usize>) -> (Shared, SkyTask, String) {
    let (log, plain) = lines(count);
    let pod = Some(pod("job-uid", state));
    let cluster = Arc::new(Mutex::new(Cluster { pod, log, cuts, ..Cluster::default() }));
    let finished = state == "terminated";
    let phase = if finished { NodePhase::Succeeded } else { NodePhase::Running };
    (cluster, task(1, Some(phase), finished), plain)
}

#[tokio::test(start_paused = true)]
async fn without_follow_a_running_task_is_read_to_where_it_is_now() {
    let (cluster, task, plain) = written(5, "running", vec![]);
    let now = Selection { follow: false, ..Selection::all(1) };
    assert_eq!(select(&store(&cluster, &task), &task, &now).await, plain);
    assert!(!cluster.lock().unwrap().queries[0].contains("follow=true"));
}

#[tokio::test(start_paused = true)]
async fn without_follow_nobody_waits_for_a_pod() {
    let now = Selection { follow: false, ..Selection::all(1) };
    let start = Instant::now();
    for (phase, pod) in [
        (None, None),
        (Some(NodePhase::Pending), None),
        (Some(NodePhase::Pending), Some(pod("job-uid", "waiting"))),
        (Some(NodePhase::Pending), Some(pod("another-job", "running"))),
    ] {
        let cluster: Shared = Arc::new(Mutex::new(Cluster { pod, ..Cluster::default() }));
        let task = task(1, phase, false);
        assert_eq!(select(&store(&cluster, &task), &task, &now).await, "");
    }
    assert_eq!(start.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_are_resumed_where_they_broke() {
    let (cluster, task, plain) = written(50, "terminated", vec![]);
    let tail = Selection { tail: Some(3), ..Selection::all(1) };
    let last: String = plain.split_inclusive('\n').skip(47).collect();
    assert_eq!(select(&store(&cluster, &task), &task, &tail).await, last);

    // The container runs when the first two connections break, each in the middle of a line.
    let (cluster, task, _) = written(50, "running", vec![60, 200]);
    let ended = async {
        while cluster.lock().unwrap().connections < 2 {
            sleep(Duration::from_millis(10)).await;
        }
        cluster.lock().unwrap().pod = Some(pod("job-uid", "terminated"));
    };
    let store = store(&cluster, &task);
    store.tasks.cache().apply(Event::Apply(self::task(1, Some(NodePhase::Succeeded), true)), Instant::now());
    let (text, ()) = tokio::join!(select(&store, &task, &tail), ended);
    assert_eq!(text, last);
    let queries = cluster.lock().unwrap().queries.clone();
    assert!(queries[0].contains("tailLines=3") && !queries[1].contains("tailLines"), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn lines_since_a_time_begin_within_its_second() {
    let (cluster, task, plain) = written(50, "terminated", vec![]);
    let since = "2026-11-24T10:00:03.000002Z".parse().ok();
    let text = select(&store(&cluster, &task), &task, &Selection { since, ..Selection::all(1) }).await;
    // Seven lines a second, a microsecond apart.
    assert_eq!(text, plain.split_inclusive('\n').skip(23).collect::<String>());
    assert!(cluster.lock().unwrap().queries[0].contains("sinceTime=2026-11-24T10%3A00%3A03Z"));
}
