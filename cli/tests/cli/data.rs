//! `-o json|yaml|name`: data alone on standard output, whatever happens.

use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, Reply, submitted, task},
    program::Home,
};

fn gateway() -> Gateway {
    // A key that this program does not know is passed on.
    let view = task("running", &json!({"later": {"a": 1}}));
    Gateway::new()
        .json("GET /tasks", json!({"tasks": [view.clone()]}))
        .json("GET /tasks/abc12345", view)
        .json("POST /tasks/submit", submitted())
        .on("GET /tasks/gone", Reply::Json(404, json!({"detail": "Task gone not found"})))
}

#[test]
fn json_is_the_answer_as_it_came() {
    let gateway = gateway();
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x");
    for (args, expected) in [
        ("jobs list -o json", json!({"tasks": [task("running", &json!({"later": {"a": 1}}))]})),
        ("jobs status abc12345 -o json", task("running", &json!({"later": {"a": 1}}))),
        ("jobs submit task.yaml -o json", submitted()),
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args}");
        assert_eq!(ran.stdout, format!("{}\n", serde_json::to_string_pretty(&expected).unwrap()), "{args}");
    }
}

#[test]
fn yaml_and_names() {
    let gateway = gateway();
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x");
    let yaml: Value = serde_yaml::from_str(&home.run("jobs status abc12345 -o yaml").stdout).unwrap();
    assert_eq!(yaml, task("running", &json!({"later": {"a": 1}})));
    for args in ["jobs list -o name", "jobs status abc12345 -o name", "jobs submit -o name task.yaml"] {
        assert_eq!(home.run(args).stdout, "abc12345\n", "{args}");
    }
}

#[test]
fn errors_are_not_data() {
    let ran = Home::bob(&gateway().url).run("jobs status gone -o json");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("Error: Task gone not found\nhint: "), "{}", ran.stderr);
}
