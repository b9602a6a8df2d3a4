//! Following a task: bytes as they come, the task's exit code, and every way in which it can break off.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, LOGS, Reply, Step, log, submitted, task},
    program::{Home, ran},
};

const HEAD: &str = "✓ Task submitted successfully
  Task ID: abc12345
  Status: submitted

Tailing logs for task abc12345...
Press Ctrl+C to stop tailing logs

";

fn followed(reply: Reply, views: &[Value]) -> (Gateway, Home) {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted()).on(LOGS, reply);
    let gateway = views.iter().fold(gateway, |gateway, view| gateway.json("GET /tasks/abc12345", view.clone()));
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x");
    (gateway, home)
}

#[test]
fn a_task_that_succeeds() {
    let late = [task("running", &json!({})), task("completed", &json!({"exit_code": 0}))];
    let (_gateway, home) = followed(log(&["from the cli\n", "no newline"]), &late);
    let ran = home.run("jobs submit task.yaml");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, format!("{HEAD}from the cli\nno newline"));
}

#[test]
fn a_task_that_fails_gives_its_exit_code_and_says_why() {
    for (more, code, verdict) in [
        (json!({"exit_code": 4}), 4, "Task abc12345 failed (exit code 4)\n"),
        (
            json!({"exit_code": 137, "reason": "OOMKilled", "message": "more than 1Gi"}),
            137,
            "Task abc12345 failed (exit code 137): OOMKilled: more than 1Gi\n",
        ),
        (json!({"reason": "JobDeleted"}), 1, "Task abc12345 failed: JobDeleted\n"),
        (json!({"exit_code": 0, "reason": "Evicted"}), 1, "Task abc12345 failed (exit code 0): Evicted\n"),
    ] {
        let (_gateway, home) = followed(log(&[]), &[task("failed", &more)]);
        let ran = home.run("jobs submit task.yaml");
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.as_str()), (Some(code), verdict, HEAD));
    }
}

#[test]
fn bytes_are_passed_on_unchanged_and_at_once() {
    let bytes = b"\x1b[31mred\x1b[0m\r50%\r\n\xff\xfe\n[red]x[/red]\n\n".to_vec();
    let steps = vec![Step::Send(bytes.clone()), Step::Hang];
    let (_gateway, home) = followed(Reply::Stream(steps), &[]);
    let mut child = home.command("jobs logs abc12345").stdout(Stdio::piped()).spawn().unwrap();
    let head = HEAD.split_once("submitted\n").unwrap().1;
    let mut seen = vec![0; head.len() + bytes.len()];
    child.stdout.as_mut().unwrap().read_exact(&mut seen).unwrap();
    assert_eq!(seen, [head.as_bytes(), &bytes].concat());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn logs_of_a_finished_task_and_of_none() {
    let (_gateway, home) = followed(log(&["node-0 | n0\n", "node-1 | n1\n"]), &[]);
    let ran = home.run("jobs logs abc12345");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.ends_with("\n\nnode-0 | n0\nnode-1 | n1\n"), "{}", ran.stdout);
    let gone = Reply::Json(404, json!({"detail": "Task gone not found"}));
    let gateway = Gateway::new().on("GET /tasks/gone/logs?timestamps=true", gone);
    let ran = Home::bob(&gateway.url).run("jobs logs gone");
    assert!(ran.code == Some(1) && ran.stdout.ends_with("\n\nError: Task gone not found\n"), "{ran:?}");
}

#[test]
fn a_log_that_breaks_off_says_how_to_come_back() {
    let (_gateway, home) =
        followed(Reply::Stream(vec![Step::Send(b"half\n".to_vec()), Step::Cut]), &[task("running", &json!({}))]);
    let ran = home.run("jobs submit task.yaml");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.starts_with(&format!("{HEAD}half\nWarning: Could not tail logs: ")), "{}", ran.stdout);
    let hint = "hint: the task may still run: `k8s-cli jobs logs abc12345` follows it again\n";
    assert_eq!(ran.stderr, hint);
}

#[test]
fn a_task_that_is_stopped_meanwhile() {
    let (_gateway, home) = followed(log(&["x\n"]), &[]);
    let ran = home.run("jobs submit task.yaml");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), "Task abc12345 is gone: it was stopped or deleted\n"));
}

#[test]
fn ctrl_c_detaches_and_says_how_to_come_back() {
    let (gateway, home) = followed(Reply::Stream(vec![Step::Send(b"line\n".to_vec()), Step::Hang]), &[]);
    let mut command = home.command("jobs submit task.yaml");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    assert!(stdout.lines().map_while(Result::ok).any(|line| line == "line"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "Stopped tailing logs\nhint: the task keeps running: `k8s-cli jobs logs abc12345` follows it again, \
         `k8s-cli jobs stop abc12345` ends it\n"
    );
    assert!(gateway.seen().iter().all(|request| !request.contains("/stop")));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let steps = (0..1000).flat_map(|_| [Step::Send(vec![b'x'; 4096]), Step::Pause(Duration::from_millis(1))]).collect();
    let (_gateway, home) = followed(Reply::Stream(steps), &[]);
    let mut command = home.command("jobs logs abc12345");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn no_status_is_asked_for_when_nobody_sees_it() {
    let steps = vec![Step::Pause(Duration::from_millis(1500)), Step::Send(b"x\n".to_vec())];
    let (gateway, home) = followed(Reply::Stream(steps), &[task("completed", &json!({}))]);
    let started = Instant::now();
    let ran = ran(&mut home.command("jobs submit task.yaml"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(started.elapsed() > Duration::from_secs(1));
    let asked: Vec<_> = gateway.seen().into_iter().filter(|request| request == "GET /tasks/abc12345 bob").collect();
    assert_eq!(asked.len(), 1, "only for the end");
}

#[test]
fn waiting_for_the_end() {
    let states = [task("pending", &json!({})), task("running", &json!({})), task("failed", &json!({"exit_code": 9}))];
    let (_gateway, home) = followed(log(&[]), &states);
    let ran = home.run("jobs wait abc12345");
    let verdict = "Task abc12345 failed (exit code 9)\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(9), "", verdict));
    let (_gateway, home) = followed(log(&[]), &[task("running", &json!({}))]);
    let ran = home.run("jobs wait abc12345 --timeout 0");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), "Error: Task abc12345 is still running\n"));
}
