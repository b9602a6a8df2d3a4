//! Work directories that are git repositories, of a git server in the cluster: busybox's httpd before git's own program.

use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::api::ListParams;
use serde_json::{Value, json};
use sky_crd::task::SkyTask;
use sky_tests::{
    cli::Shell,
    cluster::image,
    explained::{Case, Knows, Witness},
    history::History,
    operator::{self, Operator},
    own_gateway::OwnGateway,
    space::{Space, condition},
};

const TOKEN: &str = "hunter2-$HOME";

/// Two repositories of two commits, `v1` and the branch `main`; the private one by the token. `oauth2` is whom git calls
/// itself.
const SERVE: &str = r#"
set -e
export HOME=/data GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
mkdir -p /data/www/cgi-bin /data/repositories
git init -q -b main /data/work
cd /data/work
for version in 1 2; do
  echo "version $version" >file
  printf '#!/bin/sh\ncat file\n' >tool
  chmod +x tool
  git add .
  git commit -q -m "version $version"
  git tag "v$version"
done
for name in public private; do git clone -q --bare . "/data/repositories/$name.git"; done
printf '#!/bin/sh\nexport GIT_PROJECT_ROOT=/data/repositories GIT_HTTP_EXPORT_ALL=1\nexec git http-backend\n' >/data/www/cgi-bin/git
chmod +x /data/www/cgi-bin/git
printf '%s\n' '/cgi-bin/git/private.git:oauth2:TOKEN' >/data/httpd.conf
exec httpd -f -p 8080 -h /data/www -c /data/httpd.conf
"#;

