//! How long it takes from a task file to the objects made of it.
//!
//! `cargo test --release -p sky-operator-core --lib speed -- --ignored --nocapture`
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sky_taskfile::{MAX_BYTES, parse};

use super::{ObservedTask, fixture, plan, samples::stored, snapshots::claims};

/// Bounds of a program that is built as it is delivered.
const ONE_TASK: Duration = Duration::from_millis(1);
const ONE_MEGABYTE: Duration = Duration::from_millis(50);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(50);
const OPTIMISED: bool = !cfg!(debug_assertions);

/// The median of so many runs.
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            black_box(run());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[runs / 2]
}

/// Parse, request, resource, validate, plan.
fn planned(text: &str) -> usize {
    let task = stored(&parse(text, "f").unwrap());
    let observed = ObservedTask { claims: claims(&task), ..ObservedTask::default() };
    plan(&fixture::valid(&task), &observed, fixture::at(0)).writes.len()
}

/// A file of the largest size.
fn filled(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let line = line(number);
        if text.len() + line.len() > MAX_BYTES {
            break;
        }
        text.push_str(&line);
    }
    text
}

#[test]
#[ignore = "a benchmark"]
fn speed() {
    let task = include_str!("../../../../tests/samples/torchrun-two-nodes.yaml");
    let one = median(200, || planned(task));
    println!("one task of two nodes, from its file to its objects: {one:?}");
    assert!(!OPTIMISED || one <= ONE_TASK, "{one:?}");
    for (what, text) in [
        ("a script", filled("run: |\n", |n| format!("  python train.py --shard {n} --lr 0.1 # a comment\n"))),
        ("variables", filled("run: x\nenvs:\n", |n| format!("  VARIABLE_{n}: some value of {n}\n"))),
        ("numbers", filled("run: x\nenvs:\n", |n| format!("  V{n}: {n}\n"))),
        ("comments", filled("run: x\n", |n| format!("# comment number {n} about nothing\n"))),
        ("lists", filled("run: x\nconfig:\n  docker:\n    run_options:\n", |n| format!("      - option-{n}\n"))),
    ] {
        let time = median(5, || parse(&text, "f").is_ok());
        println!("{} bytes of {what}: {time:?}", text.len());
        assert!(!OPTIMISED || time <= ONE_MEGABYTE + SLACK, "{what}: {time:?}");
    }
}
