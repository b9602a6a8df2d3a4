//! `jobs submit --dry-run`: what would be created, without a gateway.

use crate::program::Home;

const FILE: &str = "\
name: My_Task
num_nodes: 2
resources: {cpus: 4, memory: 32, accelerators: H100:8, image_id: docker:python:3.11}
volumes: {/data: data}
envs: {EPOCHS: 3}
setup: pip list
run: |
  echo \"$EPOCHS\"
  true
";

const TASK: &str = "\
apiVersion: skytask.dev/v1alpha1
kind: SkyTask
metadata:
  name: my-task
spec:
  name: My_Task
  user: bob
  numNodes: 2
  resources:
    cpus: '4'
    memory: 32G
    accelerators:
    - name: H100
      count: 8
    imageId: python:3.11
  envs:
    EPOCHS: '3'
  volumes:
  - mountPath: /data
    name: data
  setup: pip list
  run: |
    echo \"$EPOCHS\"
    true
";

#[test]
fn the_resource_as_yaml_without_a_gateway() {
    let home = Home::bob("http://127.0.0.1:1");
    home.file("task.yaml", FILE);
    for args in ["", "-o yaml", "-o wide"] {
        let ran = home.run(&format!("jobs submit task.yaml --dry-run {args}"));
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), TASK, ""), "{args}");
    }
    let json = home.run("jobs submit task.yaml --dry-run -o json").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, serde_yaml::from_str::<serde_json::Value>(TASK).unwrap());
}

#[test]
fn when_it_is_started_again_and_how_long_it_waits() {
    let home = Home::bob("");
    let file = "\
name: train
resources:
  job_recovery: {max_restarts_on_errors: 3, recover_on_exit_codes: 33}
config: {kubernetes: {provision_timeout: -1}}
run: x
";
    home.file("task.yaml", file);
    let expected = "\
apiVersion: skytask.dev/v1alpha1
kind: SkyTask
metadata:
  name: train
spec:
  name: train
  user: bob
  numNodes: 1
  run: x
  maxRestarts: 3
  maxDisruptionRestarts: 900
  recoverOnExitCodes:
  - 33
  placementTimeoutSeconds: 0
";
    let ran = home.run("jobs submit task.yaml --dry-run");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn nobody_logged_in_and_no_name() {
    let home = Home::empty("");
    home.file("task.yaml", "run: x");
    let expected = "\
apiVersion: skytask.dev/v1alpha1
kind: SkyTask
metadata:
  generateName: task-
spec:
  numNodes: 1
  run: x
";
    assert_eq!(home.run("jobs submit task.yaml --dry-run").stdout, expected);
}

#[test]
fn what_has_no_answer() {
    let home = Home::bob("");
    home.file("task.yaml", "run: x");
    let ran = home.run("jobs submit task.yaml --dry-run -o name");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("no task ID"), "{ran:?}");
    assert_eq!(home.run("jobs submit task.yaml --dry-run --detach").code, Some(2));
    assert_eq!(home.run("jobs submit nowhere.yaml --dry-run").code, Some(1));
}

#[test]
fn what_is_ignored_is_said_on_standard_error() {
    let home = Home::bob("");
    home.file("task.yaml", "run: x\nresources: {cpus: 4, disk_tier: best}\n");
    let ran = home.run("jobs submit task.yaml --dry-run");
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stderr, "warning: `resources.disk_tier` is ignored: a node has the disk that it has\n");
}
