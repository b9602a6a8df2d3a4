//! Where the gateway is.

use serde_json::json;

use crate::{
    gateway::{Gateway, ID, LOGS, log, submitted, task},
    program::Home,
    words::check,
};

#[test]
fn the_address_before_and_after_every_command() {
    let volume = json!({"volume_id": "vol12345", "status": "deleted", "message": "m"});
    let gateway = Gateway::new()
        .json("POST /tasks/submit", submitted())
        .json("GET /tasks", json!({"tasks": []}))
        .json("GET /tasks/abc12345", task("completed", &json!({})))
        .json("POST /tasks/abc12345/stop", json!({"task_id": ID, "status": "stopped", "message": "m"}))
        .on(LOGS, log(&[]))
        .json("POST /volumes/create", volume.clone())
        .json("GET /volumes", json!({"volumes": []}))
        .json("DELETE /volumes/vol12345", volume);
    let home = Home::bob("http://127.0.0.1:1");
    home.file("task.yaml", "run: x");
    for command in [
        "jobs submit task.yaml",
        "jobs list",
        "jobs status abc12345",
        "jobs stop abc12345",
        "jobs logs abc12345",
        "jobs wait abc12345",
        "volumes create v 1Gi",
        "volumes list",
        "volumes delete vol12345 --force",
        "auth whoami",
        "completions bash",
    ] {
        let (group, rest) = command.split_once(' ').unwrap();
        let url = &gateway.url;
        for args in [
            format!("--api-url {url} {command}"),
            format!("{group} --api-url={url} {rest}"),
            format!("{command} --api-url {url}"),
        ] {
            let ran = home.run(&args);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args}: {}", ran.stdout);
        }
    }
}

#[test]
fn no_gateway() {
    check(
        &Home::bob("127.0.0.1:1/"),
        "jobs list",
        1,
        "Error communicating with API server: [Errno 111] Connection refused\n",
        "hint: the gateway's address is http://127.0.0.1:1: is it right and running? Set it with --api-url or \
         K8S_CLI_API_URL\n",
    );
}
