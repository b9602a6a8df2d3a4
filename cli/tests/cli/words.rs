//! Every command's text and exit code. The words are those that were recorded from the Python original.

use serde_json::json;

use crate::{
    gateway::{Gateway, ID, Reply, submitted, task},
    program::{Home, Ran, ran},
};

pub(crate) fn check(home: &Home, args: &str, code: i32, stdout: &str, stderr: &str) {
    let expected = Ran { code: Some(code), stdout: stdout.to_owned(), stderr: stderr.to_owned() };
    assert_eq!(home.run(args), expected, "k8s-cli {args}");
}

#[test]
fn login_and_whoami() {
    let home = Home::empty("");
    check(&home, "auth whoami", 0, "Not logged in\n", "");
    check(&home, "auth login carol@example.com", 0, "✓ Logged in as: carol@example.com\n", "");
    check(&home, "auth whoami", 0, "Logged in as: carol@example.com\n", "");
    check(&home, "auth login dave", 0, "✓ Logged in as: dave\n", "");
    check(&home, "auth whoami", 0, "Logged in as: dave\n", "");
    let saved = std::fs::read_to_string(home.path().join(".config/k8s-cli/user.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&saved).unwrap(), json!({"username": "dave"}));
    let blank = ran(home.command("auth login").arg(""));
    assert_eq!((blank.code, blank.stdout.as_str()), (Some(1), "Error: Failed to save user: User must not be blank\n"));
    home.file(".config/k8s-cli/user.json", "no json");
    check(&home, "auth whoami", 0, "Not logged in\n", "");
}

#[test]
fn without_login() {
    let home = Home::empty("");
    home.file("task.yaml", "run: x");
    let words = "Error: Not logged in. Run 'k8s-cli auth login <username>' first\nError: 1\n";
    for args in ["jobs list", "jobs submit task.yaml", "volumes list", "jobs status abc12345", "jobs stop --all"] {
        check(&home, args, 1, words, "");
    }
}

#[test]
fn submit_detached() {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted());
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "name: t\nrun: x\nresources: {cpus: 4}\nenvs: {B: true}\n");
    let words = "✓ Task submitted successfully\n  Task ID: abc12345\n  Status: submitted\n";
    check(&home, "jobs submit -d task.yaml", 0, words, "");
    check(&home, "jobs submit task.yaml --detach", 0, words, "");
    let body = r#"{"name":"t","resources":{"cpus":"4"},"envs":{"B":"True"},"run":"x"}"#;
    assert_eq!(gateway.seen(), vec![format!("POST /tasks/submit bob {body}"); 2]);
}

#[test]
fn rerun() {
    let gateway = Gateway::new().json("POST /tasks/abc12345/rerun", submitted()).on(
        "POST /tasks/secretly/rerun",
        Reply::Json(
            422,
            json!({"detail": [{
                "type": "value_error", "loc": ["body", "secrets"], "input": null,
                "msg": "Value error, give the value of TOKEN again: no value of a secret is ever read",
            }]}),
        ),
    );
    let home = Home::bob(&gateway.url);
    home.file("vars", "A=file\nB=file\nTOKEN=file\n");
    let words = "✓ Task submitted successfully\n  Task ID: abc12345\n  Status: submitted\n";
    check(&home, "jobs rerun abc12345 -d", 0, words, "");
    check(&home, "jobs rerun abc12345 -o name", 0, "abc12345\n", "");
    let all = "jobs rerun abc12345 -d --name n --num-nodes 2 --env A=1 --env-file vars --secret TOKEN=hunter2";
    check(&home, all, 0, words, "");
    let path = "POST /tasks/abc12345/rerun bob";
    let body = r#"{"name":"n","num_nodes":2,"envs":{"A":"1","B":"file"},"secrets":{"TOKEN":"hunter2"}}"#;
    assert_eq!(gateway.seen(), [format!("{path} {{}}"), format!("{path} {{}}"), format!("{path} {body}")]);
    let refused = home.run("jobs rerun secretly");
    assert!(refused.code == Some(1) && refused.stderr.contains("give the value of TOKEN again"), "{refused:?}");
}

