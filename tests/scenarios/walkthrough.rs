//! The specification's walkthrough, typed by a user: with the command line, and with kubectl alone.

use std::process::Stdio;

use sky_tests::{
    DEADLINE,
    cli::{Shell, id_after},
    cluster::{kubeconfig, required, room_for},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

const TASK: &str = r#"name: training-job
num_nodes: 2
resources:
  cpus: "100m"
  memory: "128Mi"
  image_id: "python:3.11"
volumes:
  /data: data-vol
envs:
  EPOCHS: "100"
setup: |
  echo installing
run: |
  python -c "print('train --data /data --epochs $EPOCHS')"
  echo "$NODE_RANK" > /data/rank-$NODE_RANK
"#;

#[tokio::test(flavor = "multi_thread")]
async fn by_the_command_line() {
    let _room = room_for(2).await;
    let shell = Shell::login("myuser@example.com").await;
    assert_eq!(shell.ok(&["auth", "whoami"]).await, "Logged in as: myuser@example.com\n");
    let volume = id_after("Volume ID:", &shell.ok(&["volumes", "create", "data-vol", "10Gi"]).await);
    shell.write("task.yaml", TASK);
    // Without --detach: the log from its first line, however late the pods start, then the task's exit code.
    let followed = shell.ok(&["jobs", "submit", "task.yaml"]).await;
    let id = id_after("Task ID:", &followed);
    for line in ["node-0 | installing", "node-1 | installing", "node-0 | train --data /data --epochs 100"] {
        assert!(followed.lines().any(|printed| printed == line), "{line} in {followed}");
    }
    let list = shell.ok(&["jobs", "list"]).await;
    assert!(list.contains(&id) && list.contains("training-job") && list.contains("completed"), "{list}");
    let status = shell.ok(&["jobs", "status", &id]).await;
    assert!(status.contains("succeeded_nodes: 2"), "{status}");
    let log = shell.ok(&["jobs", "logs", &id]).await;
    assert!(log.contains("node-1 | train --data /data --epochs 100"), "{log}");
    assert!(shell.ok(&["jobs", "stop", &id]).await.contains("Task stopped successfully"));
    assert!(shell.ok(&["volumes", "delete", &volume, "--force"]).await.contains("Volume deleted successfully"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_task_prints_while_it_runs_and_gives_its_exit_code() {
    let _room = room_for(1).await;
    let shell = Shell::login("follower").await;
    shell.write(
        "task.yaml",
        "run: |\n  echo first\n  while [ ! -e /tmp/go ]; do sleep 0.2; done\n  echo last\n  exit 4\n",
    );
    let mut child = shell.command(&["jobs", "submit", "task.yaml"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut printed = String::new();
    // The task goes on only after its first line has arrived here: the log is a stream, or this never ends.
    let until = async |wanted: &str, printed: &mut String, lines: &mut tokio::io::Lines<_>| {
        while let Some(line) = lines.next_line().await.expect("text") {
            printed.push_str(&line);
            printed.push('\n');
            if line == wanted {
                return;
            }
        }
        panic!("no line {wanted} in {printed}");
    };
    timeout(DEADLINE, until("first", &mut printed, &mut lines)).await.expect("the first line");
    let id = id_after("Task ID:", &printed);
    kubectl(&["exec", &format!("job/task-{id}-{id}"), "--", "touch", "/tmp/go"]).await;
    timeout(DEADLINE, until("last", &mut printed, &mut lines)).await.expect("the last line");
    let code = timeout(DEADLINE, child.wait()).await.expect("it ends").expect("it has run").code();
    assert_eq!(code, Some(4));
    shell.ok(&["jobs", "stop", &id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_kubectl_alone() {
    let _room = room_for(2).await;
    kubectl(&["apply", "-f", "../config/samples/skyvolume.yaml", "-f", "../config/samples/skytask.yaml"]).await;
    kubectl(&["wait", "--for=condition=Finished", "skytask/training-job", "--timeout=90s"]).await;
    let table = kubectl(&["get", "st", "training-job"]).await;
    assert!(table.contains("Succeeded"), "{table}");
    let id = kubectl(&["get", "st", "training-job", "-o", "jsonpath={.status.taskId}"]).await;
    let log = kubectl(&["logs", &format!("job/training-job-{id}-node-1")]).await;
    assert!(log.contains("rank 1 of 2"), "{log}");
    let explained = kubectl(&["explain", "skytask.spec.resources.cpus"]).await;
    assert!(explained.contains("Cores"), "{explained}");
    kubectl(&["delete", "-f", "../config/samples/skytask.yaml", "-f", "../config/samples/skyvolume.yaml"]).await;
}

/// kubectl as a user types it; must succeed.
async fn kubectl(args: &[&str]) -> String {
    let mut command = Command::new(required("SKY_TEST_CLUSTER"));
    command.arg("kubectl").args(args).env("KUBECONFIG", kubeconfig()).stdin(Stdio::null());
    let output = timeout(2 * DEADLINE, command.output()).await.expect("kubectl ends").expect("kubectl starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "kubectl {args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
