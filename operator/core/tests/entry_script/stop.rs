//! A task that is told to stop: pod deletion, node drain, deadline.
//!
//! A shell that traps TERM runs its handler between two commands. A signal that comes when it is about to start one hits
//! the shell, but not the command, and the shell waits for that: then only the end of the grace period helps, with this
//! entry script as with any. So here it is the command that says when it is up: `busy` of the harness.

use std::time::{Duration, Instant};

use super::harness::{Image, Task};

/// The first is what a pod gets unless its image names another.
const SIGNALS: [&str; 7] = ["TERM", "INT", "QUIT", "HUP", "USR1", "WINCH", "RTMIN+3"];

pub(crate) fn stop_signals_end_a_task(image: &Image) {
    for signal in SIGNALS {
        let mut task = Task::new(image).run("busy; echo no; sleep 1000").start();
        task.wait_for("up");
        task.signal(signal);
        let ended = task.end();
        assert_eq!(ended.code, 143, "{signal}: {ended:?}");
        assert!(!ended.output.contains("no"), "{signal}: {ended:?}");
    }
    for run in [
        "sh -c 'sh -c \"busy; echo no\"; echo no; exit 0'; sleep 1000",
        "while :; do busy; done",
        "busy & wait",
        "setsid busy & wait; sleep 1000",
        "(busy; echo no) & while :; do :; done",
        "exec busy",
        "trap 'echo trapped' EXIT; busy >&2 | cat & wait",
        "x=$(busy >&2); sleep 1000",
    ] {
        eprintln!("{run}");
        let mut task = Task::new(image).run(run).start();
        task.wait_for("up");
        task.signal("TERM");
        let ended = task.end();
        assert_eq!(ended.code, 143, "{run}: {ended:?}");
        assert_eq!(ended.output.contains("trapped"), run.contains("trapped"), "{run}: {ended:?}");
    }
}

pub(crate) fn handlers_may_finish_but_not_succeed(image: &Image) {
    for run in [
        "trap 'echo handled; exit 0' TERM; busy",
        "trap 'echo handled; exit 0' TERM; busy & wait",
        "trap 'stop=1' TERM; while [ -z \"$stop\" ]; do busy; done; echo handled",
        "trap '' TERM; echo up; until read -r x <pipe; do :; done 2>/dev/null; echo handled",
        "sh -c 'trap \"echo handled; exit 0\" TERM; busy & wait'; exit 0",
    ] {
        eprintln!("{run}");
        let mut task = Task::new(image).run(run).start();
        task.wait_for("up");
        task.signal("TERM");
        if run.contains("pipe") {
            // A second signal changes nothing.
            task.signal("TERM");
            task.release();
        }
        let ended = task.end();
        assert_eq!(ended.code, 143, "{run}: {ended:?}");
        assert!(ended.output.ends_with("handled\n"), "{run}: {ended:?}");
        assert_eq!(ended.message, "", "{ended:?}");
    }
}

/// A checkpoint takes its time, also when the script that waits for it was hit as well.
pub(crate) fn children_have_the_grace_period(image: &Image) {
    let child = "sh -c 'trap \"echo saving; until read -r x <pipe; do :; done 2>/dev/null; echo saved; exit 0\" TERM; busy & wait'";
    for run in [child.to_owned(), format!("{child} & wait"), format!("({child}) & wait $!")] {
        let mut task = Task::new(image).run(run.as_str()).start();
        task.wait_for("up");
        task.signal("TERM");
        task.wait_for("saving");
        task.release();
        let ended = task.end();
        assert_eq!(ended.code, 143, "{run}: {ended:?}");
        assert!(ended.output.contains("saved\n"), "{run}: {ended:?}");
    }
}

pub(crate) fn stop_in_setup_keeps_run_from_starting(image: &Image) {
    for setup in ["busy & wait", "trap 'exit 0' TERM; busy & wait", "exec busy"] {
        let mut task = Task::new(image).setup(setup).run("echo no").start();
        task.wait_for("up");
        task.signal("TERM");
        let ended = task.end();
        assert_eq!((ended.code, ended.message.as_str()), (143, ""), "{setup}: {ended:?}");
        assert!(!ended.output.contains("no\n"), "{setup}: {ended:?}");
    }
}

/// PID 1 is in a command of its own when the signal comes.
pub(crate) fn stop_before_the_first_shell_is_not_lost(image: &Image) {
    if image.sh == "busybox" {
        // Debian's runs its own tools, whatever PATH says.
        return;
    }
    let real = super::harness::which("mkdir").unwrap();
    let mkdir = format!("echo early; read -r x <pipe; exec {} \"$@\"", real.display());
    let mut task = Task::new(image).tool("mkdir", &mkdir).setup("echo no").run("echo no").start();
    task.wait_for("early");
    task.signal("TERM");
    task.release();
    task.end().expect(143, "early\n");
}

/// The shell does not hear the signal: it was just forked, or is a bash that is still reading its rc files.
pub(crate) fn stop_of_a_deaf_shell_is_not_lost(image: &Image) {
    let real = super::harness::which("setsid").unwrap();
    let setsid = format!("trap '' TERM; echo deaf; read -r x <pipe; exec {} \"$@\"", real.display());
    for setup in [None, Some("echo no")] {
        if image.sh == "busybox" {
            // Debian's runs its own tools, whatever PATH says.
            break;
        }
        let mut task = Task::new(image).tool("setsid", &setsid).run("echo no");
        if let Some(setup) = setup {
            task = task.setup(setup);
        }
        let mut task = task.start();
        task.wait_for("deaf");
        task.signal("TERM");
        task.wait_for_stop();
        task.release();
        task.end().expect(143, "deaf\n");
    }
    if image.bash {
        let setup = "echo 'echo reading; read -r x <pipe' >~/.bashrc";
        let mut task = Task::new(image).setup(setup).run("echo no; sleep 1000").start();
        task.wait_for("reading");
        task.signal("TERM");
        let ended = task.end();
        assert_eq!(ended.code, 143, "{ended:?}");
        assert!(!ended.output.contains("no\n"), "{ended:?}");
    }
}

/// From the first traps to the middle of run, in steps that no machine keeps exactly.
pub(crate) fn stop_at_any_time_ends_a_task(image: &Image) {
    for step in 0..16 {
        let task = Task::new(image).setup("export A=1").run("while :; do :; done; echo no").start();
        task.wait_for_traps();
        let at = Instant::now() + Duration::from_micros(step * 1500);
        while Instant::now() < at {
            std::hint::spin_loop();
        }
        task.signal("TERM");
        let ended = task.end();
        assert_eq!(ended.code, 143, "{step}: {ended:?}");
        assert!(!ended.output.contains("no\n"), "{step}: {ended:?}");
    }
}

/// In a shared process namespace the script is not PID 1: what is not the task's must not be hit.
pub(crate) fn strangers_are_spared(image: &Image) {
    let pause = r#"
        sleep 1000 & stranger=$!
        setsid "$@" & task=$!
        trap 'kill -TERM $task' TERM USR2
        wait $task
        wait $task
        code=$?
        kill -0 $stranger && echo spared
        exit $code"#;
    let script = format!("cat >\"$dir/pause\" <<'E'\n{pause}\nE\nprefix=\"sh $dir/pause\"");
    let mut task = Task::new(image).setting(&script).run("busy; echo no; sleep 1000").start();
    task.wait_for("up");
    task.signal("TERM");
    let ended = task.end();
    assert_eq!(ended.code, 143, "{ended:?}");
    assert!(ended.output.ends_with("spared\n") && !ended.output.contains("no\n"), "{ended:?}");
}
