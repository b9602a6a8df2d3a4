//! What the command line says beside a file, as tables.

use serde_json::{Value, json};
use sky_taskfile::{Overrides, Secrets, TaskFile, TaskFileError, of_command, parse, parse_with, understand};

fn body(text: &str, overrides: Overrides) -> Value {
    let file = parse_with(text, "t.yaml", overrides).unwrap_or_else(|error| panic!("{text}\n{error}"));
    json!(file.request)
}

#[allow(clippy::unnecessary_wraps, reason = "what the fields take")]
fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn needs_replace_the_files() {
    let file = "run: x\nresources: {cpus: 4, memory: 8, gpus: T4, image_id: a, disk_size: 9, ports: 80, cloud: k8s, use_spot: true}";
    let file = file.replace("k8s", "kubernetes");
    let none = |text: &str| Overrides {
        cpus: given(text),
        memory: given(text),
        gpus: given(text),
        image_id: given(text),
        infra: given(text),
        disk_size: given(text),
        ports: vec![text.to_owned()],
        ..Overrides::default()
    };
    assert_eq!(body(&file, none("None"))["resources"], json!({"use_spot": true}));
    assert_eq!(body("run: x", none("none")), json!({"run": "x"}));
    let all = Overrides {
        cpus: given("500m"),
        memory: given("32+"),
        gpus: given("H100:8"),
        image_id: given("docker:b"),
        infra: given("k8s/here"),
        disk_size: given("1TB"),
        ports: vec!["8080".to_owned(), "9000-9001".to_owned()],
        use_spot: Some(false),
        ..Overrides::default()
    };
    let expected = json!({
        "cpus": "500m", "memory": "32+", "accelerators": "H100:8", "image_id": "docker:b", "disk_size": 1024,
        "ports": [8080, 9000, 9001], "use_spot": false,
    });
    for file in [file.as_str(), "run: x", "run: x\nresources: null"] {
        let found = body(file, all.clone())["resources"].clone();
        for (field, value) in expected.as_object().into_iter().flatten() {
            let docker = |text: &Value| text.as_str().map(|text| text.trim_start_matches("docker:").to_owned());
            assert!(found[field] == *value || docker(&found[field]) == docker(value), "{file}: {field}: {found}");
        }
    }
}

#[test]
fn needs_replace_those_of_every_alternative() {
    let file = "run: x\nresources: {cpus: 1, any_of: [{accelerators: T4, cpus: 2}, {accelerators: {L4: 1}, cpus: 3}]}";
    let all = |overrides| {
        let read = understand(file, "t.yaml", overrides, &Secrets::new()).unwrap_or_else(|error| panic!("{error}"));
        json!(read.pipeline.tasks[0].normalize()["resources"])
    };
    let more = all(Overrides { cpus: given("8"), ..Overrides::default() });
    assert_eq!(
        more,
        json!({"any_of": [{"cpus": "8", "accelerators": {"T4": 1}}, {"cpus": "8", "accelerators": {"L4": 1}}]})
    );
    let one = all(Overrides { gpus: given("H100:2"), cpus: given("none"), ..Overrides::default() });
    assert_eq!(one, json!({"accelerators": {"H100": 2}}));
}

#[test]
fn a_work_directory() {
    let with = |workdir| body("run: x\nworkdir: /a", Overrides { workdir: given(workdir), ..Overrides::default() });
    assert_eq!(with("/b")["workdir"], "/b");
    assert_eq!(with("none").get("workdir"), None);
}

#[test]
fn a_repository() {
    let url = "https://host/b";
    for (of_file, git_url, git_ref, expected) in [
        ("/a", given(url), None, json!({"url": url})),
        ("/a", given(url), given("v2"), json!({"url": url, "ref": "v2"})),
        ("{url: 'https://host/a', ref: v1}", None, given("v2"), json!({"url": "https://host/a", "ref": "v2"})),
        ("{url: 'https://host/a', ref: v1}", given(url), None, json!({"url": url, "ref": "v1"})),
    ] {
        let file = format!("run: x\nworkdir: {of_file}");
        assert_eq!(body(&file, Overrides { git_url, git_ref, ..Overrides::default() })["workdir"], expected, "{file}");
    }
}

#[test]
fn variables_of_a_file_lose_and_secrets_are_no_variables() {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let overrides = Overrides {
        envs: pairs(&[("A", "option")]),
        env_file: pairs(&[("A", "file"), ("B", "file"), ("S", "file"), ("T", "file")]),
        ..Overrides::default()
    };
    let file = "run: x\nenvs: {A: yaml, B: yaml, C: yaml}\nsecrets: {S: null, T: yaml, U: null}";
    let secrets = pairs(&[("T", "option")]);
    let read = understand(file, "t.yaml", overrides, &secrets).unwrap_or_else(|error| panic!("{error}"));
    let task = &read.pipeline.tasks[0];
    assert_eq!(json!(task.envs), json!({"A": "option", "B": "file", "C": "yaml"}));
    assert_eq!(json!(task.secrets), json!({"S": "file", "T": "option", "U": null}));
}

#[test]
fn several_tasks_take_variables_only() {
    let overrides =
        Overrides { cpus: given("4"), envs: [("A".to_owned(), "1".to_owned())].into(), ..Overrides::default() };
    let read = understand("name: p\n---\nrun: x\n---\nrun: y", "t.yaml", overrides, &Secrets::new());
    let read = read.unwrap_or_else(|error| panic!("{error}"));
    assert!(read.pipeline.tasks.iter().all(|task| task.envs["A"] == "1"));
    assert_eq!(read.warnings, ["of the command line, only variables and secrets have an effect on several tasks"]);
}

#[test]
fn what_is_wrong_names_the_option() {
    for (overrides, message) in [
        (
            Overrides { cpus: given("many"), ..Overrides::default() },
            "--cpus: `many` is not a number of cores: write for example `4`, `0.5` or `500m`",
        ),
        (Overrides { num_nodes: Some(0), ..Overrides::default() }, "--num-nodes: a task has 1 node or more, not 0"),
        (
            Overrides { infra: given("aws"), ..Overrides::default() },
            "--infra: other clouds are not supported: leave it out, or write `kubernetes`",
        ),
        (
            Overrides { ports: vec!["1".to_owned(), "none".to_owned()], ..Overrides::default() },
            "--ports: `none` is no port from 1 to 65535 and no range of them",
        ),
    ] {
        let error = parse_with("run: x\nresources: {ports: 80}", "t.yaml", overrides).err();
        assert_eq!(error.as_ref().map(TaskFileError::explain).as_deref(), Some(message));
    }
}

#[test]
fn the_value_of_a_secret_is_in_no_message() {
    let error = parse("run: x\nsecrets:\n  secrets:A: hunter2\n", "t.yaml").err();
    let message = error.as_ref().map(TaskFileError::explain).unwrap_or_default();
    assert!(message.starts_with("t.yaml:3:14: `secrets.secrets:A`") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_command_is_a_task() {
    for script in ["echo hi", "a: b # c", "'\"\\\n\ttwo\n", "yes", "é\u{7f}"] {
        let TaskFile { request, .. } = parse(&of_command(script), "command").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(json!(request), json!({"run": script}));
    }
}
