//! Images of a private registry, by the credentials that a task file brings.

use serde_json::{Value, json};
use sky_tests::{
    cli::{Shell, id_after},
    cluster::{Registry, registry, room_for},
    gateway::Gateway,
};

/// A task file as SkyPilot's users write it. No node has an image of this tag.
fn file(registry: &Registry, tag: &str, password: &str) -> String {
    format!(
        "name: private\nresources:\n  cpus: 50m\n  image_id: docker:team/private:{tag}-{}\nenvs:\n  \
         SKYPILOT_DOCKER_USERNAME: {}\n  SKYPILOT_DOCKER_PASSWORD: {password}\n  SKYPILOT_DOCKER_SERVER: {}\n\
         run: echo \"pulled by $SKYPILOT_DOCKER_USERNAME\"\n",
        std::process::id(),
        registry.user,
        registry.server
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_with_the_files_credentials() {
    let Some(registry) = registry() else {
        return;
    };
    let _room = room_for(1).await;
    let shell = Shell::login("puller").await;
    shell.write("task.yaml", &file(&registry, "right", &registry.password));
    let run = shell.run(&["jobs", "submit", "task.yaml"]).await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stdout.lines().any(|line| line == format!("pulled by {}", registry.user)), "{run:#?}");
    shell.ok(&["jobs", "stop", &id_after("Task ID:", &run.stdout)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_to_be_refused() {
    let Some(registry) = registry() else {
        return;
    };
    let _room = room_for(1).await;
    let (shell, gateway) = (Shell::login("stranger").await, Gateway::of(Some("stranger")));
    shell.write("task.yaml", &file(&registry, "wrong", "not-the-password"));
    let id = id_after("Task ID:", &shell.ok(&["jobs", "submit", "task.yaml", "--detach"]).await);
    let told = |task: &Value| task["metadata"]["reason"] == "ImagePull";
    let task = gateway.when(&id, "says why it waits", told).await;
    assert_eq!(task["status"], json!("pending"));
    for text in [task["metadata"]["message"].to_string(), shell.ok(&["jobs", "status", &id]).await] {
        assert!(text.contains("credentials") && text.contains(&registry.server), "{text}");
        assert!(!text.contains("not-the-password"), "{text}");
    }
    shell.ok(&["jobs", "stop", &id]).await;
}
