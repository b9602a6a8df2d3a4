//! What is said beside a file.

use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, submitted},
    program::{Home, Ran, ran},
    words::check,
};

fn spec(run: &Ran) -> Value {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    serde_json::from_str::<Value>(&run.stdout).unwrap()["spec"].clone()
}

const FILE: &str = "\
name: t
num_nodes: 1
workdir: /a
resources: {cpus: 1, memory: 1, accelerators: T4, image_id: a, use_spot: true, ports: 80, disk_size: 9}
run: x
";

#[test]
fn every_option_wins_over_the_file() {
    let home = Home::empty("");
    home.file("task.yaml", FILE);
    let changed = spec(&home.run(
        "jobs submit task.yaml --dry-run -o json --name u --num-nodes 2 --workdir /b --cpus 4 --memory 8Gi \
         --gpus H100:8 --image-id b --infra k8s --no-use-spot --ports 8080 --ports 9000-9001 --disk-size 100",
    ));
    assert_eq!((&changed["name"], &changed["numNodes"]), (&json!("u"), &json!(2)));
    assert_eq!(changed["workdir"], json!({"path": "/b"}));
    let resources = &changed["resources"];
    assert_eq!((&resources["cpus"], &resources["memory"]), (&json!("4"), &json!("8Gi")));
    assert_eq!(resources["accelerators"], json!([{"name": "H100", "count": 8}]));
    assert_eq!((&resources["imageId"], &resources["useSpot"]), (&json!("b"), &json!(false)));
    let none = spec(&home.run(
        "jobs submit task.yaml --dry-run -o json --cpus none --memory none --gpus none --image-id none --infra none \
         --ports none --disk-size none --workdir none --use-spot",
    ));
    assert_eq!(none, json!({"name": "t", "numNodes": 1, "resources": {"useSpot": true}, "run": "x"}));
}

#[test]
fn a_repository_wins_over_the_file() {
    let home = Home::empty("");
    home.file("task.yaml", FILE);
    let changed =
        spec(&home.run("jobs submit task.yaml --dry-run -o json --git-url https://host/org/repo --git-ref v1.0"));
    assert_eq!(changed["workdir"], json!({"git": {"url": "https://host/org/repo", "ref": "v1.0"}}));
    let message = "--git-url: is missing: write the address of a git repository\n";
    check(&home, "jobs validate task.yaml --git-ref v1.0", 1, "", message);
    let both = home.run("jobs submit task.yaml --workdir /b --git-url https://host/org/repo");
    assert!(both.code == Some(2) && both.stderr.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_wrong_option_is_named() {
    let home = Home::bob("");
    home.file("task.yaml", FILE);
    let expected = "--cpus: `many` is not a number of cores: write for example `4`, `0.5` or `500m`\n";
    check(&home, "jobs submit task.yaml --cpus many", 1, "", expected);
}

#[test]
fn variables_and_their_ranks() {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted());
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x\nenvs: {A: yaml, B: yaml, C: yaml, D: null}\n");
    home.file("vars", "# comment\nexport A=file\nB='file 1'\nD=file\n");
    let mut command = home.command("jobs submit task.yaml -d --env-file vars --env A=option --env HERE");
    assert_eq!(ran(command.env("HERE", "there")).code, Some(0));
    let body = r#"{"envs":{"A":"option","B":"file 1","C":"yaml","D":"file","HERE":"there"},"run":"x"}"#;
    assert_eq!(gateway.seen(), [format!("POST /tasks/submit bob {body}")]);
    let missing = home.run("jobs submit task.yaml");
    let message =
        "task.yaml:2:38: `envs.D`: has no value: write one (`\"\"` for an empty one), or give it with `--env D=…`\n";
    assert!(missing.code == Some(1) && missing.stderr.starts_with(message), "{missing:?}");
    home.file("bad", "A=1\nB='2\n");
    check(&home, "jobs submit task.yaml --env-file bad", 1, "Error: bad: line 2: the quote is not closed\n", "");
    let nowhere = home.run("jobs submit task.yaml --env-file nowhere");
    assert!(nowhere.code == Some(1) && nowhere.stdout.starts_with("Error: nowhere: No such file"), "{nowhere:?}");
}

#[test]
fn a_secret_without_a_value_here() {
    let home = Home::bob("");
    home.file("task.yaml", "run: x\n");
    let message = "Error: --secret: `TOKEN` has no value here: set it in this environment, or write `TOKEN=VALUE`\n";
    check(&home, "jobs submit task.yaml --secret TOKEN", 1, message, "");
    let nameless = home.run("jobs submit task.yaml --secret =hunter2");
    assert!(nameless.code == Some(1) && !format!("{nameless:?}").contains("hunter2"), "{nameless:?}");
}

#[test]
fn a_secret_that_must_be_given_is_named_with_its_option() {
    let home = Home::bob("");
    home.file("task.yaml", "run: x\nsecrets:\n  HF_TOKEN: null\n");
    let message = "task.yaml:3:13: `secrets.HF_TOKEN`: has no value: give it with `--secret HF_TOKEN`, which takes it from \
                   the environment, or with `--secret-file`\n";
    check(&home, "jobs submit task.yaml", 1, "", message);
    check(&home, "jobs validate task.yaml", 1, "", message);
    home.file("secrets", "HF_TOKEN=hunter2\n");
    for args in ["--secret HF_TOKEN=hunter2", "--secret-file secrets", "--env-file secrets"] {
        let run = home.run(&format!("jobs submit task.yaml --dry-run {args}"));
        assert!(!format!("{run:?}").contains("hunter2") && !run.stderr.contains("has no value"), "{run:?}");
    }
}

/// The values go to the gateway and nowhere else: neither to a plan nor to a message.
#[test]
fn secrets_of_all_sources_are_sent_and_never_shown() {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted());
    let home = Home::bob(&gateway.url);
    let file = "run: x\nenvs: {A: yaml, D: plain-1}\nsecrets: {A: hunter1, B: hunter1, C: hunter1, D: null}\n";
    home.file("task.yaml", file);
    home.file("secrets", "B=hunter2\nC=hunter2\n");
    let args = "task.yaml --secret-file secrets --secret C=hunter3 --secret D --secret E=hunter4";
    let run = |verb: &str| ran(home.command(&format!("{verb} {args}")).env("D", "hunter5"));
    for shown in [run("jobs submit --dry-run"), run("jobs submit --dry-run -o json"), run("jobs submit -d")] {
        assert!(shown.code == Some(0) && !format!("{shown:?}").contains("hunter"), "{shown:?}");
    }
    let secrets = r#"{"A":"hunter1","B":"hunter2","C":"hunter3","D":"hunter5","E":"hunter4"}"#;
    assert_eq!(gateway.seen(), [format!(r#"POST /tasks/submit bob {{"secrets":{secrets},"run":"x"}}"#)]);
}
