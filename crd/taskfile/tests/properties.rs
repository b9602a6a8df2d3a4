//! For all files: no panic, and what is printed reads back as the same.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use sky_taskfile::{Overrides, Secrets, Task, parse, parse_volume, understand};

/// Inputs of the vectors: a wide choice of what files hold.
fn inputs() -> Vec<String> {
    let line = |line| serde_json::from_str::<Value>(line).unwrap()["input"].as_str().unwrap().to_owned();
    include_str!("data/skypilot-yaml.jsonl").lines().map(line).collect()
}

fn tasks(text: &str) -> Result<Vec<Task>, String> {
    let read = understand(text, "f", Overrides::default(), &Secrets::new());
    read.map(|read| read.pipeline.tasks).map_err(|error| error.explain())
}

fn never_panics(text: &str) {
    drop(tasks(text));
    drop(parse(text, "f").map_err(|error| error.explain()));
    drop(parse_volume(text, "f").map_err(|error| error.explain()));
}

/// Bits of YAML, so that what is put together is YAML more often than not.
const BITS: [&str; 64] = [
    "a",
    "run",
    "name",
    ": ",
    ":",
    "\n",
    "\n  ",
    "- ",
    "-",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ",",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "|2",
    "&a ",
    "*a",
    "<<: ",
    "!",
    "!!str ",
    "!a",
    "#",
    " # ",
    "%",
    "%TAG ! x\n",
    "---\n",
    "...\n",
    "\t",
    "\r\n",
    "\\",
    "\\n",
    "\\x4",
    "@",
    "`",
    "~",
    "null",
    "12:30",
    "0x",
    "0b_",
    "1_0",
    "2024-13-01",
    "1e400",
    ".inf",
    "=",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "😀",
    "\0",
    "envs:\n  ",
    "resources:\n  ",
    "any_of:\n  - ",
    "ports: ",
    "accelerators: ",
    "$A",
    "${A}",
    "volumes:\n  ",
];

/// A vector with some bits put in or taken out.
fn changed() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..4usize, select(BITS.to_vec()));
    (select(inputs()), vec(change, 0..4)).prop_map(|(mut text, changes)| {
        for (place, cut, bit) in changes {
            let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            places.push(text.len());
            let start = place.index(places.len());
            let end = (start + cut).min(places.len() - 1);
            text.replace_range(places[start]..places[end], bit);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        never_panics(&text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        never_panics(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_yaml_makes_it_panic(bits in vec(select(BITS.to_vec()), 0..40)) {
        never_panics(&bits.concat());
    }

    #[test]
    fn no_changed_file_makes_it_panic_and_what_is_printed_reads_back(text in changed()) {
        never_panics(&text);
        for task in tasks(&text).unwrap_or_default() {
            reads_back(&task);
        }
    }

    #[test]
    fn values_of_variables_read_back(name in "[A-Z]{1,3}", value in any::<String>(), script in "(?s).{0,40}") {
        let mut task = tasks("run: x").unwrap().remove(0);
        task.envs.insert(name, value.clone());
        task.event_callback = Some(value);
        task.run = Some(script);
        reads_back(&task);
    }
}

fn reads_back(task: &Task) {
    let printed = task.to_yaml();
    let again = tasks(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again, std::slice::from_ref(task), "{printed}");
}

#[test]
fn every_vector_that_is_understood_reads_back() {
    let understood: Vec<Task> = inputs().iter().filter_map(|text| tasks(text).ok()).flatten().collect();
    assert!(understood.len() > 100, "{}", understood.len());
    understood.iter().for_each(reads_back);
}
