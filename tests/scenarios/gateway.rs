//! The REST API, with the operator and the gateway that `config/default` installs.

use serde_json::json;
use sky_tests::{
    DEADLINE,
    cli::{Shell, id_after},
    cluster::room_for,
    gateway::Gateway,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

#[tokio::test(flavor = "multi_thread")]
async fn health() {
    let answer = Gateway::of(None).get("/");
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok", "service": "k8s-cli-api"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_from_submit_to_stop() {
    let _room = room_for(2).await;
    let gateway = Gateway::of(Some("first.last@example.com"));
    let id = gateway.submit(&json!({"name": "pair", "num_nodes": 2, "run": "echo node $NODE_RANK of $NUM_NODES"}));
    // The log is asked for before there can be a pod.
    let log = gateway.get(&format!("/tasks/{id}/logs"));
    let mut lines: Vec<_> = log.text.lines().collect();
    lines.sort_unstable();
    assert_eq!((log.status, lines), (200, vec!["node-0 | node 0 of 2", "node-1 | node 1 of 2"]));
    let task = gateway.wait(&id, &["completed", "failed"]).await;
    assert_eq!((task["name"].as_str(), task["status"].as_str()), (Some("pair"), Some("completed")));
    assert_eq!(task["username"], "first.last-example.com");
    let metadata = &task["metadata"];
    assert_eq!(metadata["node_jobs"], json!([format!("pair-{id}-node-0"), format!("pair-{id}-node-1")]));
    assert_eq!((&metadata["succeeded_nodes"], &metadata["namespace"]), (&json!(2), &json!("default")));
    assert_eq!(gateway.get("/tasks").json()["tasks"][0]["task_id"], id);
    let stopped = gateway.post(&format!("/tasks/{id}/stop"), &json!(null));
    assert_eq!(
        stopped.json(),
        json!({"task_id": id, "status": "stopped", "message": format!("Task {id} stopped successfully")})
    );
    for answer in [gateway.get(&format!("/tasks/{id}")), gateway.get(&format!("/tasks/{id}/logs"))] {
        assert_eq!((answer.status, answer.json()), (404, json!({"detail": format!("Task {id} not found")})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_stopped_and_its_log_ends() {
    let _room = room_for(1).await;
    let gateway = Gateway::of(Some("stopper"));
    let id = gateway.submit(&json!({"run": "echo on; sleep 600"}));
    let mut lines = gateway.follow(&format!("/tasks/{id}/logs"));
    let next = async |lines: &mut UnboundedReceiver<String>| timeout(DEADLINE, lines.recv()).await.expect("in time");
    assert_eq!(next(&mut lines).await.as_deref(), Some("on"));
    assert_eq!(gateway.get(&format!("/tasks/{id}")).json()["status"], "running");
    assert_eq!(gateway.post("/tasks/stop", &json!(null)).json()["count"], 1);
    assert_eq!(gateway.get(&format!("/tasks/{id}")).status, 404);
    assert_eq!(next(&mut lines).await, None, "the stream ends with the task");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_says_why() {
    let _room = room_for(1).await;
    let gateway = Gateway::of(Some("failer"));
    let id = gateway.submit(&json!({"name": "fails", "run": "echo pre; exit 4"}));
    let task = gateway.wait(&id, &["completed", "failed"]).await;
    assert_eq!((&task["status"], &task["metadata"]["exit_code"]), (&json!("failed"), &json!(4)));
    assert_eq!(task["metadata"]["message"], "node-0: run ended with exit code 4: see the log");
    assert_eq!(gateway.get(&format!("/tasks/{id}/logs")).text, "pre\n");
    gateway.post(&format!("/tasks/{id}/stop"), &json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_from_create_to_delete() {
    let _room = room_for(1).await;
    let gateway = Gateway::of(Some("vic"));
    let created = gateway.post("/volumes/create", &json!({"name": "data", "size": "1Gi"}));
    let id = created.json()["volume_id"].as_str().expect("an id").to_owned();
    let task =
        gateway.submit(&json!({"volumes": {"/data": "data"}, "run": "echo kept > /data/x; cat /data/x; sleep 600"}));
    gateway.wait(&task, &["running"]).await;
    let volume = gateway.get(&format!("/volumes/{id}")).json();
    assert_eq!((&volume["status"], &volume["access_modes"]), (&json!("Bound"), &json!(["ReadWriteOnce"])));
    assert_eq!(volume["metadata"]["pvc_name"], format!("data-{id}"));
    let used = gateway.request("DELETE", &format!("/volumes/{id}"), None);
    assert_eq!(used.status, 409);
    assert!(used.text.contains(&task), "{}", used.text);
    gateway.post(&format!("/tasks/{task}/stop"), &json!(null));
    let deleted = gateway.request("DELETE", &format!("/volumes/{id}"), None);
    assert_eq!(
        deleted.json(),
        json!({"volume_id": id, "status": "deleted", "message": format!("Volume {id} deleted successfully")})
    );
    assert_eq!(gateway.get(&format!("/volumes/{id}")).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_422_in_the_original_words() {
    let gateway = Gateway::of(Some("val"));
    let missing = json!({"type": "missing", "loc": ["body", "run"], "msg": "Field required", "input": {}});
    let too_few = json!({
        "type": "greater_than_equal", "loc": ["body", "num_nodes"],
        "msg": "Input should be greater than or equal to 1", "input": 0, "ctx": {"ge": 1},
    });
    let no_text =
        json!({"type": "string_type", "loc": ["body", "run"], "msg": "Input should be a valid string", "input": true});
    for (body, entry) in
        [(json!({}), &missing), (json!({"num_nodes": 0, "run": "true"}), &too_few), (json!({"run": true}), &no_text)]
    {
        let answer = gateway.post("/tasks/submit", &body);
        assert_eq!((answer.status, &answer.json()["detail"]), (422, &json!([entry])));
    }
    let answer = Gateway::of(None).get("/tasks");
    let header = json!({"type": "missing", "loc": ["header", "x-user"], "msg": "Field required", "input": null});
    assert_eq!((answer.status, answer.json()), (422, json!({"detail": [header]})));
    assert_eq!(Gateway::of(Some(" ")).get("/tasks").status, 422);
    let refused = gateway.post("/tasks/submit", &json!({"run": "true", "resources": {"cpus": "many"}}));
    assert!((400..500).contains(&refused.status) && refused.text.contains("cpus"), "{refused:?}");
}

/// As its user types it: the same again, with something changed, and with its secret given anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_run_again_as_another() {
    let _room = room_for(3).await;
    let (gateway, shell) = (Gateway::of(Some("again")), Shell::login("again").await);
    let old = gateway.submit(&json!({"name": "first", "envs": {"WORD": "one"}, "run": "echo $WORD $TOKEN; exit 3"}));
    gateway.wait(&old, &["failed"]).await;
    let again = shell.run(&["jobs", "rerun", &old, "--name", "second", "--env", "WORD=two"]).await;
    assert!(again.code == Some(3) && again.stdout.contains("two"), "{again:#?}");
    let new = id_after("Task ID:", &again.stdout);
    assert_ne!(new, old);
    assert_eq!(gateway.get(&format!("/tasks/{new}")).json()["name"], "second");
    assert_eq!(gateway.get(&format!("/tasks/{old}")).json()["status"], "failed", "the old one is as it was");

    let secretly =
        gateway.submit(&json!({"name": "secretly", "secrets": {"TOKEN": "hunter2"}, "run": "echo [$TOKEN]"}));
    gateway.wait(&secretly, &["completed"]).await;
    let refused = shell.run(&["jobs", "rerun", &secretly]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("the value of TOKEN again"), "{refused:#?}");
    let told = shell.ok(&["jobs", "rerun", &secretly, "--secret", "TOKEN=hunter3"]).await;
    assert!(told.contains("[hunter3]"), "{told}");
    let stranger = Gateway::of(Some("a-stranger")).post(&format!("/tasks/{old}/rerun"), &json!({}));
    assert_eq!((stranger.status, stranger.json()), (404, json!({"detail": format!("Task {old} not found")})));
    gateway.post("/tasks/stop", &json!(null));
}
