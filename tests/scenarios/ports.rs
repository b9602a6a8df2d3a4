//! Ports that a task serves.

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::{
    Resource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use sky_crd::task::{Endpoint, SkyTask};
use sky_tests::{
    history::{Change, History},
    operator::Operator,
    space::{Space, reason},
};

/// Serves a page that says which rank it is of.
const SERVE: &str =
    "mkdir -p /tmp/w; cd /tmp/w; echo \"rank $NODE_RANK\" > index.html; exec python3 -m http.server 8080";

/// An address that is nobody's (RFC 5737), for one load balancer.
const ADDRESS: &str = "203.0.113.80";

/// Prints the page once it is served there.
fn ask(address: &str) -> String {
    format!(
        "for _ in $(seq 240); do python3 -c 'import urllib.request as r; \
         print(r.urlopen(\"http://{address}:8080\", timeout=2).read().decode(), end=\"\")' 2>/dev/null && exit 0; sleep 0.25; done; exit 1"
    )
}

fn endpoints(task: &SkyTask) -> &[Endpoint] {
    task.status.as_ref().map_or(&[], |status| &status.endpoints)
}

fn kinds(task: &SkyTask) -> Vec<&str> {
    endpoints(task).iter().map(|endpoint| endpoint.kind.as_str()).collect()
}

async fn change(space: &Space, task: &str, spec: Value) {
    let patch = Patch::Merge(json!({ "spec": spec }));
    space.api::<SkyTask>().patch(task, &PatchParams::default(), &patch).await.expect("this may change");
}

/// Says what a cloud's controller, or an ingress controller, says of an address that it has given.
async fn give<K>(space: &Space, object: &K, address: &str)
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}});
    let patched =
        space.api::<K>().patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await;
    patched.expect("an address");
}

/// Until the object of this UID is gone.
async fn gone<K>(history: &History<K>, object: &K)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let is = |change: &Change<K>| matches!(change, Change::Gone(gone) if gone.uid() == object.uid());
    history.find("it is gone", |changes| changes.iter().any(is).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rank_0_is_reached_by_its_service() {
    Space::with("ports", 2, async |space| {
        let server = json!({"taskId": "00c0ffee", "resources": {"ports": ["8080", "9000-9001"]}, "run": SERVE});
        space.task("server", server).await;
        let told = space.when("server", "says where", |task| !endpoints(task).is_empty()).await;
        let endpoint = &endpoints(&told)[0];
        assert_eq!(endpoint.address, format!("task-00c0ffee-ports.{}.svc", space.name));
        assert_eq!((endpoint.kind.as_str(), endpoint.ports.join(" ")), ("ClusterIP", "8080 9000-9001".to_owned()));
        space.task("client", json!({ "run": ask(&endpoint.address) })).await;
        let client = space.finished("client").await;
        assert_eq!(space.log(&client, 0).await, "rank 0\n");
    })
    .await;
}

/// There is no cloud here: the test gives the address, as a cloud's controller does, and a class that no controller has
/// keeps those of a real cluster away. What the address then does is kube-proxy's.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_is_told_and_reached_and_goes_with_the_end() {
    Space::with_operator("balancer", 2, async |space| {
        let flags = ["--allow-expose", "LoadBalancer", "--load-balancer-class", "ports.test/nobody"];
        let operator = Operator::start_with(&space.name, &flags);
        let services: History<Service> = History::start(space.api()).await;
        let server = json!({
            "taskId": "00c0ffee", "resources": {"ports": [8080]}, "expose": {"type": "LoadBalancer"}, "run": SERVE,
        });
        space.task("server", server).await;
        let waits = |task: &SkyTask| endpoints(task).first().is_some_and(|first| first.message.is_some());
        let told = space.when("server", "says that it waits for an address", waits).await;
        assert_eq!(kinds(&told), ["LoadBalancer", "ClusterIP"]);
        assert_eq!(
            (endpoints(&told)[0].address.as_str(), endpoints(&told)[0].ports.join(" ")),
            ("", "8080".to_owned())
        );
        let service = services.when("it is there", |service| service.name_any() == "task-00c0ffee-ports").await;
        give(&space, &service, ADDRESS).await;
        space
            .when("server", "says where", |task| {
                endpoints(task).first().is_some_and(|first| first.address == ADDRESS && first.message.is_none())
            })
            .await;
        space.task("client", json!({ "run": ask(ADDRESS) })).await;
        let client = space.finished("client").await;
        assert_eq!(space.log(&client, 0).await, "rank 0\n");
        change(&space, "server", json!({"stop": true})).await;
        gone(&services, &service).await;
        let over = space.finished("server").await;
        assert!(kinds(&over).is_empty(), "told with the end: {over:#?}");
        assert_eq!(services.uids().len(), 1, "never another");
        operator
    })
    .await;
}

