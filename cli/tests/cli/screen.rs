//! On a terminal, while the command runs: a table that is drawn anew, Ctrl-C, a window that becomes narrower.

use std::{
    fs::File,
    io::Read as _,
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    gateway::{Gateway, LOGS, Reply, Step, task},
    program::Home,
    terminal::{resize, terminal},
};

/// A command that runs on a terminal.
struct Running {
    child: Child,
    host: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    fn start(mut command: Command, columns: u16) -> Self {
        let (host, terminal) = terminal(columns);
        command.env("NO_COLOR", "1").stdin(terminal.try_clone().unwrap());
        let child = command.stdout(terminal.try_clone().unwrap()).stderr(terminal).spawn().unwrap();
        let (shown, mut reader) = (Arc::new(Mutex::new(Vec::new())), host.try_clone().unwrap());
        let writer = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                writer.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { child, host, shown }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits until this was shown, then forgets all that was shown up to it.
    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let shown = self.shown();
            if let Some(at) = shown.find(text) {
                *self.shown.lock().unwrap() = shown.as_bytes()[at + text.len()..].to_vec();
                return;
            }
            let beginning: String = shown.chars().take(1000).collect();
            assert!(Instant::now() < deadline, "{text:?} is not in {beginning:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What was shown last, and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let code = self.child.wait().unwrap().code();
        // What the command wrote last may still be on its way through the terminal.
        thread::sleep(Duration::from_millis(200));
        (self.shown(), code)
    }
}

#[test]
fn a_watched_list_has_a_screen_of_its_own_and_leaves_the_last_table() {
    let state = |status: &str| json!({"tasks": [task(status, &json!({}))]});
    let gateway = Gateway::new()
        .json("GET /tasks", state("pending"))
        .on("GET /tasks", Reply::Json(503, json!({"detail": "away"})))
        .json("GET /tasks", state("running"));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs list --watch"), 60);
    running.wait_for("\u{1b}[?1049h\u{1b}[?25l\u{1b}[H");
    running.wait_for("│ abc12345 │ train │ pending │ 2025-10-05T12:34:56 │\u{1b}[K\n");
    running.wait_for("Total tasks: 1\u{1b}[K\n\u{1b}[J");
    running.wait_for("Error: away; trying again (1 of 60)");
    running.wait_for("│ abc12345 │ train │ running │ 2025-10-05T12:34:56 │\u{1b}[K\n");
    resize(&running.host, 30);
    running.signal(Signal::WINCH);
    running.wait_for("abc12345  train  running  20…\u{1b}[K\n");
    running.signal(Signal::INT);
    running.wait_for("\u{1b}[?25h\u{1b}[?1049l");
    let (shown, code) = running.end();
    assert_eq!(code, Some(130));
    assert!(shown.ends_with("running  2025-10-05T12:34:56\n\nTotal tasks: 1\n"), "{shown:?}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let tasks: Vec<_> = (0..100).map(|_| task("running", &json!({}))).collect();
    let gateway = Gateway::new().json("GET /tasks", json!({"tasks": tasks}));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs list -w"), 80);
    running.wait_for("83 more lines below. Total tasks: 100\u{1b}[K\n\u{1b}[J");
    running.signal(Signal::TERM);
    assert_eq!(running.end().1, Some(143));
}

#[test]
fn data_are_not_redrawn() {
    let gateway = Gateway::new().json("GET /tasks", json!({"tasks": [task("running", &json!({}))]}));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs list -w -o name"), 80);
    running.wait_for("abc12345\n");
    running.signal(Signal::INT);
    assert_eq!(running.end(), (String::new(), Some(130)));
}

#[test]
fn the_status_line_says_which_nodes_wait_and_why_and_ctrl_c_removes_it() {
    let node = |index: u32, status: &str| json!({"index": index, "status": status});
    let nodes = json!([node(0, "running"), node(1, "pending"), node(2, "pending")]);
    let waits = json!({"num_nodes": 3, "nodes": nodes, "reason": "Unschedulable", "message": "1 Insufficient memory"});
    let gateway =
        Gateway::new().on(LOGS, Reply::Stream(vec![Step::Hang])).json("GET /tasks/abc12345", task("running", &waits));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs logs abc12345"), 100);
    running.wait_for("running (0s), node-0 running, nodes 1-2 pending: Unschedulable: 1 Insufficient memory");
    // The terminal has wrapped the line of 84 columns into three rows: all of them go.
    resize(&running.host, 40);
    running.wait_for("\r\u{1b}[2A\u{1b}[Jrunning (");
    running.wait_for("Unschedulable: 1 Insuf…");
    running.signal(Signal::INT);
    let (shown, code) = running.end();
    assert_eq!(code, Some(130));
    let detached = "\r\u{1b}[KStopped tailing logs\nhint: the task keeps running: `k8s-cli jobs logs abc12345` follows";
    assert!(shown.contains(detached), "{shown:?}");
}

#[test]
fn ctrl_c_ends_waiting_and_says_how_to_wait_again() {
    let gateway = Gateway::new().json("GET /tasks/abc12345", task("pending", &json!({})));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs wait abc12345"), 80);
    running.wait_for("pending (0s)");
    running.signal(Signal::INT);
    let (shown, code) = running.end();
    assert_eq!(code, Some(130));
    assert!(shown.contains("Stopped waiting\nhint: the task keeps running: `k8s-cli jobs wait abc12345`"), "{shown:?}");
}

#[test]
fn a_broken_connection_is_told_and_leaves_no_trace() {
    let line = b"2026-11-24T10:00:10.500000000Z a\n".to_vec();
    let again = format!("{LOGS}&since=2026-11-24T10%3A00%3A09Z");
    let gateway = Gateway::new()
        .json("GET /tasks/abc12345", task("running", &json!({})))
        .on(LOGS, Reply::Stream(vec![Step::Send(line.clone()), Step::Cut]))
        .on(&again, Reply::Json(503, json!({"detail": "away"})))
        .on(&again, Reply::Stream(vec![Step::Send(line), Step::Send(b"2026-11-24T10:00:12.000000000Z b\n".to_vec())]));
    let home = Home::bob(&gateway.url);
    let running = Running::start(home.command("jobs logs abc12345"), 80);
    running.wait_for("a\n");
    running.wait_for("log connection lost, trying again (1 of 15): ");
    running.wait_for("log connection lost, trying again (2 of 15): HTTP 503\r\u{1b}[K");
    let (shown, code) = running.end();
    assert_eq!((shown.as_str(), code), ("b\n", Some(0)));
}
