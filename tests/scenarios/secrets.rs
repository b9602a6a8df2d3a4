//! Values that nobody but the script may see.

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Event, Pod, Secret},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, LogParams},
};
use serde_json::json;
use sky_crd::task::{NodePhase, SkyTask};
use sky_tests::{
    DEADLINE,
    cli::{Shell, id_after},
    cluster::{client, room_for},
    gateway::Gateway,
    operator,
    space::{Space, reason},
};

const VALUE: &str = "hunter2-$HOME";

#[tokio::test(flavor = "multi_thread")]
async fn reach_the_script_and_no_object_or_log_of_ours() {
    Space::with("secrets", 1, async |space| {
        let spec = json!({
            "envs": {"PASSWORD": "from-envs", "OVER": "from-envs"},
            "secrets": [{"name": "PASSWORD", "secretName": "mine", "key": "password"}],
            "envFrom": [{"secretName": "mine", "prefix": "ALL_"}, {"configMapName": "settings"}],
            "run": "echo $PASSWORD $ALL_password $COLOUR $OVER",
        });
        space.task("job", spec).await;
        let is_missing = |task: &SkyTask| reason(task).as_deref() == Some("SecretNotFound");
        let waiting = space.when("job", "waits", is_missing).await;
        assert_eq!(
            waiting.status.as_ref().and_then(|status| status.nodes[0].job_uid.clone()),
            None,
            "no Job holds a machine"
        );
        space.create::<Secret>(json!({"metadata": {"name": "mine"}, "stringData": {"password": VALUE}})).await;
        space.when("job", "waits for the other", |task| reason(task).as_deref() == Some("ConfigMapNotFound")).await;
        let settings = json!({"metadata": {"name": "settings"}, "data": {"COLOUR": "blue", "OVER": "from-map"}});
        space.create::<ConfigMap>(settings).await;
        let task = space.finished("job").await;
        assert_eq!(space.log(&task, 0).await, format!("{VALUE} {VALUE} blue from-envs\n"));
        let seen = everything(&space.client, &space.name).await + &operator::log(&space.name);
        assert!(seen.contains("mine") && !seen.contains("hunter2"));
    })
    .await;
}

/// All that a curious colleague could read of a namespace: objects and Events, without Secrets.
async fn everything(client: &Client, namespace: &str) -> String {
    let all = ListParams::default();
    let tasks = json!(Api::<SkyTask>::namespaced(client.clone(), namespace).list(&all).await.expect("tasks").items);
    let jobs = json!(Api::<Job>::namespaced(client.clone(), namespace).list(&all).await.expect("Jobs").items);
    let pods = json!(Api::<Pod>::namespaced(client.clone(), namespace).list(&all).await.expect("pods").items);
    let maps = json!(Api::<ConfigMap>::namespaced(client.clone(), namespace).list(&all).await.expect("maps").items);
    let events = json!(Api::<Event>::namespaced(client.clone(), namespace).list(&all).await.expect("Events").items);
    format!("{tasks}{jobs}{pods}{maps}{events}")
}

/// Where the gateway keeps its tasks.
const NAMESPACE: &str = "default";

#[tokio::test(flavor = "multi_thread")]
async fn of_a_request_live_in_a_secret_of_the_task_and_go_with_it() {
    let _room = room_for(1).await;
    let (gateway, client) = (Gateway::of(Some("keeper")), client().await);
    let id = gateway.submit(&json!({
        "name": "keeps", "envs": {"TOKEN": "from-envs", "PLAIN": "from-envs"},
        "secrets": {"TOKEN": "swordfish-$HOME", "OTHER": "swordfish"}, "setup": "echo setup $OTHER", "run": "echo $TOKEN $PLAIN",
    }));
    let log = gateway.get(&format!("/tasks/{id}/logs"));
    assert_eq!(log.text, "setup swordfish\nswordfish-$HOME from-envs\n");
    let task = gateway.wait(&id, &["completed", "failed"]).await;
    assert_eq!(task["status"], "completed", "{task:#}");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let secret = secrets.get(&format!("keeps-{id}-secrets")).await.expect("the Secret");
    let owner = &secret.owner_references()[0];
    let name = format!("keeps-{id}");
    assert_eq!((owner.kind.as_str(), owner.name.as_str(), secret.immutable), ("SkyTask", name.as_str(), Some(true)));

    let objects = everything(&client, NAMESPACE).await;
    let answers = [format!("/tasks/{id}"), "/tasks?all_users=true".to_owned()].map(|path| gateway.get(&path).text);
    let seen = objects + &answers.concat() + &servers_logs(&client).await;
    assert!(seen.contains(&id) && !seen.contains("swordfish"), "a value of a secret is in the open");

    assert_eq!(gateway.post(&format!("/tasks/{id}/stop"), &json!(null)).status, 200);
    gone(&secrets, &secret).await;
}

/// What operator and gateway have logged, where they run in the cluster.
async fn servers_logs(client: &Client) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "skytask-system");
    let servers = ListParams::default().labels("app.kubernetes.io/part-of=skytask");
    let mut logs = String::new();
    for pod in pods.list(&servers).await.expect("pods") {
        logs += &pods.logs(&pod.name_any(), &LogParams::default()).await.expect("a log");
    }
    logs
}

/// Waits until the garbage collector has taken a Secret.
async fn gone(secrets: &Api<Secret>, secret: &Secret) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while secrets.get_opt(&secret.name_any()).await.expect("an answer").is_some() {
        assert!(tokio::time::Instant::now() < deadline, "{} is still there", secret.name_any());
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_and_of_options_reach_the_script() {
    let _room = room_for(1).await;
    let shell = Shell::login("teller").await;
    let file = "envs: {TOKEN: plain}\nsecrets: {TOKEN: hunter4, HF_TOKEN: null}\nrun: echo $TOKEN $HF_TOKEN $EXTRA\n";
    shell.write("task.yaml", file);
    let args = ["jobs", "submit", "task.yaml", "--secret", "HF_TOKEN", "--secret", "EXTRA=hunter6"];
    let mut command = shell.command(&args);
    command.env("HF_TOKEN", "hunter5");
    let run = Shell::finish(command, &args).await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stdout.lines().any(|line| line == "hunter4 hunter5 hunter6"), "{run:#?}");
    let id = id_after("Task ID:", &run.stdout);
    let shown = shell.ok(&["jobs", "status", &id]).await + &shell.ok(&["jobs", "status", &id, "-o", "json"]).await;
    assert!(!shown.contains("hunter"), "{shown}");
    shell.ok(&["jobs", "stop", &id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_named() {
    Space::with("secret-key", 1, async |space| {
        space.create::<Secret>(json!({"metadata": {"name": "mine"}, "stringData": {"other": "x"}})).await;
        let secrets = json!([{"name": "PASSWORD", "secretName": "mine", "key": "password"}]);
        space.task("job", json!({"secrets": secrets, "run": "echo never"})).await;
        let waiting = space.when("job", "waits", |task| reason(task).as_deref() == Some("SecretNotFound")).await;
        let status = waiting.status.expect("a status");
        assert_eq!(status.nodes[0].phase, NodePhase::Pending);
        let message = status.pending.expect("what it waits for").message;
        assert!(message.contains("password") && message.contains("create it"), "{message}");
    })
    .await;
}
