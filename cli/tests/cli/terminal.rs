//! On a terminal: boxes, colours, and a status line that leaves no trace.

use std::{fs::File, io::Read as _, os::fd::AsFd, process::Command, time::Duration};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::json;

use crate::{
    gateway::{Gateway, LOGS, Reply, Step, submitted, task},
    program::Home,
};

/// A terminal of this width and 24 rows: its host's end, and the command's.
pub(crate) fn terminal(columns: u16) -> (File, File) {
    let host = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&host).unwrap();
    unlockpt(&host).unwrap();
    resize(&host, columns);
    let name = ptsname(&host, Vec::new()).unwrap().into_string().unwrap();
    (File::from(host), File::options().read(true).write(true).open(name).unwrap())
}

/// Gives the terminal another width.
pub(crate) fn resize(host: impl AsFd, columns: u16) {
    tcsetwinsize(host.as_fd(), Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

/// Runs the command on a terminal of this width; what it shows, and its exit code.
fn on_terminal(mut command: Command, columns: u16) -> (String, Option<i32>) {
    let (mut host, terminal) = terminal(columns);
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // The command holds the terminal open; without this, reading would never end.
    drop(command);
    let mut shown = Vec::new();
    // A terminal whose last user has gone gives an error instead of an end.
    let _ = host.read_to_end(&mut shown);
    (String::from_utf8(shown).unwrap().replace("\r\n", "\n"), child.wait().unwrap().code())
}

#[test]
fn tables_in_boxes_unless_the_terminal_is_too_narrow() {
    let gateway = Gateway::new().json("GET /tasks", json!({"tasks": [task("running", &json!({}))]}));
    let home = Home::bob(&gateway.url);
    let boxed = "                       Tasks
┏━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┓
┃ Task ID  ┃ Name  ┃ Status  ┃ Created             ┃
┡━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━┩
│ abc12345 │ train │ running │ 2025-10-05T12:34:56 │
└──────────┴───────┴─────────┴─────────────────────┘

Total tasks: 1
";
    assert_eq!(on_terminal(home.command("jobs list"), 80), (boxed.to_owned(), Some(0)));
    assert!(on_terminal(home.command("jobs list"), 40).0.starts_with("Tasks\nTask ID   Name"));
}

#[test]
fn colours_unless_refused() {
    let home = Home::empty("");
    assert_eq!(on_terminal(home.command("auth whoami"), 80).0, "\u{1b}[33mNot logged in\u{1b}[0m\n");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = home.command("auth whoami");
        command.env(name, value);
        assert_eq!(on_terminal(command, 80).0, "Not logged in\n");
    }
}

#[test]
fn the_status_line_is_gone_when_the_log_begins() {
    let waiting = json!({"reason": "ImagePullBackOff", "message": "cannot pull\u{1b} image"});
    let steps = vec![Step::Pause(Duration::from_millis(1500)), Step::Send(b"hello\n".to_vec())];
    let gateway = Gateway::new()
        .json("POST /tasks/submit", submitted())
        .json("GET /tasks/abc12345", task("pending", &waiting))
        .json("GET /tasks/abc12345", task("pending", &waiting))
        .json("GET /tasks/abc12345", task("completed", &json!({})))
        .on(LOGS, Reply::Stream(steps));
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x");
    let mut command = home.command("jobs submit task.yaml");
    command.env("NO_COLOR", "1");
    let (shown, code) = on_terminal(command, 45);
    assert_eq!(code, Some(0));
    let drawn = "\r\u{1b}[Kpending (0s): ImagePullBackOff: cannot pu…";
    assert!(shown.contains(drawn), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[Khello\n"), "{shown:?}");
}

#[test]
fn a_wrong_file_is_shown_with_its_line_below_the_words() {
    let home = Home::empty("");
    home.file("task.yaml", "run: x\nnum_nodes: 0\n\u{1b}[31m: 1\n");
    home.file("nodes.yaml", "run: x\nnum_nodes: 0 # \u{e9}\n");
    let (shown, code) = on_terminal(home.command("jobs submit nodes.yaml"), 60);
    assert_eq!(code, Some(1));
    assert!(shown.starts_with("\u{1b}[31mError: [{'type': 'greater_than_equal'"), "{shown:?}");
    let lines = "nodes.yaml:2:12: `num_nodes`: a task has 1 node or more, not 0\n 2 | num_nodes: 0 # \u{e9}\n   |            ^\n";
    assert!(shown.ends_with(lines), "{shown:?}");
    // What a file holds must not drive the terminal.
    let (shown, code) = on_terminal(home.command("jobs validate task.yaml"), 60);
    assert!(code == Some(1) && !shown.contains("\u{1b}[31m"), "{shown:?}");
}
