//! Task files and what becomes of them, as tables.

use serde_json::{Value, json};
use sky_taskfile::{Overrides, TaskFileError, parse, parse_with};

fn body(text: &str) -> Value {
    let file = parse(text, "task.yaml").unwrap_or_else(|error| panic!("{text}\n{error}"));
    serde_json::to_value(file.request).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    parse(text, "task.yaml").err().unwrap_or_else(|| panic!("accepted: {text}")).to_string()
}

#[test]
fn the_specification_example() {
    let text = "
name: training-job
num_nodes: 2
resources:
  cpus: \"4\"
  memory: \"8Gi\"
  accelerators: \"1\"
  image_id: \"python:3.11\"
volumes:
  /data: data-vol
envs:
  EPOCHS: \"100\"
setup: |
  pip install torch numpy
run: |
  python train.py --data /data --epochs $EPOCHS
";
    let expected = json!({
        "name": "training-job", "num_nodes": 2,
        "resources": {"cpus": "4", "memory": "8Gi", "accelerators": "1", "image_id": "python:3.11"},
        "envs": {"EPOCHS": "100"}, "volumes": {"/data": "data-vol"},
        "setup": "pip install torch numpy\n", "run": "python train.py --data /data --epochs $EPOCHS\n",
    });
    assert_eq!(body(text), expected);
}

#[test]
fn resources_in_every_form() {
    for (field, expected) in [
        ("cpus: 4", json!({"cpus": "4"})),
        ("cpus: 0.5", json!({"cpus": "0.5"})),
        ("cpus: 4.0", json!({"cpus": "4"})),
        ("cpus: 500m", json!({"cpus": "500m"})),
        ("cpus: 4+", json!({"cpus": "4+"})),
        ("cpus: null", json!({})),
        ("memory: 32", json!({"memory": "32"})),
        ("memory: 32GB", json!({"memory": "32"})),
        ("memory: 512Mi", json!({"memory": "512Mi"})),
        ("accelerators: 1", json!({"accelerators": "1"})),
        ("accelerators: H100:8", json!({"accelerators": "H100:8"})),
        ("accelerators: {H100: 8}", json!({"accelerators": "H100:8"})),
        ("accelerators: {H100: null}", json!({"accelerators": "H100"})),
        ("accelerators: {A100: 1, H100: 1}", json!({"accelerators": "A100,H100"})),
        ("accelerators: [A100, \"H100:2\"]", json!({"accelerators": "A100,H100:2"})),
        ("disk_size: 1TB", json!({"disk_size": 1024})),
        ("disk_size: \"256\"", json!({})),
        ("ports: 8080", json!({"ports": [8080]})),
        ("ports: 8080-8082", json!({"ports": [8080, 8081, 8082]})),
        ("ports: [80, \"443\"]", json!({"ports": [80, 443]})),
        ("ports: []", json!({})),
        ("use_spot: true", json!({"use_spot": true})),
        ("image_id: {docker: \"ubuntu:22.04\"}", json!({"image_id": "ubuntu:22.04"})),
        ("infra: null", json!({})),
    ] {
        assert_eq!(body(&format!("run: x\nresources: {{{field}}}"))["resources"], expected, "{field}");
    }
}

#[test]
fn values_of_the_environment_are_pythons() {
    let text = "run: x\nenvs: {I: 1, B: true, F: 1.50, E: 1.0e+20, S: 'a b', N: -3, EMPTY: '', 5: x}";
    let expected = json!({
        "I": "1", "B": "True", "F": "1.5", "E": "1e+20", "S": "a b", "N": "-3", "EMPTY": "", "5": "x",
    });
    assert_eq!(body(text)["envs"], expected);
}

#[test]
fn null_means_absent_and_a_setup_alone_is_a_task() {
    assert_eq!(
        body("run: x\nname: null\nenvs: null\nresources: null\nnum_nodes: null\nsecrets: null"),
        json!({"run": "x"})
    );
    assert_eq!(body("setup: x"), json!({"setup": "x"}));
    assert_eq!(body("run: ''"), json!({"run": ""}));
}

