//! `jobs list --watch` where its output is not a terminal.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    gateway::{Gateway, Reply, task},
    program::Home,
};

/// Two looks at one task, then none, while the gateway is away once.
fn gateway() -> Gateway {
    Gateway::new()
        .json("GET /tasks", json!({"tasks": [task("pending", &json!({}))]}))
        .on("GET /tasks", Reply::Json(503, json!({"detail": "away"})))
        .json("GET /tasks", json!({"tasks": [task("running", &json!({}))]}))
        .json("GET /tasks", json!({"tasks": []}))
}

/// Reads so many lines, then interrupts.
fn watched(args: &str, lines: usize) -> (Vec<String>, String, Option<i32>) {
    let gateway = gateway();
    let home = Home::bob(&gateway.url);
    let mut command = home.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let shown = stdout.lines().take(lines).map(Result::unwrap).collect();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    (shown, String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn a_line_for_each_change() {
    let (shown, stderr, code) = watched("jobs list -w", 4);
    assert_eq!(
        shown,
        [
            "Task ID   Name   Status   Created",
            "abc12345  train  pending  2025-10-05T12:34:56",
            "abc12345  train  running  2025-10-05T12:34:56",
            "abc12345  train  gone     2025-10-05T12:34:56",
        ]
    );
    assert_eq!((stderr.as_str(), code), ("hint: trying again: Error: away\n", Some(130)));
}

#[test]
fn data_for_each_change() {
    let (shown, _, code) = watched("jobs list --watch -o json", 3);
    let states = shown.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["status"].clone());
    assert_eq!(
        (states.collect::<Vec<_>>(), code),
        (vec![json!("pending"), json!("running"), json!("gone")], Some(130))
    );
    assert_eq!(watched("jobs list --watch -o name", 3).0, ["abc12345"; 3]);
}

#[test]
fn what_is_refused_at_once() {
    let gateway = Gateway::new().on("GET /tasks", Reply::Json(403, json!({"detail": "no"})));
    let ran = Home::bob(&gateway.url).run("jobs list --watch");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), "Error: no\n"));
    let ran = Home::bob("http://127.0.0.1:1").run("jobs list --watch");
    assert!(ran.code == Some(1) && ran.stdout.starts_with("Error communicating with API server"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let gateway = gateway();
    let home = Home::bob(&gateway.url);
    let mut child = home.command("jobs list -w").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
