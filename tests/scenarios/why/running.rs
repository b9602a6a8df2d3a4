//! What cannot be started, and what fails as it runs.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{EvictParams, ListParams};
use serde_json::{Value, json};
use sky_tests::{
    cluster::{Registry, image, registry},
    explained::{Case, Knows, Witness},
    space::Space,
};

use super::{explain, with};

fn pull(name: &'static str, what: &'static str, words: &'static [&'static str]) -> Case {
    Case { name, what, reason: "ImagePull", words, knows: Knows::Waits }
}

const ABSENT: &[&str] = &["does not exist in its registry", "check its name"];
const REFUSED: &[&str] = &["its registry refuses the credentials", "`spec.imagePullSecrets`"];

fn ended(name: &'static str, what: &'static str, reason: &'static str, words: &'static [&'static str]) -> Case {
    Case { name, what, reason, words, knows: Knows::Ended }
}

fn run(script: &str) -> Value {
    json!({"run": script})
}

#[tokio::test(flavor = "multi_thread")]
async fn images() {
    Space::with("why-image", 5, async |space| {
        let witness = Witness::start(&space).await;
        let mut seeds = vec![
            (
                pull("image-name", "a name that no image can have", &["InvalidImageName", "correct it"]),
                with(&json!({"imageId": "Not A Name"})),
            ),
            (
                pull("image-host", "a registry that nobody reaches", &["cannot be reached", "check its name"]),
                with(&json!({"imageId": "127.0.0.1:1/no-such:1"})),
            ),
            (
                ended(
                    "architecture",
                    "an image for another processor",
                    "StartFailed",
                    &["made for another processor", "take one for its architecture"],
                ),
                with(&json!({"imageId": image("other-arch")})),
            ),
            (
                ended(
                    "no-shell",
                    "an image without a shell",
                    "NoShell",
                    &["has no shell", "use an image that has `bash` or `sh`"],
                ),
                with(&json!({"imageId": image("no-shell")})),
            ),
        ];
        if let Some(registry) = registry() {
            space.create::<Secret>(login(&registry, "right", &registry.password)).await;
            space.create::<Secret>(login(&registry, "wrong", "not-it")).await;
            let absent = pull("no-image", "an image that does not exist", ABSENT);
            seeds.push((absent, from(&registry, "no-such", "right")));
            seeds.push((
                pull("no-credentials", "credentials that the registry refuses", REFUSED),
                from(&registry, "private", "wrong"),
            ));
        }
        explain(&space, &witness, seeds).await;
    })
    .await;
}

/// A Secret with the login of a registry.
fn login(registry: &Registry, name: &str, password: &str) -> Value {
    let auths = json!({"auths": {&registry.server: {"username": registry.user, "password": password}}});
    json!({
        "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auths.to_string()},
    })
}

/// A task with an image of the registry that no node has, and with credentials.
fn from(registry: &Registry, image: &str, secret: &str) -> Value {
    let image = format!("{}/team/{image}:why-{}", registry.server, std::process::id());
    json!({"run": "true", "resources": {"imageId": image}, "imagePullSecrets": [{"name": secret}]})
}

/// The kubelet tries without the credentials while it has not read them, and is refused whatever the true cause is.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_credentials_come_later() {
    let Some(registry) = registry() else {
        return;
    };
    Space::with("why-late", 1, async |space| {
        let witness = Witness::start(&space).await;
        let refused = Case { knows: Knows::Nothing, ..pull("late", "credentials that are not there yet", REFUSED) };
        space.task("late", from(&registry, "no-such", "late")).await;
        witness.check(&space, &refused).await;
        space.create::<Secret>(login(&registry, "late", &registry.password)).await;
        witness.check(&space, &Case { words: ABSENT, ..refused }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_their_ends() {
    Space::with("why-run", 7, async |space| {
        let witness = Witness::start(&space).await;
        let mut evicted = run("sleep 600");
        evicted["gracePeriodSeconds"] = json!(1);
        space.task("evicted", evicted).await;
        let pod = space.running("evicted").await.remove(0);
        let deadline = json!({"run": "sleep 600", "activeDeadlineSeconds": 2, "gracePeriodSeconds": 1});
        let memory = json!({"run": "tail /dev/zero", "resources": {"memory": "16Mi"}});
        explain(
            &space,
            &witness,
            vec![
                (ended("exit-1", "run ends with 1", "RunFailed", &["exit code 1", "see the log"]), run("exit 1")),
                (
                    ended("signal", "run is killed by a signal", "RunFailed", &["137 (SIGKILL)", "see the log"]),
                    run("kill -9 $$"),
                ),
                (
                    ended(
                        "command",
                        "a command that there is not",
                        "RunFailed",
                        &["127 (a command that was not found)"],
                    ),
                    run("no-such-command"),
                ),
                (
                    ended(
                        "setup",
                        "setup ends with 3",
                        "SetupFailed",
                        &["exit code 3", "run was not started", "see the log"],
                    ),
                    json!({"setup": "exit 3", "run": "true"}),
                ),
                (
                    ended("oom", "more memory than allowed", "OOMKilled", &["ask for more with resources.memory"]),
                    memory,
                ),
                (
                    Case {
                        name: "deadline",
                        what: "activeDeadlineSeconds is over",
                        reason: "DeadlineExceeded",
                        words: &["ran longer than 2 s", "spec.activeDeadlineSeconds"],
                        knows: Knows::Ran(Duration::from_secs(2)),
                    },
                    deadline,
                ),
            ],
        )
        .await;
        space.api::<Pod>().evict(&pod, &EvictParams::default()).await.expect("it may be evicted");
        let case = Case {
            name: "evicted",
            what: "the pod is evicted",
            reason: "Disrupted",
            words: &["EvictionByEvictionAPI", "`spec.maxDisruptionRestarts`"],
            knows: Knows::Disrupted,
        };
        witness.check(&space, &case).await;
    })
    .await;
}

/// What a user reads first; but never when it may hold a secret.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_of_a_log() {
    Space::with("why-tail", 2, async |space| {
        let secret = json!({"metadata": {"name": "mine"}, "stringData": {"token": "hunter2"}});
        space.create::<Secret>(secret).await;
        space.task("plain", run("seq 20; printf '\\033[31mred\\n'; exit 4")).await;
        let mut hidden = run("echo the token is $TOKEN; exit 4");
        hidden["secrets"] = json!([{"name": "TOKEN", "secretName": "mine", "key": "token"}]);
        space.task("hidden", hidden).await;
        let task = space.finished("plain").await;
        let lines = task.status.and_then(|status| status.failure).expect("a failure").last_lines;
        let expected: Vec<String> =
            (12..=20).map(|line| line.to_string()).chain(["\\u{1b}[31mred".to_owned()]).collect();
        assert_eq!(lines, expected);
        let task = space.finished("hidden").await;
        let failure = task.status.clone().and_then(|status| status.failure).expect("a failure");
        assert_eq!((failure.exit_code, failure.last_lines), (Some(4), Vec::new()));
        assert_eq!(space.log(&task, 0).await, "the token is hunter2\n");
        let pods = space.api::<Pod>().list(&ListParams::default()).await.expect("pods");
        let all = json!([pods.items, space.tasks.states()]).to_string();
        assert!(!all.contains("hunter2"), "{all}");
    })
    .await;
}
