//! A task that is told to stop: pod deletion, node drain, deadline.

use std::time::{Duration, Instant};

use super::harness::{Image, Task};

/// The first is what a pod gets unless its image names another.
const SIGNALS: [&str; 7] = ["TERM", "INT", "QUIT", "HUP", "USR1", "WINCH", "RTMIN+3"];

pub fn stop_signals_end_a_task(image: &Image) {
    for signal in SIGNALS {
        let mut task = Task::new(image).run("echo up; sleep 1000; echo no; sleep 1000").start();
        task.wait_for("up");
        task.signal(signal);
        let ended = task.end();
        assert_eq!(ended.code, 143, "{signal}: {ended:?}");
        assert!(!ended.output.contains("no"), "{signal}: {ended:?}");
    }
    for run in [
        "sh -c 'sh -c \"echo up; sleep 1000\"; echo no; exit 0'; sleep 1000",
        "while :; do echo up; sleep 1000; done",
        "sleep 1000 & echo up; wait",
        "setsid sleep 1000 & echo up; wait; sleep 1000",
        "(sleep 1000; echo no) & echo up; while :; do :; done",
        "echo up; exec sleep 1000",
        "trap 'echo trapped' EXIT; sleep 1000 | cat & echo up; wait",
        "x=$(echo up >/proc/self/fd/2; sleep 1000); sleep 1000",
    ] {
        let mut task = Task::new(image).run(run).start();
        task.wait_for("up");
        task.signal("TERM");
        let ended = task.end();
        assert_eq!(ended.code, 143, "{run}: {ended:?}");
        assert_eq!(ended.output.contains("trapped"), run.contains("trapped"), "{run}: {ended:?}");
    }
}

pub fn handlers_may_finish_but_not_succeed(image: &Image) {
    for run in [
        "trap 'echo handled; exit 0' TERM; echo up; sleep 1000",
        "trap 'echo handled; exit 0' TERM; echo up; sleep 1000 & wait",
        "trap 'stop=1' TERM; echo up; while [ -z \"$stop\" ]; do sleep 1000; done; echo handled",
        "trap '' TERM; echo up; read -r x <pipe; echo handled",
        "sh -c 'trap \"echo handled; exit 0\" TERM; echo up; sleep 1000'; exit 0",
    ] {
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
pub fn children_have_the_grace_period(image: &Image) {
    let child = "sh -c 'trap \"echo saving; read -r x <pipe; echo saved; exit 0\" TERM; echo up; sleep 1000'";
    for run in [child.to_owned(), format!("{child} & wait"), format!("{child} & sleep 1000"), format!("({child}) & wait $!")] {
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

pub fn stop_in_setup_keeps_run_from_starting(image: &Image) {
    for setup in ["echo up; sleep 1000", "trap 'exit 0' TERM; echo up; sleep 1000", "echo up; exec sleep 1000"] {
        let mut task = Task::new(image).setup(setup).run("echo no").start();
        task.wait_for("up");
        task.signal("TERM");
        let ended = task.end();
        assert_eq!((ended.code, ended.message.as_str()), (143, ""), "{setup}: {ended:?}");
        assert!(!ended.output.contains("no\n"), "{setup}: {ended:?}");
    }
}

/// PID 1 is in a command of its own when the signal comes.
pub fn stop_before_the_first_shell_is_not_lost(image: &Image) {
    let real = super::harness::which("mkdir").unwrap();
    let mkdir = format!("echo early; read -r x <pipe; exec {} \"$@\"", real.display());
    let mut task = Task::new(image).tool("mkdir", &mkdir).setup("echo no").run("echo no").start();
    task.wait_for("early");
    task.signal("TERM");
    task.release();
    task.end().expect(143, "early\n");
}

/// The shell does not hear the signal: it was just forked, or is a bash that is still reading its rc files.
pub fn stop_of_a_deaf_shell_is_not_lost(image: &Image) {
    let real = super::harness::which("setsid").unwrap();
    let setsid = format!("trap : TERM; echo deaf; read -r x <pipe; read -r x <pipe; trap - TERM; exec {} \"$@\"", real.display());
    for (setup, run) in [(None, "echo no"), (Some("echo no"), "echo no")] {
        let mut task = Task::new(image).tool("setsid", &setsid).run(run);
        if let Some(setup) = setup {
            task = task.setup(setup);
        }
        let mut task = task.start();
        task.wait_for("deaf");
        task.signal("TERM");
        // The signal may interrupt the first `read`.
        task.release();
        task.release();
        let ended = task.end();
        assert_eq!(ended.code, 143, "{ended:?}");
        assert!(!ended.output.contains("no\n"), "{ended:?}");
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
pub fn stop_at_any_time_ends_a_task(image: &Image) {
    for step in 0..16 {
        let task = Task::new(image).setup("export A=1").run("sleep 1000; echo no; exit 0").start();
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
pub fn strangers_are_spared(image: &Image) {
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
    let mut task = Task::new(image).setting(&script).run("echo up; sh -c 'sleep 1000'; echo no; sleep 1000").start();
    task.wait_for("up");
    task.signal("TERM");
    let ended = task.end();
    assert_eq!(ended.code, 143, "{ended:?}");
    assert!(ended.output.ends_with("spared\n") && !ended.output.contains("no\n"), "{ended:?}");
}
