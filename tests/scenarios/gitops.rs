//! A life under GitOps, with the real kubectl: health is right at every moment, and no finished task ever runs again.

use std::process::Stdio;

use k8s_openapi::api::batch::v1::Job;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use sky_crd::{
    condition::ConditionType,
    task::{SkyTask, TaskPhase},
};
use sky_tests::{
    DEADLINE,
    cluster::{kubeconfig, required},
    history::History,
    kstatus::{Verdict, verdict},
    operator::Operator,
    space::{Space, condition, reason},
};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

/// kubectl in the test's namespace with a manifest on its standard input; whether it succeeded, and what it said.
async fn kubectl(space: &Space, arguments: &[&str], manifest: &Value) -> (bool, String) {
    let mut child = Command::new(required("SKY_TEST_CLUSTER"))
        .args(["kubectl", "--kubeconfig"])
        .arg(kubeconfig())
        .args(["--namespace", &space.name])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("kubectl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may end before it has read everything.
    drop(stdin.write_all(manifest.to_string().as_bytes()).await);
    drop(stdin);
    let output = timeout(DEADLINE, child.wait_with_output()).await.expect("in time").expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

async fn ok(space: &Space, arguments: &[&str], manifest: &Value) -> String {
    let (succeeded, said) = kubectl(space, arguments, manifest).await;
    assert!(succeeded, "kubectl {arguments:?}: {said}");
    said
}

fn task(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "skytask.dev/v1alpha1", "kind": "SkyTask", "metadata": {"name": name}, "spec": spec})
}

async fn live(space: &Space, name: &str) -> Value {
    json!(space.api::<SkyTask>().get(name).await.expect("the task"))
}

fn jobs_of(jobs: &History<Job>, name: &str) -> usize {
    let of_task = |job: &Job| job.annotations().get("skytask.dev/task").is_some_and(|task| task == name);
    let uids: std::collections::BTreeSet<_> =
        jobs.states().iter().filter(|job| of_task(job)).filter_map(kube::ResourceExt::uid).collect();
    uids.len()
}

const APPLY: [&str; 4] = ["apply", "--server-side", "-f", "-"];

/// kstatus from the first moment to the last, and `kubectl apply`, `diff` and `wait` on the way.
#[tokio::test(flavor = "multi_thread")]
async fn health_is_right_from_the_first_moment_to_every_end() {
    Space::with_operator("gitops-health", 3, async |space| {
        let tasks = [
            ("succeeds", json!({"run": "sleep 2"}), Verdict::Current),
            ("fails", json!({"run": "exit 3", "resources": {"imageId": "python:3.13-slim"}}), Verdict::Failed),
            ("suspended", json!({"run": "true", "suspend": true}), Verdict::Current),
            (
                "no-gpu",
                json!({"run": "true", "resources": {"accelerators": [{"name": "H100", "count": 8}]}}),
                Verdict::InProgress,
            ),
        ];
        for (name, spec, _) in &tasks {
            ok(&space, &APPLY, &task(name, spec)).await;
            // No operator has seen it.
            assert_eq!(verdict(&live(&space, name).await), Verdict::InProgress, "{name} when it is new");
        }
        let operator = Operator::start(&space.name);
        for name in ["succeeds", "fails"] {
            ok(
                &space,
                &["wait", "--for=condition=Finished", "--timeout=80s", &format!("skytask/{name}")],
                &Value::Null,
            )
            .await;
        }
        space.when("suspended", "is suspended", |task| condition(task, ConditionType::Suspended)).await;
        space.when("no-gpu", "waits", |task| reason(task).as_deref() == Some("NeverFits")).await;
        for (name, spec, expected) in &tasks {
            assert_eq!(verdict(&live(&space, name).await), *expected, "{name}");
            let before = live(&space, name).await;
            // What a GitOps tool does every few minutes.
            ok(&space, &APPLY, &task(name, spec)).await;
            assert_eq!(
                live(&space, name).await["metadata"]["resourceVersion"],
                before["metadata"]["resourceVersion"],
                "{name}"
            );
            let diff = ok(&space, &["diff", "--server-side", "-f", "-"], &task(name, spec)).await;
            assert_eq!(diff, "", "{name}");
        }
        let wide = ok(&space, &["get", "skytask", "fails", "-o", "wide"], &Value::Null).await;
        let [head, row] = [0, 1].map(|line| wide.lines().nth(line).unwrap_or_default());
        let head: Vec<_> = head.split_whitespace().collect();
        let columns = "NAME PHASE NODES READY USER AGE EXIT REASON MACHINE IMAGE DURATION";
        assert_eq!(head.join(" "), columns);
        let row: Vec<_> = row.split_whitespace().collect();
        let machine = live(&space, "fails").await["status"]["nodes"][0]["machine"].clone();
        assert_eq!(row[..5], ["fails", "Failed", "1", "False", "default"]);
        assert_eq!((&row[6..8], json!(row[8]), row[9]), (&["3", "RunFailed"][..], machine, "python:3.13-slim"));
        assert!(row[10].ends_with(['s', 'm']), "{row:?}");
        // In progress at every moment before its end, and never in progress again after it.
        let all = space.tasks.states();
        let verdicts: Vec<_> =
            all.iter().filter(|t| t.name_any() == "succeeds").map(|task| verdict(&json!(task))).collect();
        let current = verdicts.iter().position(|verdict| *verdict == Verdict::Current).expect("an end");
        assert!(verdicts[..current].iter().all(|verdict| *verdict == Verdict::InProgress), "{verdicts:?}");
        assert!(verdicts[current..].iter().all(|verdict| *verdict == Verdict::Current), "{verdicts:?}");
        operator
    })
    .await;
}

