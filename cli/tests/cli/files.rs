//! Files that are no task: the original's words where it has some, and always the place and the line.

use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, submitted},
    program::{Home, ran},
    words::check,
};

#[test]
fn what_the_original_refuses_too() {
    let home = Home::bob("");
    let no_run = "Error: 'run' field is required in task definition\nError: 1\n";
    let too_few = "Error: [{'type': 'greater_than_equal', 'loc': ['body', 'num_nodes'], 'msg': 'Input should be \
                   greater than or equal to 1', 'input': 0, 'ctx': {'ge': 1}}]\n";
    for (file, text, stdout, stderr) in [
        (
            "norun.yaml",
            "name: x\n",
            no_run,
            "norun.yaml:1:1: there is nothing to run: write `run: <command>`\n 1 | name: x\n   | ^^^^^^^\n",
        ),
        ("empty.yaml", "", no_run, "empty.yaml: the file is empty: write at least `run: <command>`\n"),
        (
            "list.yaml",
            "- a\n",
            no_run,
            "list.yaml: the file holds a list, but a task is a mapping of fields, such as `run: <command>`\n",
        ),
        (
            "badnodes.yaml",
            "run: x\nnum_nodes: 0\n",
            too_few,
            "badnodes.yaml:2:12: `num_nodes`: a task has 1 node or more, not 0\n 2 | num_nodes: 0\n   |            ^\n",
        ),
        (
            "bad.yaml",
            "a: [1\nb: 2\n",
            "Error parsing YAML file: bad.yaml:2:2: did not find expected ',' or ']' at line 2 column 2, while parsing \
             a flow sequence at line 1 column 4\n",
            " 2 | b: 2\n   |  ^\n",
        ),
    ] {
        home.file(file, text);
        check(&home, &format!("jobs submit {file}"), 1, stdout, stderr);
    }
    let run = home.run("jobs submit norun.yaml -o json");
    assert!(run.stdout.is_empty() && run.stderr.starts_with("Error: 'run' field is required"), "{run:?}");
    check(&home, "jobs submit nowhere.yaml", 1, "Error: Task file nowhere.yaml not found\n", "");
    let command = "hint: to run a command, write `k8s-cli jobs submit -- nowhere`\n";
    check(&home, "jobs submit nowhere", 1, "Error: Task file nowhere not found\n", command);
    let folder = home.run("jobs submit .");
    assert!(folder.code == Some(1) && folder.stdout.starts_with("Error: Task file . cannot be read: "), "{folder:?}");
}

const WRONG: &str = "\
run: x
env: {A: 1}
resources:
  cpu: 1
  infra: aws
";

const FOUND: &str = "\
wrong.yaml:2:1: `env`: unknown field; did you mean `envs`?
 2 | env: {A: 1}
   | ^^^
wrong.yaml:4:3: `resources.cpu`: unknown field; did you mean `cpus`?
 4 |   cpu: 1
   |   ^^^
wrong.yaml:5:10: `resources.infra`: other clouds are not supported: leave it out, or write `kubernetes`
 5 |   infra: aws
   |          ^^^
";

#[test]
fn everything_that_only_we_refuse_is_on_standard_error() {
    let home = Home::bob("");
    home.file("wrong.yaml", WRONG);
    for args in ["jobs submit wrong.yaml", "jobs submit wrong.yaml --dry-run", "jobs validate wrong.yaml"] {
        let run = home.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{args}");
        assert_eq!(run.stderr, FOUND, "{args}");
    }
}

#[test]
fn what_is_valid_and_not_offered_is_one_sentence() {
    let home = Home::bob("");
    home.file("two.yaml", "name: p\n---\nrun: x\n---\nrun: y\n");
    let sentence = "two.yaml: the file holds 3 documents (a pipeline), which is not supported: one file, one task\n";
    check(&home, "jobs submit two.yaml", 1, "", sentence);
    check(&home, "jobs validate two.yaml", 1, "", sentence);
    home.file("broken.yaml", "name: p\n---\nrun: x\n---\nrun: [y]\n");
    let run = home.run("jobs submit broken.yaml");
    assert!(run.stderr.starts_with("broken.yaml:5:1: `[1].run`: must be text, not a list\n 5 | run: [y]\n"), "{run:?}");
}

#[test]
fn what_the_api_would_refuse_is_refused_with_its_line() {
    let home = Home::bob("");
    home.file("volume.yaml", "run: x\nvolumes:\n  /data: a volume\n");
    let expected = "volume.yaml:3:10: `volumes./data`: a volume's name has only letters, digits, `-`, `_` or `.`\n \
                    3 |   /data: a volume\n   |          ^^^^^^^^\n";
    check(&home, "jobs submit volume.yaml", 1, "", expected);
}

#[test]
fn a_resource_of_kubernetes_is_for_kubectl() {
    let home = Home::bob("");
    home.file("sky.yaml", "apiVersion: skytask.dev/v1alpha1\nkind: SkyTask\nspec: {run: x}\n");
    let sentence =
        "sky.yaml: the file holds a resource of Kubernetes (SkyTask): create it with `kubectl apply -f sky.yaml`\n";
    for args in ["jobs submit sky.yaml", "jobs validate sky.yaml", "volumes apply -f sky.yaml"] {
        check(&home, args, 1, "", sentence);
    }
}