/// No ingress controller runs here: the test says what one says. What it would serve is decided by the object.
#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_is_told_and_goes_with_the_end_and_what_is_not_allowed_is_refused() {
    Space::with_operator("ingress", 1, async |space| {
        let flags = ["--expose", "Ingress", "--ingress-class", "nobody", "--ingress-host", "{task}-{port}.ports.test"];
        let operator = Operator::start_with(&space.name, &flags);
        let ingresses: History<Ingress> = History::start(space.api()).await;
        let server = json!({"taskId": "00c0ffee", "resources": {"ports": [8080, 9000]}, "run": "exec sleep 600"});
        space.task("server", server).await;
        let told = space.when("server", "says where", |task| !endpoints(task).is_empty()).await;
        assert_eq!(kinds(&told), ["Ingress", "Ingress", "ClusterIP"]);
        let addresses: Vec<_> = endpoints(&told)[..2].iter().map(|endpoint| endpoint.address.as_str()).collect();
        assert_eq!(addresses, ["http://00c0ffee-8080.ports.test/", "http://00c0ffee-9000.ports.test/"]);
        assert!(endpoints(&told)[0].message.is_some(), "no controller has taken it");
        let ingress = ingresses.when("it is there", |ingress| ingress.name_any() == "task-00c0ffee-ports").await;
        let spec = ingress.spec.clone().expect("a specification");
        assert_eq!(spec.ingress_class_name.as_deref(), Some("nobody"));
        give(&space, &ingress, ADDRESS).await;
        let taken = |task: &SkyTask| endpoints(task).first().is_some_and(|first| first.message.is_none());
        space.when("server", "is taken", taken).await;
        let dear = json!({"resources": {"ports": [8080]}, "expose": {"type": "LoadBalancer"}, "run": "true"});
        space.task("dear", dear).await;
        let refused = space.finished("dear").await;
        assert_eq!(reason(&refused).as_deref(), Some("InvalidSpec"));
        let message = refused.status.and_then(|status| status.failure).expect("a failure").message;
        assert!(message.contains("`LoadBalancer` is not allowed here; allowed: `ClusterIP`, `Ingress`"), "{message}");
        change(&space, "server", json!({"stop": true})).await;
        gone(&ingresses, &ingress).await;
        assert_eq!(kinds(&space.finished("server").await), ["ClusterIP"]);
        operator
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_run_has_its_own_ports_and_nobody_elses_service_is_taken() {
    Space::with("reports", 2, async |space| {
        let services: History<Service> = History::start(space.api()).await;
        let foreign = json!({"metadata": {"name": "task-0badcafe-ports"}, "spec": {"ports": [{"port": 1}]}});
        let foreign: Service = space.create(foreign).await;
        space.task("robbed", json!({"taskId": "0badcafe", "resources": {"ports": [8080]}, "run": "true"})).await;
        let conflict = |task: &SkyTask| reason(task).as_deref() == Some("NameConflict");
        space.when("robbed", "says that the name is taken", conflict).await;

        let run = json!({"taskId": "00c0ffee", "updatePolicy": "Rerun", "resources": {"ports": [8080]}, "run": "true"});
        space.task("again", run).await;
        space.finished("again").await;
        let of_task = |port: i32| {
            move |service: &Service| {
                let ports = service.spec.as_ref().and_then(|spec| spec.ports.clone()).unwrap_or_default();
                service.name_any() == "task-00c0ffee-ports" && ports.len() == 1 && ports[0].port == port
            }
        };
        let first = services.when("it serves 8080", of_task(8080)).await;
        change(&space, "again", json!({"resources": {"ports": [9090]}})).await;
        let second = services.when("it serves 9090", of_task(9090)).await;
        assert_ne!(first.uid(), second.uid());
        let nine = |task: &SkyTask| endpoints(task).first().is_some_and(|first| first.ports == ["9090"]);
        space.when("again", "says so", nine).await;
        change(&space, "again", json!({"resources": {"ports": []}})).await;
        gone(&services, &second).await;
        space
            .when("again", "serves nothing", |task| {
                task.status.as_ref().is_some_and(|s| s.attempt == Some(2)) && endpoints(task).is_empty()
            })
            .await;

        let now = space.api::<Service>().get("task-0badcafe-ports").await.expect("it stays");
        assert_eq!((now.uid(), now.resource_version()), (foreign.uid(), foreign.resource_version()));
    })
    .await;
}
