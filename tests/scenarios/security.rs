//! Pods in namespaces that enforce Kubernetes' Pod Security Standards.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sky_crd::task::SkyTask;
use sky_tests::{
    DEADLINE,
    cluster::image,
    history::History,
    operator::Operator,
    space::{Space, reason},
};
use tokio::time::{Instant, sleep};

/// Who it is, what it may, and that it has a home.
const SCRIPT: &str = "id -u; grep ^CapEff: /proc/self/status | tr -d '\\t'; cat ~/made";
const SETUP: &str = "echo home >~/made";
const NOTHING: &str = "CapEff:0000000000000000";

/// From now on pods in here have to keep to a standard. The API server learns of it a moment later: that is waited for,
/// by a pod that none of the standards lets in and that is never stored.
pub(super) async fn enforce(space: &Space, standard: &str) {
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": standard}}});
    let namespaces: Api<Namespace> = Api::all(space.client.clone());
    namespaces.patch(&space.name, &PatchParams::default(), &Patch::Merge(label)).await.expect("a label");
    let spec = json!({"hostNetwork": true, "containers": [{"name": "a", "image": "a"}]});
    let forbidden: Pod = serde_json::from_value(json!({"metadata": {"name": "probe"}, "spec": spec})).expect("a pod");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let deadline = Instant::now() + DEADLINE;
    while space.api::<Pod>().create(&dry_run, &forbidden).await.is_ok() {
        assert!(Instant::now() < deadline, "{standard} is not enforced");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A task of one node and one of two, with these fields beside their scripts.
async fn submit(space: &Space, fields: &Value) {
    for (name, nodes) in [("one", 1), ("pair", 2)] {
        let mut spec = fields.clone();
        (spec["numNodes"], spec["setup"], spec["run"]) = (json!(nodes), json!(SETUP), json!(SCRIPT));
        space.task(name, spec).await;
    }
}

/// Waits for all nodes to succeed, each with this log.
async fn succeed(space: &Space, log: &str) {
    for name in ["one", "pair"] {
        let task = space.finished(name).await;
        assert_eq!(exit_code(&task), Some(0), "{name}: {:#?}", task.status);
        for index in 0..task.nodes() {
            assert_eq!(space.log(&task, index as usize).await, log, "{name}");
        }
    }
}

fn exit_code(task: &SkyTask) -> Option<i32> {
    task.status.as_ref().and_then(|status| status.exit_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_asks_to_be_restricted_passes_everywhere() {
    Space::with("restricted", 3, async |space| {
        enforce(&space, "restricted").await;
        space.task("as-root", json!({"run": "id -u"})).await;
        let config = "spec: {securityContext: {runAsNonRoot: true, runAsUser: 1234}, containers: [{name: ray-node, \
                      securityContext: {capabilities: {drop: [ALL]}}}]}";
        submit(&space, &json!({"podConfig": config})).await;
        succeed(&space, &format!("1234\n{NOTHING}\nhome\n")).await;
        let refused = space.when("as-root", "is refused", |task| reason(task).as_deref() == Some("Refused")).await;
        let message = refused.status.expect("a status").pending.expect("why it waits").message;
        assert!(message.contains("PodSecurity") && message.contains("runAsNonRoot"), "{message}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_restricts_all_tasks() {
    Space::with_operator("restrict-all", 4, async |space| {
        let operator = Operator::start_with(&space.name, &["--pod-security", "restricted"]);
        enforce(&space, "restricted").await;
        submit(&space, &json!({})).await;
        let config = "spec: {securityContext: {runAsUser: 1234}}";
        space.task("own-user", json!({"podConfig": config, "run": "id -u"})).await;
        succeed(&space, &format!("1000\n{NOTHING}\nhome\n")).await;
        let own = space.finished("own-user").await;
        assert_eq!(space.log(&own, 0).await, "1234\n");
        operator
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_passes_where_pods_keep_to_the_baseline() {
    Space::with("baseline", 3, async |space| {
        enforce(&space, "baseline").await;
        space.volume("data", json!({})).await;
        submit(&space, &json!({"volumes": [{"mountPath": "/data", "name": "data"}], "resources": {"ports": ["8080"]}}))
            .await;
        for name in ["one", "pair"] {
            let task = space.finished(name).await;
            assert_eq!(exit_code(&task), Some(0), "{name}: {:#?}", task.status);
            assert!(space.log(&task, 0).await.starts_with("0\n"), "{name} is root, as the image says");
        }
    })
    .await;
}

/// A directory of a machine, made by root, as a volume that is given to a pod's group. The default class of the embedded
/// cluster is of a kind that is not.
struct Given {
    name: String,
    directory: String,
}

impl Given {
    async fn new(space: &Space) -> Self {
        let name = format!("given-{}", space.name);
        let given = Self { directory: format!("/var/tmp/{name}"), name };
        let machine = given.as_root(space, "make", "mkdir -m 755 -p \"$0\"; chown 0:0 \"$0\"").await;
        let place = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [machine]});
        let volume = json!({
            "metadata": {"name": given.name},
            "spec": {
                "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                "local": {"path": given.directory}, "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": space.name, "name": "given"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
            },
        });
        let volume: PersistentVolume = serde_json::from_value(volume).expect("a volume");
        let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
        volumes.create(&PostParams::default(), &volume).await.expect("the volume");
        let request = json!({"requests": {"storage": "1Mi"}});
        let claim = json!({"storageClassName": "", "volumeName": given.name, "accessModes": ["ReadWriteOnce"], "resources": request});
        space.create::<PersistentVolumeClaim>(json!({"metadata": {"name": "given"}, "spec": claim})).await;
        given
    }

    /// Runs a command on the directory, and tells on which machine.
    async fn as_root(&self, space: &Space, name: &str, command: &str) -> String {
        let pods: History<Pod> = History::start(space.api()).await;
        let container = json!({
            "name": "a", "image": image("sh-only"), "command": ["sh", "-ec", command, format!("/machine/{}", self.name)],
            "volumeMounts": [{"name": "machine", "mountPath": "/machine"}],
        });
        let volume = json!({"name": "machine", "hostPath": {"path": "/var/tmp", "type": "Directory"}});
        let spec = json!({"restartPolicy": "Never", "containers": [container], "volumes": [volume]});
        space.create::<Pod>(json!({"metadata": {"name": name}, "spec": spec})).await;
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        let is_over = |pod: &Pod| {
            pod.metadata.name.as_deref() == Some(name) && ["Succeeded", "Failed"].contains(&phase(pod).as_str())
        };
        let pod = pods.when(&format!("the pod {name} is over"), is_over).await;
        assert_eq!(phase(&pod), "Succeeded", "{:#?}", pod.status);
        pod.spec.and_then(|spec| spec.node_name).expect("a machine")
    }

    async fn remove(self, space: &Space) {
        self.as_root(space, "remove", "rm -rf \"$0\"").await;
        let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
        volumes.delete(&self.name, &DeleteParams::default()).await.expect("the volume is deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_writes_to_a_volume() {
    Space::with_operator("restrict-volume", 2, async |space| {
        let given = Given::new(&space).await;
        let operator = Operator::start_with(&space.name, &["--pod-security", "restricted"]);
        space.volume("data", json!({"claimName": "given"})).await;
        let volumes = json!([{"mountPath": "/data", "name": "data"}]);
        let first = json!({"volumes": volumes, "run": "id -u; echo kept >/data/file"});
        space.task("first", first).await;
        let task = space.finished("first").await;
        assert_eq!(exit_code(&task), Some(0), "{:#?}", task.status);
        // Of another user it is the group's all the same.
        let config = "spec: {securityContext: {runAsUser: 1234}}";
        space
            .task(
                "next",
                json!({"volumes": volumes, "podConfig": config, "run": "id -u; cat /data/file; : >/data/more"}),
            )
            .await;
        let task = space.finished("next").await;
        assert_eq!(
            (exit_code(&task), space.log(&task, 0).await.as_str()),
            (Some(0), "1234\nkept\n"),
            "{:#?}",
            task.status
        );
        given.remove(&space).await;
        operator
    })
    .await;
}