#[test]
fn validate_says_it_of_every_file() {
    let home = Home::empty("");
    home.file("good.yaml", "run: x\nenvs: {A: null}\nresources: {disk_tier: best}\n");
    home.file("bad.yaml", "run: x\nnmae: y\n");
    let warning = "warning: good.yaml: `resources.disk_tier` is ignored: a node has the disk that it has\n";
    check(&home, "jobs validate good.yaml -e A=1", 0, "✓ good.yaml can be submitted\n", warning);
    let bad = "bad.yaml:2:1: `nmae`: unknown field; did you mean `name`?\n 2 | nmae: y\n   | ^^^^\n";
    let good = "✓ good.yaml can be submitted\n";
    check(&home, "jobs validate bad.yaml good.yaml -e A=1", 1, good, &format!("{bad}{warning}"));
    check(&home, "jobs validate bad.yaml good.yaml -e A=1 -o name", 1, "good.yaml\n", &format!("{bad}{warning}"));
    let run = home.run("jobs validate bad.yaml good.yaml -e A=1 -o json");
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let problem = json!({"field": "nmae", "line": 2, "column": 1, "message": "unknown field; did you mean `name`?"});
    let expected = json!([
        {"file": "bad.yaml", "valid": false, "problems": [problem], "warnings": []},
        {
            "file": "good.yaml", "valid": true, "problems": [],
            "warnings": ["`resources.disk_tier` is ignored: a node has the disk that it has"],
        },
    ]);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), expected);
    check(&home, "jobs validate nowhere.yaml", 1, "Error: Task file nowhere.yaml not found\n", "");
    assert_eq!(home.run("jobs validate").code, Some(2));
}

#[test]
fn validate_reads_a_volume_as_one() {
    let home = Home::empty("");
    home.file("volume.yaml", "name: v\ntype: k8s-pvc\nsize: 10Gi\nlabels: {a: b}\n");
    let warning = "warning: volume.yaml: `labels` are ignored\n";
    check(&home, "jobs validate volume.yaml", 0, "✓ volume.yaml can be applied\n", warning);
    home.file("ours.yaml", "name: v\nsize: much\nstorage_class: fast\n");
    let bad = "ours.yaml:2:7: `size`: `much` is no size: write for example `10Gi` or `1Ti`\n \
               2 | size: much\n   |       ^^^^\n";
    check(&home, "jobs validate ours.yaml", 1, "", bad);
    home.file("task.yaml", "run: x\nsize: 1\n");
    assert!(home.run("jobs validate task.yaml").stderr.contains("`size`: unknown field"));
}

/// Whatever the parser, the API's translation or the resource's schema refuses.
#[test]
fn validate_says_all_that_anybody_would_refuse() {
    let home = Home::empty("");
    let long = "x".repeat(254);
    home.file(
        "task.yaml",
        &format!(
            "name: {long}\nrun: x\nnum_nodes: 1001\nnmae: y\nvolumes: {{/a: a b, /b: c d}}\nenvs: {{A: {}}}\n",
            "y".repeat(65_537)
        ),
    );
    let run = home.run("jobs validate task.yaml -o json");
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let problems = found[0]["problems"].as_array().unwrap().iter();
    let told: Vec<_> = problems.map(|one| (one["line"].as_u64().unwrap(), one["field"].as_str().unwrap())).collect();
    let expected = [(1, "name"), (3, "num_nodes"), (4, "nmae"), (5, "volumes./a"), (5, "volumes./b"), (6, "envs.A")];
    assert_eq!(told, expected, "{}", run.stdout);
}

#[test]
fn validate_reads_standard_input() {
    let home = Home::empty("");
    home.file("task.yaml", "a: [1\n");
    let input = std::fs::File::open(home.path().join("task.yaml")).unwrap();
    let run = ran(home.command("jobs validate - -o json").stdin(input));
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &found[0]["file"], &found[0]["problems"][0]["line"]), (Some(1), &json!("stdin"), &json!(2)));
}

#[test]
fn a_command_in_place_of_a_file() {
    let gateway = Gateway::new().json("POST /tasks/submit", submitted());
    let home = Home::bob(&gateway.url);
    assert_eq!(home.run("jobs submit -d --cpus 2 -n hello -- echo hi").code, Some(0));
    let mut script = home.command("jobs submit -d");
    assert_eq!(ran(script.arg("echo $HOME; ls")).code, Some(0));
    let mut words = home.command("jobs submit -d -- sh -c");
    assert_eq!(ran(words.arg("echo $HOME")).code, Some(0));
    assert_eq!(
        gateway.seen(),
        [
            r#"POST /tasks/submit bob {"name":"hello","resources":{"cpus":"2"},"run":"echo hi"}"#,
            r#"POST /tasks/submit bob {"run":"echo $HOME; ls"}"#,
            r#"POST /tasks/submit bob {"run":"sh -c 'echo $HOME'"}"#,
        ]
    );
    let extra = home.run("jobs submit echo hi");
    assert!(extra.code == Some(2) && extra.stderr.contains("Got unexpected extra argument (hi)"), "{extra:?}");
}