/// Re-applied, its children deleted by hand, past its TTL, the operator restarted: it does not run again. Only who deletes
/// the record and creates another one gets another run.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_never_runs_again_until_it_is_replaced_or_pruned() {
    Space::with_operator("gitops-once", 3, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let operator = Operator::start(&space.name);
        let once = task("once", &json!({"run": "true"}));
        let expires = task("expires", &json!({"run": "true", "ttlSecondsAfterFinished": 0}));
        for manifest in [&once, &expires] {
            ok(&space, &APPLY, manifest).await;
        }
        space.finished("once").await;
        space.finished("expires").await;
        let api: Api<Job> = space.api();
        api.delete_collection(&Default::default(), &Default::default()).await.expect("deleted");
        jobs.all_gone("children deleted by hand, and by the TTL").await;
        for manifest in [&once, &expires] {
            ok(&space, &APPLY, manifest).await;
        }
        operator.kill();
        let operator = Operator::start(&space.name);
        // What may not change is refused in the words that GitOps tools know, and nothing runs.
        let changed = task("once", &json!({"run": "false"}));
        let (accepted, said) = kubectl(&space, &APPLY, &changed).await;
        assert!(!accepted && said.contains("field is immutable"), "{said}");
        // Another task that ends proves that the operator has seen these.
        ok(&space, &APPLY, &task("another", &json!({"run": "true"}))).await;
        space.finished("another").await;
        assert_eq!((jobs_of(&jobs, "once"), jobs_of(&jobs, "expires")), (1, 1), "one Job each, ever");
        for name in ["once", "expires"] {
            assert_eq!(verdict(&live(&space, name).await), Verdict::Current, "{name}");
        }
        // Replaced by force, it is another task.
        let replaced = ok(&space, &["replace", "--force", "-f", "-"], &changed).await;
        assert!(replaced.contains("replaced"), "{replaced}");
        let failed =
            |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.phase == Some(TaskPhase::Failed));
        space.when("once", "has run again as another task", failed).await;
        assert_eq!(jobs_of(&jobs, "once"), 2);
        // Pruned: gone with everything of it.
        ok(&space, &["delete", "--wait", "--timeout=80s", "skytask", "once", "expires", "another"], &Value::Null).await;
        jobs.all_gone("everything of the pruned tasks").await;
        operator
    })
    .await;
}

/// What a repository changes, it changes by applying: under each policy, and with a suspension and its end. A file that is
/// applied once more changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_runs_again_only_as_its_policy_says() {
    Space::with("gitops-change", 4, async |space| {
        let jobs: History<Job> = History::start(space.api()).await;
        let file = |name: &str, run: &str, more: &Value| {
            let mut manifest = task(name, more);
            manifest["spec"]["run"] = json!(run);
            manifest
        };
        let [reject, rerun, next] = ["Reject", "Rerun", "NextRestart"].map(|policy| json!({"updatePolicy": policy}));
        let again = json!({"updatePolicy": "NextRestart", "runToken": "again"});
        let (paused, resumed) = (json!({"suspend": true}), json!({"suspend": false}));
        for (name, spec) in [("fixed", &reject), ("flexible", &rerun), ("patient", &next), ("paused", &paused)] {
            ok(&space, &APPLY, &file(name, "echo one", spec)).await;
        }
        for name in ["fixed", "flexible", "patient"] {
            space.finished(name).await;
        }
        space.when("paused", "is suspended", |task| condition(task, ConditionType::Suspended)).await;
        assert_eq!(verdict(&live(&space, "paused").await), Verdict::Current);

        let (accepted, said) = kubectl(&space, &APPLY, &file("fixed", "echo two", &reject)).await;
        assert!(!accepted && said.contains("field is immutable"), "{said}");
        for (name, spec, attempt) in [("flexible", &rerun, 1), ("patient", &next, 0), ("patient", &again, 1)] {
            ok(&space, &APPLY, &file(name, "echo two", spec)).await;
            let generation = live(&space, name).await["metadata"]["generation"].as_i64();
            let is_over = |task: &SkyTask| {
                let status = task.status.as_ref();
                let seen = status.map(|status| (status.observed_generation, status.attempt));
                seen == Some((generation, Some(attempt))) && condition(task, ConditionType::Finished)
            };
            let task = space.when(name, &format!("has ended as attempt {attempt}"), is_over).await;
            assert_eq!(verdict(&json!(task)), Verdict::Current, "{name}");
            ok(&space, &APPLY, &file(name, "echo two", spec)).await;
            let after = live(&space, name).await["metadata"]["generation"].as_i64();
            assert_eq!(after, generation, "applied again, {name} is as it was");
        }

        ok(&space, &APPLY, &file("paused", "echo one", &resumed)).await;
        space.finished("paused").await;
        assert_eq!(verdict(&live(&space, "paused").await), Verdict::Current);
        // A finished task has nothing to suspend, and nothing to resume.
        for spec in [&paused, &resumed] {
            ok(&space, &APPLY, &file("paused", "echo one", spec)).await;
            let generation = live(&space, "paused").await["metadata"]["generation"].as_i64();
            let seen =
                |task: &SkyTask| task.status.as_ref().and_then(|status| status.observed_generation) == generation;
            let task = space.when("paused", "is seen as it is now", seen).await;
            assert!(condition(&task, ConditionType::Complete), "{:#?}", task.status);
        }
        let counts = ["fixed", "flexible", "patient", "paused"].map(|name| jobs_of(&jobs, name));
        assert_eq!(counts, [1, 2, 2, 1], "Jobs that there ever were");
    })
    .await;
}
