//! What SkyPilot's own parser makes of small files (`data/skypilot-yaml.jsonl`), and what we make of them.
//!
//! Each line has SkyPilot's verdict and normal form; `ours` and `ours_normalized` decide where we differ on purpose,
//! because a form has a meaning in the specification or makes SkyPilot crash.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy sees helpers of an integration test as library code"
)]

use serde_json::{Map, Value, json};
use sky_taskfile::{Execution, Overrides, Pipeline, Secrets, Task, TerminationDelay, parse, parse_volume, understand};

#[test]
fn all_vectors_hold() {
    let cases: Vec<Value> =
        include_str!("data/skypilot-yaml.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= 195, "{} cases", cases.len());
    let failures: Vec<String> = cases.iter().filter_map(|case| check(case).err().map(|why| show(case, &why))).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn show(case: &Value, why: &str) -> String {
    format!("--- {} {}\n{}\n=> {why}", case["id"], case["case"], case["input"].as_str().unwrap())
}

fn check(case: &Value) -> Result<(), String> {
    let input = case["input"].as_str().unwrap();
    let verdict = case["ours"].as_str();
    let ours = match case["kind"].as_str().unwrap() {
        "volume" => parse_volume(input, "t.yaml").map(|file| file.normalize()).map_err(|error| error.explain()),
        _ => understand(input, "t.yaml", Overrides::default(), &Secrets::new())
            .map_err(|error| error.explain())
            .and_then(|file| sources_exist(&file.pipeline).map(|()| normal(&file.pipeline, case))),
    };
    if let (Err(error), false) = (&ours, case["case"].as_str().unwrap().starts_with("multi:")) {
        // A refusal names a field or a place, and shows it.
        if !error.contains('^') && !error.contains('`') {
            return Err(format!("a poor message: {error}"));
        }
    }
    match (verdict, case["accepted"].as_bool().unwrap(), ours) {
        (Some("either"), _, _) | (Some("refuse") | None, false, Err(_)) | (Some("refuse"), true, Err(_)) => Ok(()),
        (Some("refuse"), _, Ok(ours)) | (None, false, Ok(ours)) => Err(format!("accepted: {ours}")),
        (_, _, Err(error)) => Err(format!("refused: {error}")),
        (_, _, Ok(ours)) => {
            if verdict == Some("unsupported") {
                let refused = match case["kind"].as_str() {
                    Some("volume") => parse_volume(input, "t.yaml")
                        .ok()
                        .and_then(|file| file.request().err())
                        .map(|refusal| refusal.to_string()),
                    _ => parse(input, "t.yaml").err().map(|error| error.to_string()),
                };
                let refused = refused.ok_or("not refused on submit")?;
                if !refused.contains("not supported") {
                    return Err(format!("on submit: {refused}"));
                }
            }
            meaning(case, ours)
        }
    }
}

/// The vectors are for a directory that holds `wd` and nothing else.
fn sources_exist(pipeline: &Pipeline) -> Result<(), String> {
    let mut sources = pipeline.tasks.iter().flat_map(Task::local_sources);
    let missing = sources.find(|(_, source)| !matches!(*source, "wd" | "./wd" | "." | "~"));
    missing.map_or(Ok(()), |(path, source)| Err(format!("`file_mounts.{path}`: there is no `{source}`")))
}

/// The normal forms are the same where SkyPilot's says something.
fn meaning(case: &Value, ours: Value) -> Result<(), String> {
    let mut theirs = case["normalized"].clone();
    let replaced = case["ours_normalized"].as_object().cloned().unwrap_or_default();
    if theirs.is_null() {
        return replaced.iter().try_for_each(|(path, expected)| {
            let pointer = format!("/{}", path.replace('.', "/"));
            // An empty part is left out of a normal form.
            let found = ours.pointer(&pointer).cloned().unwrap_or_else(|| json!({}));
            let (found, expected) = (comparable(found), comparable(expected.clone()));
            if found == expected { Ok(()) } else { Err(format!("{path}: {found}, not {expected}")) }
        });
    }
    for (path, value) in replaced {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", &path));
        let pointer = if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
        theirs.pointer_mut(&pointer).unwrap()[name] = value;
    }
    let (ours, theirs) = (comparable(ours), comparable(inferred_away(theirs)));
    if ours == theirs { Ok(()) } else { Err(format!("\nours   {ours}\ntheirs {theirs}")) }
}

/// SkyPilot fills in what follows from a virtual type of machine.
fn inferred_away(mut normal: Value) -> Value {
    let resources = normal.get_mut("resources").and_then(Value::as_object_mut);
    if let Some(resources) = resources.filter(|resources| resources.contains_key("instance_type")) {
        resources.remove("memory");
    }
    normal
}

/// Our normal form in SkyPilot's shape.
fn normal(pipeline: &Pipeline, case: &Value) -> Value {
    if case["case"].as_str().unwrap().starts_with("multi:") {
        return whole(pipeline);
    }
    let mut task = pipeline.tasks[0].normalize();
    let mut config = task.remove("config").and_then(|config| config.as_object().cloned()).unwrap_or_default();
    if let Some(hooks) = config.remove("hooks") {
        task.insert("config".to_owned(), json!({ "hooks": hooks }));
    }
    if !config.is_empty() {
        let resources = &mut task["resources"];
        let list = ["any_of", "ordered"].into_iter().find(|name| resources.get(name).is_some());
        match list.and_then(|name| resources[name].as_array_mut()) {
            Some(all) => {
                for one in all {
                    one["_cluster_config_overrides"] = config.clone().into();
                }
            }
            None => resources["_cluster_config_overrides"] = config.into(),
        }
    }
    if let Some(pool) = task.remove("pool") {
        task.insert("service".to_owned(), json!({ "pool": pool }));
    }
    if let Some(Value::String(count)) = task["resources"].get("accelerators").cloned() {
        task["resources"]["accelerators"] = json!({"<any GPU>": count.parse::<f64>().unwrap()});
    }
    task.into()
}

fn whole(pipeline: &Pipeline) -> Value {
    let (execution, primary, delay) = match &pipeline.execution {
        Execution::Serial => ("serial", None, None),
        Execution::Parallel { primary_tasks, termination_delay, .. } => {
            let delay = termination_delay.as_ref().map(|delay| match delay {
                TerminationDelay::All(all) => json!(all),
                TerminationDelay::Each(each) => json!(each),
            });
            ("parallel", primary_tasks.clone(), delay)
        }
    };
    let names: Vec<_> = pipeline.tasks.iter().map(|task| task.name.clone()).collect();
    json!({"dag": pipeline.name, "execution": execution, "tasks": names, "primary": primary, "delay": delay})
}

/// Keys in order, numbers as numbers, and without what is SkyPilot's own or says nothing.
fn comparable(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map
                .into_iter()
                .filter(|(key, value)| {
                    (!key.starts_with('_') || key == "_cluster_config_overrides") && !value.is_null()
                })
                .filter(|(key, _)| !matches!(key.as_str(), "cloud" | "region" | "zone"))
                .map(|(key, value)| (key.clone(), field(&key, value)))
                .filter(|(key, value)| key != "infra" || *value != json!(""))
                // An empty part says nothing.
                .filter(|(_, value)| *value != json!({}) && *value != json!([]))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.into_iter().collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(comparable).collect::<Vec<_>>().into(),
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

fn field(key: &str, value: Value) -> Value {
    match (key, value) {
        ("cpus" | "memory" | "size" | "disk_size", Value::String(text)) => json!(amount(&text)),
        // A set has no order.
        ("any_of", Value::Array(items)) => {
            let mut items: Vec<Value> = items.into_iter().map(comparable).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        ("image_id", Value::String(image)) => json!({ "null": without_prefix(&image) }),
        ("image_id", Value::Object(images)) => {
            let images =
                images.into_iter().map(|(region, image)| (region, json!(without_prefix(image.as_str().unwrap()))));
            images.collect::<Map<_, _>>().into()
        }
        // The long form of a name alone.
        ("volumes", Value::Object(volumes)) => {
            let named = volumes.into_iter().map(|(path, volume)| (path, without_long_form(volume)));
            comparable(named.collect::<Map<_, _>>().into())
        }
        ("recover_on_exit_codes", Value::Number(code)) => comparable(json!([code])),
        ("infra", Value::String(infra)) => json!(infra.replacen("k8s", "kubernetes", 1)),
        (_, other) => comparable(other),
    }
}

fn without_long_form(volume: Value) -> Value {
    let keys = volume.as_object().map_or(0, Map::len);
    volume.get("name").filter(|_| keys == 1).cloned().unwrap_or(volume)
}

/// `docker:` is not part of an image's name.
fn without_prefix(image: &str) -> &str {
    image.trim_start_matches("docker:")
}

/// `32.0`, `32` and `32Gi` are the same amount.
fn amount(text: &str) -> String {
    let (digits, plus) = text.strip_suffix('+').map_or((text, ""), |digits| (digits, "+"));
    let units = [("Gi", 1.0), ("Mi", 1.0 / 1024.0), ("Ti", 1024.0)];
    let unit = units.into_iter().find_map(|(unit, factor)| Some((digits.strip_suffix(unit)?, factor)));
    let (digits, factor) = unit.unwrap_or((digits, 1.0));
    match digits.trim().parse::<f64>() {
        Ok(value) => format!("{}{plus}", value * factor),
        Err(_) => text.to_owned(),
    }
}
