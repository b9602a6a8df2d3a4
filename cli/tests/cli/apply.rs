//! `volumes apply`.

use serde_json::{Value, json};

use crate::{gateway::Gateway, program::Home, words::check};

fn volume(size: &str, class: &str, mode: &str) -> Value {
    json!({
        "volume_id": "vol12345", "name": "data", "size": size, "storage_class": class, "access_modes": [mode],
        "status": "Bound", "created_at": "2025-10-05T12:34:56.789012", "username": "bob",
        "metadata": {"pvc_name": "data-vol12345", "namespace": "default"},
    })
}

fn gateway(volumes: &Value) -> Gateway {
    Gateway::new()
        .json("GET /volumes", json!({"volumes": volumes}))
        .json("POST /volumes/create", json!({"volume_id": "new12345", "status": "created", "message": "m"}))
}

const SKYPILOT: &str = "\
name: data
type: k8s-pvc
size: 10Gi
config:
  storage_class_name: fast
  access_mode: ReadWriteMany
";
const OURS: &str = "name: data\nsize: 10Gi\nstorage_class: fast\naccess_modes: [ReadWriteMany]\n";

#[test]
fn a_volume_is_made_once() {
    let gateway = gateway(&json!([]));
    let home = Home::bob(&gateway.url);
    home.file("skypilot.yaml", SKYPILOT);
    home.file("ours.yaml", OURS);
    let created = "✓ Volume created successfully\n  Volume ID: new12345\n  Status: created\n";
    check(&home, "volumes apply -f skypilot.yaml -f ours.yaml", 0, &format!("{created}{created}"), "");
    let body = r#"{"name":"data","size":"10Gi","storage_class":"fast","access_modes":["ReadWriteMany"]}"#;
    let create = format!("POST /volumes/create bob {body}");
    assert_eq!(gateway.seen(), ["GET /volumes bob", &create, "GET /volumes bob", &create]);
}

#[test]
fn a_volume_that_is_there_is_left_alone() {
    let gateway = gateway(&json!([volume("1Gi", "slow", "ReadWriteOnce"), volume("10Gi", "fast", "ReadWriteMany")]));
    let home = Home::bob(&gateway.url);
    home.file("data.yaml", SKYPILOT);
    let unchanged = "✓ Volume is there already\n  Volume ID: vol12345\n  Status: unchanged\n";
    check(&home, "volumes apply -f data.yaml", 0, unchanged, "");
    check(&home, "volumes apply -f data.yaml -o name", 0, "vol12345\n", "");
    let data: Value = serde_json::from_str(&home.run("volumes apply -f data.yaml -o json").stdout).unwrap();
    assert_eq!(data["status"], "unchanged");
    assert!(gateway.seen().iter().all(|request| request.starts_with("GET ")));
}

/// Between the look and the request somebody else may have made it: the gateway tells.
#[test]
fn a_volume_that_was_made_meanwhile_is_there_already() {
    let exists = json!({"volume_id": "vol12345", "status": "exists", "message": "m"});
    let gateway = Gateway::new().json("GET /volumes", json!({"volumes": []})).json("POST /volumes/create", exists);
    let home = Home::bob(&gateway.url);
    home.file("data.yaml", SKYPILOT);
    let unchanged = "✓ Volume is there already\n  Volume ID: vol12345\n  Status: unchanged\n";
    check(&home, "volumes apply -f data.yaml", 0, unchanged, "");
    let data: Value = serde_json::from_str(&home.run("volumes apply -f data.yaml -o json").stdout).unwrap();
    assert_eq!(data["status"], "unchanged");
}

#[test]
fn a_volume_that_differs_is_an_error() {
    for (there, difference) in [
        (
            volume("1Gi", "fast", "ReadWriteMany"),
            "its size is 1Gi, not 10Gi, and grows only by `spec.size` of its SkyVolume: `kubectl edit skyvolume`",
        ),
        (volume("10240Mi", "slow", "ReadWriteMany"), "its storage class is slow, not fast"),
        (volume("10Gi", "fast", "ReadWriteOnce"), "its access modes are ReadWriteOnce, not ReadWriteMany"),
    ] {
        let home_of = gateway(&json!([there]));
        let home = Home::bob(&home_of.url);
        home.file("data.yaml", SKYPILOT);
        let message = format!("Error: Volume data exists and {difference}: `volumes apply` changes no volume\n");
        let hint = "hint: write another name, or delete the volume and its data: `k8s-cli volumes delete vol12345`\n";
        check(&home, "volumes apply -f data.yaml", 1, &message, hint);
    }
}

#[test]
fn files_that_are_no_volume() {
    let gateway = gateway(&json!([]));
    let home = Home::bob(&gateway.url);
    home.file("good.yaml", OURS);
    home.file("bad.yaml", "name: A_B\ntype: k8s-pvc\nsize: much\n");
    home.file("cloud.yaml", "name: v\ntype: runpod-network-volume\n");
    home.file("existing.yaml", "name: v\ntype: k8s-pvc\nuse_existing: true\n");
    let bad = "bad.yaml:1:7: `name`: `A_B` is no name of a volume: lower-case letters, digits, `-` and `.`\n \
               1 | name: A_B\n   |       ^^^\n\
               bad.yaml:3:7: `size`: `much` is no size: write for example `10Gi` or `1Ti`\n \
               3 | size: much\n   |       ^^^^\n";
    check(&home, "volumes apply -f good.yaml -f bad.yaml", 1, "", bad);
    assert!(gateway.seen().is_empty(), "nothing is made when one of the files is wrong");
    for (file, message) in [
        ("cloud", "cloud.yaml:2:7: `type`: volumes of other clouds are not supported: write `k8s-pvc`\n"),
        (
            "existing",
            "existing.yaml:3:15: `use_existing`: name the claim in the task: one that exists needs no creation\n",
        ),
    ] {
        let run = home.run(&format!("volumes apply -f {file}.yaml"));
        assert!(run.code == Some(1) && run.stderr.starts_with(message), "{run:?}");
    }
    home.file("labels.yaml", &format!("{OURS}labels: {{a: b}}\n"));
    assert_eq!(home.run("volumes apply -f labels.yaml").stderr, "warning: `labels` are ignored\n");
}
