//! Files that are made to hurt: they are refused or read, in time that grows with their size, and never with a panic.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use std::time::{Duration, Instant};

use sky_taskfile::{Overrides, Secrets, TaskFileError, Understood, parse_volume, understand};

/// An eighth of what a file may have, so that a debug build is done with all of them in seconds.
const SIZE: usize = 1 << 17;

/// Far above what any of these takes, also in a debug build on a busy machine; far below what a square of the size does.
const LIMIT: Duration = Duration::from_secs(10);

fn read(text: &str) -> Result<Understood, TaskFileError> {
    let started = Instant::now();
    let read = understand(text, "f", Overrides::default(), &Secrets::new());
    if let Err(error) = &read {
        assert!(error.explain().len() < 100_000, "{text:.60}: a message of {} bytes", error.explain().len());
    }
    assert!(started.elapsed() < LIMIT, "{text:.60} took {:?}", started.elapsed());
    read
}

/// `unit` as often as it fits.
fn fill(unit: &str) -> String {
    unit.repeat(SIZE / unit.len())
}

/// As [`fill`], with a number in each.
fn numbered(unit: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        let next = unit(number);
        if text.len() + next.len() > SIZE {
            break;
        }
        text.push_str(&next);
    }
    text
}

#[test]
fn bombs_are_refused() {
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "));
    let laughs = (1..12).map(level).fold("a0: &a0 [lol, lol, lol]\n".to_owned(), |file, line| file + &line);
    let merges = (1..20).fold("a0: &a0 {x: 1}\n".to_owned(), |file, n| {
        format!("{file}a{n}: &a{n} {{<<: [*a{0}, *a{0}, *a{0}], y{n}: *a{0}, z{n}: *a{0}}}\n", n - 1)
    });
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(50_000), vec!["*a"; 10_000].join(", "));
    let nested_anchors = format!("a: {}{}", numbered_anchors(60), fill("x, "));
    for bomb in [laughs, merges, long, nested_anchors] {
        let error = read(&bomb).unwrap_err();
        assert!(matches!(error, TaskFileError::Syntax { .. }), "{error}");
    }
}

fn numbered_anchors(count: usize) -> String {
    (0..count).map(|n| format!("&a{n} [")).collect::<Vec<_>>().concat()
}

#[test]
fn deep_nesting_is_refused() {
    for text in
        [fill("["), fill("{"), fill("- "), fill("? "), fill("[\n"), fill("{a: "), fill("a: [{"), fill("!!map {? ")]
    {
        assert!(read(&text).is_err(), "{text:.40}");
        assert!(read(&format!("a: {text}")).is_err(), "{text:.40}");
    }
}

#[test]
fn time_grows_with_the_size() {
    let many = |head: &str, unit: &dyn Fn(usize) -> String| format!("{head}\n{}", numbered(unit));
    for text in [
        fill("a"),
        fill(" "),
        fill("\n"),
        fill("# x\n"),
        fill("---\n"),
        fill("...\n"),
        fill("--- a\n"),
        fill("%TAG ! x\n"),
        fill("\u{feff}"),
        fill("!,"),
        fill("!a, "),
        fill("[!a, "),
        fill("'"),
        fill("\""),
        fill("&a "),
        fill("*a "),
        fill("!a "),
        fill("\t"),
        fill(":"),
        fill(": "),
        fill("a: b: "),
        fill("{}"),
        fill("[]\n"),
        format!("run: \"{}\"", fill("\\\n")),
        format!("run: |\n{}", fill("  x\n")),
        format!("run: >\n{}", fill(" \n")),
        format!("run: [{}]", fill("a, ")),
        format!("run: {}", fill("a ")),
        format!("run: {}\n", fill("$A")),
        format!("envs: {{A: {}}}\nworkdir: {}", "x".repeat(1000), "$A".repeat(SIZE / 2)),
        format!("envs: {{A: 0x{}}}", fill("f")),
        many("envs:", &|n| format!("  A{n}: 0x{}\n", "f".repeat(3000))),
        many("envs:", &|n| format!("  A{n}: {n}\n")),
        many("volumes:", &|n| format!("  a{n}: {n}\n")),
        many("file_mounts:", &|n| format!("  /a{n}: $A{n}\n")),
        many("resources:\n  labels:", &|n| format!("    a{n}: b\n")),
        many("resources:\n  accelerators:", &|n| format!("    a{n}: 1\n")),
        many("resources:\n  any_of:", &|n| format!("    - {{cpus: {}}}\n", n + 1)),
        many("resources:\n  ports:", &|n| format!("    - {}-{}\n", n % 60_000 + 1, n % 60_000 + 2)),
        many("", &|n| format!("unknown{n}: 1\n")),
        many("", &|n| format!("a{n}: &a{n} 1\nb{n}: *a{n}\n")),
        many("", &|n| format!("run: a{n}\n---\n")),
        many("execution: parallel", &|n| format!("---\nname: t{n}\n")),
        many("x: {<<: [", &|n| format!("{{a{n}: 1}}, ")),
        many("", &|_| "run: x\n".to_owned()),
    ] {
        drop(read(&text));
        drop(parse_volume(&text, "f"));
    }
}
