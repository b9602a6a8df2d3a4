//! The scenarios as they are in the file, with the changes that notes and our own decisions make to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{notes, ours};

/// Each line a scenario.
const RECORDINGS: &str = include_str!("../../recordings/recordings.jsonl");

/// What one or a few users do, step by step.
#[derive(Clone, Deserialize)]
pub(super) struct Scenario {
    pub id: String,
    /// How to compare.
    pub note: Option<String>,
    /// Where ours differs on purpose, in words. What it means is in [`ours`].
    pub ours: Option<String>,
    /// Files in the working directory of the command line.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    pub steps: Value,
    /// Line in the file.
    #[serde(skip)]
    pub number: usize,
}

/// What runs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Http,
    CommandLine,
    AllUsers,
}

/// One step. `capture` takes ids out of the answer for later steps.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Http {
        http: Request,
        #[serde(default)]
        capture: BTreeMap<String, String>,
        response: Response,
    },
    CommandLine {
        cli: String,
        /// Replaces the environment, where the address of the gateway is.
        env: Option<BTreeMap<String, String>>,
        #[serde(default)]
        capture: BTreeMap<String, String>,
        result: Printed,
    },
    Wait {
        wait: Wait,
    },
    Sleep {
        sleep: f64,
    },
    /// Ours: what the cluster has of the task with this id.
    Object {
        object: String,
        spec: Value,
    },
}

#[derive(Deserialize)]
pub(super) struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    pub raw: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub status: Value,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub allow: Option<String>,
    pub body: Value,
}

#[derive(Deserialize)]
pub(super) struct Printed {
    pub exit: i32,
    pub stdout: Value,
    pub stderr: Value,
}

/// Asks for `path` until its `status` is one of these.
#[derive(Deserialize)]
pub(super) struct Wait {
    pub path: String,
    pub user: String,
    pub status: Vec<String>,
}

/// `null` is a body too.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// All scenarios, in the order of the file.
pub(super) fn all() -> Vec<Scenario> {
    let parse = |(number, line)| Scenario { number, ..serde_json::from_str(line).expect("a scenario") };
    RECORDINGS.lines().enumerate().map(parse).collect()
}

impl Scenario {
    pub(super) fn section(&self) -> Section {
        let text = self.steps.to_string();
        if text.contains("\"/tasks?all_users=true\"")
            || text.contains("/stop?all_users=true")
            || text.contains("--all --all-users")
        {
            Section::AllUsers
        } else if self.steps[0].get("cli").is_some() {
            Section::CommandLine
        } else {
            Section::Http
        }
    }

    /// The steps with what we expect of ourselves.
    pub(super) fn expected(&self) -> Vec<Step> {
        let mut steps = self.steps.clone();
        if let Some(changes) = ours::changes(&self.id, &self.steps) {
            for (pointer, value) in changes {
                change(&mut steps, &pointer, value);
            }
        } else if let Some(note) = &self.note {
            notes::apply(note, steps.as_array_mut().expect("steps"));
        }
        let parse =
            |step: &Value| serde_json::from_value(step.clone()).unwrap_or_else(|error| panic!("{error}: {step}"));
        steps.as_array().expect("steps").iter().map(parse).collect()
    }

    /// How many pods it may have at once.
    pub(super) fn pods(&self, steps: &[Step]) -> u32 {
        let of = |step: &Step| match step {
            Step::Http { http, response, .. } if http.path == "/tasks/submit" && response.status == 200 => {
                http.json.as_ref().map_or(1, nodes)
            }
            Step::CommandLine { cli, .. } if cli.starts_with("jobs submit") => {
                let file = self.files.iter().find(|(name, _)| cli.ends_with(name.as_str()));
                file.map_or(1, |(_, text)| serde_yaml::from_str(text).as_ref().map_or(1, nodes))
            }
            _ => 0,
        };
        steps.iter().map(of).sum()
    }
}

fn nodes(task: &Value) -> u32 {
    task["num_nodes"].as_u64().and_then(|nodes| u32::try_from(nodes).ok()).unwrap_or(1)
}

/// Sets what a JSON pointer names, the last part of which may be new; adds to a list at `-`, inserts into it at `+index`.
fn change(steps: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match steps.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {pointer}")) {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = key.strip_prefix('+').and_then(|index| index.parse().ok());
            items.insert(index.unwrap_or_else(|| panic!("no place in a list: {pointer}")), value);
        }
        parent => parent[key] = value,
    }
}
