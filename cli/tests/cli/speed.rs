//! How long a whole process takes: `cargo test -p k8s-cli --release -- --ignored --nocapture speed`

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    gateway::{Gateway, LOGS, Reply, Step, task},
    program::Home,
};

/// Runs of each command.
const RUNS: usize = 50;

/// Lines of the log.
const LINES: usize = 1_000_000;

/// Prints the figures and gives the median: a busy machine must not fail this.
fn measured(home: &Home, args: &str) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            let ran = home.run(args);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            started.elapsed()
        })
        .collect();
    times.sort();
    let (least, median, worst) = (times[0], times[RUNS / 2], times[RUNS - 1]);
    #[allow(clippy::print_stdout, reason = "the figures are what this is for")]
    {
        println!("k8s-cli {args}: least {least:.1?}, median {median:.1?}, worst {worst:.1?} of {RUNS}");
    }
    median
}

#[test]
#[ignore = "a benchmark"]
fn speed() {
    let optimised = !cfg!(debug_assertions);
    assert!(optimised, "a debug build says nothing: add --release");
    let waits =
        json!({"reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."});
    let tasks: Vec<_> = (0..1000).map(|_| task("pending", &waits)).collect();
    let gateway = Gateway::new().json("GET /tasks", json!({"tasks": tasks}));
    let piece = "node-0 | 2026-11-24T10:00:00.000000000Z step 1: loss 0.123\n".repeat(1000).into_bytes();
    let gateway = gateway.on(LOGS, Reply::Stream(vec![Step::Send(piece); LINES / 1000]));
    let home = Home::bob(&gateway.url);
    assert!(measured(&home, "--version") <= Duration::from_millis(20));
    assert!(measured(&home, "jobs list") <= Duration::from_millis(300));
    assert!(measured(&home, "jobs list -o wide") <= Duration::from_millis(300));
    assert!(measured(&home, "jobs list -o json") <= Duration::from_millis(300));
    let started = Instant::now();
    let ran = home.run("jobs logs abc12345");
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("node-0 | step")).count(), LINES);
    #[allow(clippy::print_stdout, reason = "the figures are what this is for")]
    {
        println!("k8s-cli jobs logs: {LINES} lines in {:.1?}", started.elapsed());
    }
}