#[test]
fn submit_from_standard_input_with_overrides() {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted());
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "name: t\nrun: x\nenvs: {A: null}\n");
    let input = std::fs::File::open(home.path().join("task.yaml")).unwrap();
    let mut command = home.command("jobs submit - -d -n other --num-nodes 3 -e A=1=2 --env HERE --env EMPTY=");
    assert_eq!(ran(command.stdin(input).env("HERE", "there")).code, Some(0));
    let body = r#"{"name":"other","num_nodes":3,"envs":{"A":"1=2","EMPTY":"","HERE":"there"},"run":"x"}"#;
    assert_eq!(gateway.seen(), [format!("POST /tasks/submit bob {body}")]);
    let missing = home.run("jobs submit -e NOWHERE task.yaml");
    assert!(missing.code == Some(2) && missing.stderr.contains("`NOWHERE` has no value here"), "{missing:?}");
}

#[test]
fn list() {
    let nodes = [("m1", 0), ("m2", 1), ("m1", 2)]
        .map(|(machine, index)| json!({"index": index, "status": "failed", "machine": machine}));
    let other = json!({"exit_code": 3, "reason": "Error", "message": "exit code 3", "num_nodes": 2, "nodes": nodes, "image": "img", "duration": "7m30s"});
    let two = json!({"tasks": [task("running", &json!({})), task("failed", &other)]});
    let gateway = Gateway::new().json("GET /tasks", two.clone()).json("GET /tasks?all_users=true", two);
    let home = Home::bob(&gateway.url);
    check(
        &home,
        "jobs list",
        0,
        "Tasks
Task ID   Name   Status   Created
abc12345  train  running  2025-10-05T12:34:56
abc12345  train  failed   2025-10-05T12:34:56

Total tasks: 2
",
        "",
    );
    check(
        &home,
        "jobs list -d -u",
        0,
        "Tasks
Task ID   Name   Status   Created              User  Job Name        Namespace
abc12345  train  running  2025-10-05T12:34:56  bob   train-abc12345  default
abc12345  train  failed   2025-10-05T12:34:56  bob   train-abc12345  default

Total tasks: 2
",
        "",
    );
    check(
        &home,
        "jobs list -o wide",
        0,
        "Tasks
Task ID   Name   Status   Created              Job Name        Namespace  Nodes  Machines  Image  Duration  Exit Code  Reason
abc12345  train  running  2025-10-05T12:34:56  train-abc12345  default    1/1    -         -      -         -          -
abc12345  train  failed   2025-10-05T12:34:56  train-abc12345  default    0/2    m1,m2     img    7m30s     3          Error: exit code 3

Total tasks: 2
",
        "",
    );
    let empty = Gateway::new().json("GET /tasks", json!({"tasks": []}));
    check(&Home::bob("http://127.0.0.1:1"), &format!("jobs list --api-url {}/", empty.url), 0, "No tasks found\n", "");
}

#[test]
fn status_says_where_ports_are_reached() {
    let endpoints = json!([
        {"type": "LoadBalancer", "address": "203.0.113.7", "ports": ["8080", "9000-9001"]},
        {"type": "Ingress", "address": "", "ports": ["80"], "message": "nobody has\ntaken it"},
        {"type": "Ingress", "address": "http://a.test/", "ports": ["81"], "message": "nobody yet"},
    ]);
    let gateway =
        Gateway::new().json("GET /tasks/abc12345", task("running", &json!({ "endpoints": endpoints, "nodes": [] })));
    let ran = Home::bob("").run(&format!("jobs status {ID} -u {}", gateway.url));
    let (_, told) = ran.stdout.split_once("pending_nodes: 0\n").unwrap();
    let expected = "
Ports
  8080, 9000-9001: LoadBalancer: 203.0.113.7
  80: Ingress: nobody has\\ntaken it
  81: Ingress: http://a.test/; nobody yet
";
    assert_eq!((ran.code, told), (Some(0), expected));
}

