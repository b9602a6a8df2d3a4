//! What scripts see and do, in real containers.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use sky_crd::task::TaskPhase;
use sky_tests::{
    cluster::image,
    space::{Space, reason},
};

fn run(script: &str) -> Value {
    json!({"run": script})
}

fn setup_and_run(setup: &str, run: &str) -> Value {
    json!({"setup": setup, "run": run})
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_values_arrive_as_written() {
    Space::with("env", 2, async |space| {
        let values = json!({
            "QUOTES": "it's \"so\"", "DOLLAR": "$HOME", "TWO": "$$", "PAREN": "$(QUOTES)", "BANG": "wow!",
            "UNICODE": "żółć 🚀", "EMPTY": "", "BACK": "a\\b`c`", "LINES": "one\ntwo",
        });
        let print = r#"for name in QUOTES DOLLAR TWO PAREN BANG UNICODE EMPTY BACK LINES; do
            eval "printf '%s=[%s]\n' $name \"\$$name\""
        done"#;
        let expected = "QUOTES=[it's \"so\"]\nDOLLAR=[$HOME]\nTWO=[$$]\nPAREN=[$(QUOTES)]\nBANG=[wow!]\n\
            UNICODE=[żółć 🚀]\nEMPTY=[]\nBACK=[a\\b`c`]\nLINES=[one\ntwo]\n";
        let sh_only = json!({"imageId": image("sh-only")});
        space
            .check_scripts(vec![
                ("bash", json!({"envs": values, "run": print}), 0, expected),
                ("sh", json!({"envs": values, "run": print, "resources": sh_only}), 0, expected),
            ])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_and_run_are_two_shells() {
    Space::with("shells", 5, async |space| {
        space
            .check_scripts(vec![
                ("exit-in-setup", setup_and_run("echo setup; exit 0", "echo run"), 0, "setup\nrun\n"),
                ("export", setup_and_run("export A='x y'; B=lost; cd /tmp", "echo $A-$B-$PWD"), 0, "x y--/\n"),
                ("no-set-e", run("false; echo on; (exit 4)"), 4, "on\n"),
                ("kill-itself", run("echo pre; kill -9 $$; echo never"), 137, "pre\n"),
                ("literal", run("echo '$(X)' '$$' wow! \"$((1 + 1))\""), 0, "$(X) $$ wow! 2\n"),
            ])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_does_not_start_after_a_failed_setup() {
    Space::with("setup-fails", 1, async |space| {
        space.check_scripts(vec![("fails", setup_and_run("echo bad; exit 3", "echo never"), 3, "bad\n")]).await;
        let task = space.finished("fails").await;
        assert_eq!(reason(&task).as_deref(), Some("SetupFailed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_terminated_is_never_completed() {
    Space::with("term", 3, async |space| {
        space
            .check_scripts(vec![
                ("catches-nothing", run("echo on; kill -TERM 1; sleep 20; echo never"), 143, "on\n"),
                ("claims-success", run("trap 'echo bye; exit 0' TERM; kill -TERM 1; sleep 20"), 143, "bye\n"),
            ])
            .await;
        space.task("pod-deleted", run("echo on; sleep 300")).await;
        let running = space.when("pod-deleted", "runs", |task| phase(task) == Some(TaskPhase::Running)).await;
        let pod = running.status.and_then(|status| status.nodes[0].pod.clone()).expect("a running node has a pod");
        space.api::<Pod>().delete(&pod, &Default::default()).await.expect("the pod is deleted");
        let ended = space.finished("pod-deleted").await;
        assert_eq!(phase(&ended), Some(TaskPhase::Failed));
        assert!(space.tasks.states().iter().all(|task| phase(task) != Some(TaskPhase::Succeeded)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_script_arrives_whole() {
    Space::with("long", 1, async |space| {
        let filler = "# 0123456789 $(X) $$ abcdefghijklmnopqrstuvwxyz\n".repeat(6400);
        assert!(filler.len() > 300_000);
        let script = format!("echo begin\n{filler}echo end '$$' $NODE_RANK\n");
        space.check_scripts(vec![("long", run(&script), 0, "begin\nend $$ 0\n")]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_with_sh_only_and_without_a_shell() {
    Space::with("shell-images", 2, async |space| {
        let mut sh_only = setup_and_run("export A=1", "echo $A; exit 5");
        sh_only["resources"] = json!({"imageId": image("sh-only")});
        space.check_scripts(vec![("sh-only", sh_only, 5, "1\n")]).await;
        let mut no_shell = run("echo never");
        no_shell["resources"] = json!({"imageId": image("no-shell")});
        space.task("no-shell", no_shell).await;
        let task = space.finished("no-shell").await;
        assert_eq!(reason(&task).as_deref(), Some("NoShell"), "{:#?}", task.status);
    })
    .await;
}

fn phase(task: &sky_crd::task::SkyTask) -> Option<TaskPhase> {
    task.status.as_ref()?.phase
}