#[test]
fn overrides_win_and_are_checked_too() {
    let envs = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let envs = envs(&[("A", "1"), ("C", "")]);
    let overrides = Overrides { name: Some("n".into()), num_nodes: Some(3), envs, ..Overrides::default() };
    let with = |text: &str| parse_with(text, "task.yaml", overrides.clone());
    let file = with("run: x\nname: 5\nenvs: {A: null, B: 2}").unwrap();
    let expected = json!({"name": "n", "num_nodes": 3, "envs": {"A": "1", "B": "2", "C": ""}, "run": "x"});
    assert_eq!(serde_json::to_value(file.request).unwrap(), expected);
    assert_eq!(with("run: x").unwrap().request.envs.len(), 2);
    let refused = with("run: x\nenvs: [A]").unwrap_err().to_string();
    assert_eq!(refused, "task.yaml: `envs`: must be a mapping, not a list");
    let none = Overrides { num_nodes: Some(0), ..Overrides::default() };
    assert!(parse_with("run: x", "task.yaml", none).is_err());
}

#[test]
fn refusals_name_the_field() {
    for (text, message) in [
        ("name: x", "task.yaml: there is nothing to run: write `run: <command>`"),
        ("run: null", "task.yaml: there is nothing to run: write `run: <command>`"),
        ("run: x\nnum_nodes: 0", "task.yaml: `num_nodes`: a task has 1 node or more, not 0"),
        ("run: x\nnum_nodes: true", "task.yaml: `num_nodes`: must be a whole number, not true or false"),
        ("run: x\nnum_nodes: 99999999999", "task.yaml: `num_nodes`: 99999999999 nodes are too many"),
        ("run: x\nenv: {A: 1}", "task.yaml: `env`: unknown field; did you mean `envs`?"),
        ("run: x\ncommand: y", "task.yaml: `command`: unknown field; did you mean `run`?"),
        ("run: x\nnonsense: y", "task.yaml: `nonsense`: unknown field"),
        ("run: x\nservice: {replicas: 1}", "task.yaml: `service`: serving is not supported: a task runs to its end"),
        ("run: x\nresources: {cpu: 4}", "task.yaml: `resources.cpu`: unknown field; did you mean `cpus`?"),
        ("run: x\nresources: []", "task.yaml: `resources`: must be a mapping, not a list"),
        ("run: x\nresources: {cpus: true}", "task.yaml: `resources.cpus`: must be a number or text, not true or false"),
        (
            "run: x\nresources: {cpus: many}",
            "task.yaml: `resources.cpus`: `many` is not a number of cores: write for example `4`, `0.5` or `500m`",
        ),
        (
            "run: x\nresources: {accelerators: {}}",
            "task.yaml: `resources.accelerators`: is empty: write for example `H100:8`, or leave the field out",
        ),
        (
            "run: x\nresources: {ports: 70000}",
            "task.yaml: `resources.ports`: `70000` is no port from 1 to 65535 and no range of them",
        ),
        (
            "run: x\nenvs: {A: null}",
            "task.yaml: `envs.A`: has no value: write one (`\"\"` for an empty one), or give it with `--env A=…`",
        ),
        ("run: x\nenvs: [A]", "task.yaml: `envs`: must be a mapping, not a list"),
        ("run: x\nname: 5", "task.yaml: `name`: must be text, not a number: write it in quotes, \"5\""),
        ("run: [x]", "task.yaml: `run`: must be text, not a list"),
        ("run: x\nvolumes: {/mnt: 5}", "task.yaml: `volumes./mnt`: must be the name of a volume, not a number"),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
}

#[test]
fn all_problems_at_once() {
    let text = "nmae: x\nnum_nodes: -1\nresources: {cpus: [4], memry: 1}";
    let expected = "task.yaml: `nmae`: unknown field; did you mean `name`?
task.yaml: `num_nodes`: a task has 1 node or more, not -1
task.yaml: `resources.cpus`: must be a number or text, not a list
task.yaml: `resources.memry`: unknown field; did you mean `memory`?
task.yaml: there is nothing to run: write `run: <command>`";
    assert_eq!(refusal(text), expected);
}

#[test]
fn broken_yaml_says_where() {
    assert_eq!(
        refusal("a: [1\n"),
        "task.yaml:2:1: did not find expected ',' or ']' at line 2 column 1, while parsing a flow sequence at line 1 column 4"
    );
    let error = parse("run: x\n\tname: y\n", "task.yaml").unwrap_err();
    assert!(matches!(error, TaskFileError::Syntax { position: Some(place), .. } if place.line == 2), "{error}");
    assert!(matches!(parse(&"x".repeat(2 << 20), "f"), Err(TaskFileError::TooLarge { .. })));
}