/// The server, which keeps to every standard of pod security. Its repositories are at `{address}/public.git` and
/// `{address}/private.git`.
async fn serve(space: &Space) -> String {
    let pods: History<Pod> = History::start(space.api()).await;
    let nobody = json!({"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}});
    let nothing = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let container = json!({
        "name": "git", "image": image("git"), "command": ["sh", "-c", SERVE.replace("TOKEN", TOKEN).replace('$', "$$")],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}, "securityContext": nothing,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    });
    space
        .create::<Pod>(json!({
            "metadata": {"name": "git", "labels": {"app": "git"}},
            "spec": {
                "containers": [container], "securityContext": nobody, "volumes": [{"name": "data", "emptyDir": {}}],
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
            },
        }))
        .await;
    let port = json!({"port": 8080});
    let service = json!({"metadata": {"name": "git"}, "spec": {"selector": {"app": "git"}, "ports": [port]}});
    space.create::<Service>(service).await;
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        pod.metadata.name.as_deref() == Some("git")
            && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    pods.when("the git server is ready", is_ready).await;
    format!("http://git.{}.svc:8080/cgi-bin/git", space.name)
}

fn repository(url: &str, reference: Option<&str>) -> Value {
    json!({"git": {"url": url, "ref": reference}})
}

async fn secret(space: &Space, name: &str, token: &str) {
    space.create::<Secret>(json!({"metadata": {"name": name}, "stringData": {"token": token}})).await;
}

fn token_of(secret: &str) -> Value {
    json!([{"name": "GIT_TOKEN", "secretName": secret, "key": "token"}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_the_work_directory_of_every_node() {
    Space::with("checkout", 4, async |space| {
        let url = format!("{}/public.git", serve(&space).await);
        let script = "./tool; cat ~/sky_workdir/made; pwd -P";
        let setup = "cat file >made";
        let pair = json!({
            "numNodes": 2, "workdir": repository(&url, Some("v1")), "setup": setup, "run": script,
        });
        space.task("pair", pair).await;
        // A user whom the image does not name: the repository is not his, and he gets a copy.
        let stranger = "spec: {containers: [{name: task, securityContext: {runAsUser: 1234}}]}";
        let mut other = json!({"workdir": repository(&url, None), "setup": setup, "run": script});
        other["podConfig"] = json!(stranger);
        space.task("other", other).await;
        let pair = space.finished("pair").await;
        let nodes = &pair.status.as_ref().expect("a status").nodes;
        for index in 0..2 {
            let log = space.log(&pair, index).await;
            assert_eq!(log, "version 1\nversion 1\n/sky/workdir/sky_workdir\n");
            assert_eq!(nodes[index].commit.as_ref().map(String::len), Some(40), "{nodes:?}");
        }
        assert_eq!(nodes[0].commit, nodes[1].commit);
        let other = space.finished("other").await;
        let log = space.log(&other, 0).await;
        assert_eq!(log, "version 2\nversion 2\n/tmp/home/sky_workdir\n");
        // The same by the name of the commit alone, and a part of it.
        let commit = nodes[0].commit.as_deref().expect("a commit");
        for (name, reference) in [("commit", commit), ("short", &commit[..7])] {
            let spec = json!({"workdir": repository(&url, Some(reference)), "run": "cat file"});
            space.task(name, spec).await;
            let task = space.finished(name).await;
            assert_eq!(space.log(&task, 0).await, "version 1\n", "{name}");
        }
    })
    .await;
}

/// As user 1000 and without any right, the token out of a Secret and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_repository_is_read_with_a_token() {
    Space::with_operator("checkout-token", 2, async |space| {
        let operator = Operator::start_with(&space.name, &["--pod-security", "restricted"]);
        super::security::enforce(&space, "restricted").await;
        let url = format!("{}/private.git", serve(&space).await);
        secret(&space, "right", TOKEN).await;
        let spec =
            json!({"workdir": repository(&url, None), "secrets": token_of("right"), "run": "./tool; : >new && id -u"});
        space.task("job", spec).await;
        let task = space.finished("job").await;
        assert_eq!(space.log(&task, 0).await, "version 2\n1000\n");
        let pods = space.api::<Pod>().list(&ListParams::default()).await.expect("pods");
        let mine: Vec<_> = pods.items.iter().filter(|pod| pod.metadata.name.as_deref() != Some("git")).collect();
        let seen = json!([mine, space.tasks.states()]).to_string() + &operator::log(&space.name);
        assert!(seen.contains("sky-workdir") && !seen.contains("hunter2"), "{seen}");
        operator
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_out_says_why() {
    Space::with("why-checkout", 7, async |space| {
        let witness = Witness::start(&space).await;
        let address = serve(&space).await;
        let (public, private) = (format!("{address}/public.git"), format!("{address}/private.git"));
        secret(&space, "wrong", "not-it").await;
        let failed = |name, what, words| Case { name, what, reason: "CheckoutFailed", words, knows: Knows::Nothing };
        let task = |workdir: Value| json!({"workdir": workdir, "run": "echo never"});
        let mut refused = task(repository(&private, None));
        refused["secrets"] = token_of("wrong");
        let seeds = vec![
            (
                failed(
                    "no-ref",
                    "a branch that there is not",
                    &["no branch, tag or commit `v9`", "correct `workdir.ref`"],
                ),
                task(repository(&public, Some("v9"))),
            ),
            (
                failed(
                    "no-commit",
                    "a commit that there is not",
                    &["no branch, tag or commit", "correct `workdir.ref`"],
                ),
                task(repository(&public, Some(&"0".repeat(40)))),
            ),
            (
                failed("no-repo", "a repository that there is not", &["does not exist", "check its address"]),
                task(repository(&format!("{address}/none.git"), None)),
            ),
            (
                failed(
                    "no-token",
                    "a private repository without a token",
                    &["or is private", "the secret `GIT_TOKEN`"],
                ),
                task(repository(&private, None)),
            ),
            (
                failed(
                    "bad-token",
                    "a token that the host refuses",
                    &["refuses what `GIT_TOKEN` says", "give a token"],
                ),
                refused,
            ),
            (
                failed("no-host", "a host that nobody reaches", &["cannot be reached", "whether pods may reach it"]),
                task(repository("http://127.0.0.1:1/repo", None)),
            ),
        ];
        for (case, spec) in &seeds {
            space.task(case.name, spec.clone()).await;
        }
        for (case, _) in &seeds {
            witness.check(&space, case).await;
            let task = space.finished(case.name).await;
            assert_eq!(task.status.as_ref().and_then(|status| status.exit_code), None, "no script of it has ended");
        }
        // What is in the address is stored nowhere.
        let open =
            json!({"metadata": {"name": "open"}, "spec": task(repository("http://ann:hunter2@host/repo", None))});
        let error = space.try_create::<SkyTask>(open).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("must not hold a password"), "{error}");
        assert!(!condition(&space.finished("no-ref").await, sky_crd::condition::ConditionType::Running));
    })
    .await;
}

/// From a file, with SkyPilot's options, through the API.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_and_of_options() {
    Space::with("checkout-cli", 2, async |space| {
        let address = serve(&space).await;
        let gateway = OwnGateway::start(&space.name).await;
        let shell = Shell::of("cloner", gateway.url());
        shell.ok(&["auth", "login", "cloner"]).await;
        let file =
            "workdir: {url: $HOST/private.git, ref: v2}\nenvs: {HOST: null}\nsecrets: {GIT_TOKEN: null}\nrun: ./tool\n";
        shell.write("task.yaml", file);
        let host = format!("HOST={address}");
        let args = ["jobs", "submit", "task.yaml", "--git-ref", "v1", "--env", &host, "--secret", "GIT_TOKEN"];
        let mut command = shell.command(&args);
        command.env("GIT_TOKEN", TOKEN);
        let run = Shell::finish(command, &args).await;
        assert!(run.code == Some(0) && run.stdout.lines().any(|line| line == "version 1"), "{run:#?}");
    })
    .await;
}