#[test]
fn status() {
    let node = json!({"index": 0, "status": "failed", "machine": "node-0", "exit_code": 3, "reason": "Error"});
    let more = json!({"exit_code": 3, "message": "a\u{1b}[31m\nb", "nodes": [node], "later": [null, true]});
    let gateway = Gateway::new().json("GET /tasks/abc12345", task("failed", &more));
    check(
        &Home::bob(""),
        &format!("jobs status {ID} -u {}", gateway.url),
        0,
        "Task Details
  Task ID: abc12345
  Name: train
  Status: failed
  Created: 2025-10-05T12:34:56.789012
  Updated: 2025-10-05T12:35:01.234567

Metadata
  job_name: train-abc12345
  namespace: default
  num_nodes: 1
  node_jobs: ['train-abc12345']
  succeeded_nodes: 0
  failed_nodes: 1
  running_nodes: 0
  pending_nodes: 0
  exit_code: 3
  message: a\\u{1b}[31m\\nb
  later: [None, True]

Nodes
  node-0: failed on node-0, exit code 3: Error
",
        "",
    );
}

#[test]
fn stop() {
    let gateway = Gateway::new()
        .json("POST /tasks/abc12345/stop", json!({"task_id": ID, "status": "stopped", "message": "m"}))
        .json("POST /tasks/stop", json!({"count": 2, "status": "stopped", "message": "m"}))
        .json("POST /tasks/stop?all_users=true", json!({"count": 7, "status": "stopped", "message": "m"}))
        .on("POST /tasks/gone/stop", Reply::Json(404, json!({"detail": "Task gone not found"})));
    let home = Home::bob(&gateway.url);
    let one = "✓ Task stopped successfully\n  Task ID: abc12345\n  Status: stopped\n";
    check(&home, "jobs stop abc12345", 0, one, "");
    let all = "✓ Tasks stopped successfully\n  Count: 2\n  Status: stopped\n";
    check(&home, "jobs stop --all", 0, all, "");
    check(&home, "jobs stop -a", 0, all, "");
    check(&home, "jobs stop -a -u", 0, &all.replace('2', "7"), "");
    let hint = "hint: `k8s-cli jobs list` and `k8s-cli volumes list` show what is yours\n";
    check(&home, "jobs stop gone", 1, "Error: Task gone not found\n", hint);
    check(&home, "jobs stop", 1, "Error: Either provide a task ID or use --all flag\n", "");
    check(&home, "jobs stop --all abc12345", 1, "Error: Cannot specify task ID with --all flag\n", "");
    check(&home, "jobs stop --all-users", 1, "Error: --all-users requires --all flag\n", "");
    check(&home, "jobs stop abc12345 --all-users", 1, "Error: --all-users requires --all flag\n", "");
}

#[test]
fn volumes() {
    let volume = json!({
        "volume_id": "vol12345", "name": "data", "size": "1Gi", "storage_class": null,
        "access_modes": ["ReadWriteOnce", "ReadOnlyMany"], "status": "Bound",
        "created_at": "2025-10-05T12:34:56.789012", "username": "bob",
        "metadata": {"pvc_name": "data-vol12345", "namespace": "default"},
    });
    let gateway = Gateway::new()
        .json("POST /volumes/create", json!({"volume_id": "vol12345", "status": "created", "message": "m"}))
        .json("GET /volumes", json!({"volumes": [volume]}))
        .json("GET /volumes?all_users=true", json!({"volumes": []}))
        .json("DELETE /volumes/vol12345", json!({"volume_id": "vol12345", "status": "deleted", "message": "m"}));
    let home = Home::bob(&gateway.url);
    let created = "✓ Volume created successfully\n  Volume ID: vol12345\n  Status: created\n";
    check(&home, "volumes create data 10Gi", 0, created, "");
    check(&home, "volumes create d 1Gi -s fast -a ReadWriteMany,ReadOnlyMany", 0, created, "");
    check(
        &home,
        "volumes list",
        0,
        "Volumes
Volume ID  Name  Size  Status  Created
vol12345   data  1Gi   Bound   2025-10-05T12:34:56

Total volumes: 1
",
        "",
    );
    check(
        &home,
        "volumes list --details",
        0,
        "Volumes
Volume ID  Name  Size  Status  Created              Storage Class  Access Modes                 PVC Name
vol12345   data  1Gi   Bound   2025-10-05T12:34:56  -              ReadWriteOnce, ReadOnlyMany  data-vol12345

Total volumes: 1
",
        "",
    );
    check(&home, "volumes list -u", 0, "No volumes found\n", "");
    let deleted = "✓ Volume deleted successfully\n  Volume ID: vol12345\n  Status: deleted\n";
    check(&home, "volumes delete vol12345 -f", 0, deleted, "");
    assert_eq!(
        gateway.seen()[..2],
        [
            r#"POST /volumes/create bob {"name":"data","size":"10Gi","access_modes":["ReadWriteOnce"]}"#,
            r#"POST /volumes/create bob {"name":"d","size":"1Gi","storage_class":"fast","access_modes":["ReadWriteMany","ReadOnlyMany"]}"#,
        ]
    );
}

#[test]
fn deleting_a_volume_asks_first() {
    let gateway =
        Gateway::new().json("DELETE /volumes/v", json!({"volume_id": "v", "status": "deleted", "message": "m"}));
    let home = Home::bob(&gateway.url);
    home.file("no", "n\n");
    home.file("yes", "what\nY\n");
    let answer = |file: &str| {
        let input = std::fs::File::open(home.path().join(file)).unwrap();
        ran(home.command("volumes delete v").stdin(input))
    };
    let question = "Are you sure you want to delete volume v? [y/N]: ";
    assert_eq!(answer("no").stdout, format!("{question}Cancelled\n"));
    assert!(gateway.seen().is_empty());
    let deleted = "✓ Volume deleted successfully\n  Volume ID: v\n  Status: deleted\n";
    assert_eq!(answer("yes").stdout, format!("{question}Error: invalid input\n{question}{deleted}"));
    check(&home, "volumes delete v", 1, &format!("{question}\n"), "Aborted.\n");
}

#[test]
fn what_the_gateway_refuses() {
    let detail = json!([{"type": "missing", "loc": ["body", "size"], "msg": "Field required", "input": {"a": null}}]);
    let gateway = Gateway::new()
        .on("GET /tasks/a%2Fb", Reply::Json(404, json!({"detail": "Task a/b not found"})))
        .on("GET /tasks/forbidden", Reply::Json(403, json!({"detail": "no"})))
        .on("GET /tasks/broken", Reply::Text(500, ""))
        .on("GET /tasks/html", Reply::Text(502, "<html>Bad gateway</html>"))
        .on("GET /tasks/page", Reply::Text(200, "<html>"))
        .on("POST /volumes/create", Reply::Json(422, json!({"detail": detail})));
    let home = Home::bob(&gateway.url);
    let yours = "hint: `k8s-cli jobs list` and `k8s-cli volumes list` show what is yours\n";
    check(&home, "jobs status a/b", 1, "Error: Task a/b not found\n", yours);
    let who = "hint: `k8s-cli auth whoami` shows the user, `k8s-cli auth login <username>` changes it\n";
    check(&home, "jobs status forbidden", 4, "Error: no\n", who);
    check(&home, "jobs status broken", 1, "Error: HTTP 500 Internal Server Error\n", "");
    check(&home, "jobs status html", 1, "Error: <html>Bad gateway</html>\n", "");
    check(
        &home,
        "volumes create v 1Gi",
        1,
        "Error: [{'type': 'missing', 'loc': ['body', 'size'], 'msg': 'Field required', 'input': {'a': None}}]\n",
        "hint: size: Field required\n",
    );
    let page = home.run("jobs status page");
    assert!(page.code == Some(1) && page.stdout.contains("does not answer as the gateway does"), "{page:?}");
}

#[test]
fn usage() {
    let home = Home::empty("");
    let words = |usage: &str, what: &str| {
        let path = usage.split(" [").next().unwrap();
        format!("Usage: {usage}\nTry '{path} --help' for help.\nError\n{what}\n")
    };
    check(&home, "jobs list --nope", 2, "", &words("k8s-cli jobs list [OPTIONS]", "No such option: --nope"));
    check(&home, "jobs list x", 2, "", &words("k8s-cli jobs list [OPTIONS]", "Got unexpected extra argument (x)"));
    check(
        &home,
        "jobs submit",
        2,
        "",
        "Usage: k8s-cli jobs submit [OPTIONS] TASK_FILE\n       k8s-cli jobs submit [OPTIONS] -- COMMAND...\n\
         Try 'k8s-cli jobs submit --help' for help.\nError\nMissing argument 'TASK_FILE'.\n",
    );
    let near = words("k8s-cli jobs [OPTIONS] COMMAND", "No such command 'stat'.") + "hint: did you mean 'status'?\n";
    check(&home, "jobs stat", 2, "", &near);
    assert_eq!(home.run("jobs list -o nope").code, Some(2));
    check(&home, "--version", 0, concat!("k8s-cli ", env!("CARGO_PKG_VERSION"), "\n"), "");
    for (args, code) in [("", 2), ("--help", 0), ("jobs", 2), ("jobs --help", 0)] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{args}");
        assert!(ran.stdout.contains("Usage: k8s-cli"), "{args}");
    }
    let help = home.run("--help").stdout;
    assert!(["auth", "jobs", "volumes"].iter().all(|command| help.contains(command)));
}
