//! What SkyPilot takes and what it refuses, field by field, where a guess would go wrong; and what the accepted means.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use serde_json::{Value, json};
use sky_taskfile::{Overrides, Secrets, parse, parse_volume, understand};

/// The normal form of a task that runs something and says this.
fn normal(text: &str) -> Result<Value, String> {
    let read = understand(&format!("{text}\nrun: x\n"), "f", Overrides::default(), &Secrets::new());
    read.map(|read| read.pipeline.tasks[0].normalize().into()).map_err(|error| error.explain())
}

#[test]
fn refused_by_name() {
    for (text, field) in [
        // Within a mapping of its own a field has a value or is left out.
        ("resources: {any_of: [{cpus: null}, {cpus: 2}]}", "resources.any_of[0].cpus"),
        ("resources: {autostop: {idle_minutes: null}}", "resources.autostop.idle_minutes"),
        ("resources: {job_recovery: {max_restarts_on_errors: null}}", "max_restarts_on_errors"),
        ("workdir: {url: a, ref: null}", "workdir.ref"),
        ("config: {kubernetes: null}", "config.kubernetes"),
        ("config: {hooks: null}", "config.hooks"),
        // An alternative is one model, in one place, with the task's priority.
        ("resources: {any_of: [{accelerators: [A100, H100]}]}", "accelerators"),
        ("resources: {any_of: [{accelerators: {A100: 1, H100: 1}}]}", "accelerators"),
        ("resources: {any_of: [{accelerators: {A100: null}}]}", "accelerators"),
        ("resources: {infra: k8s, any_of: [{cloud: aws}]}", "resources.any_of[0].cloud"),
        ("resources: {cloud: aws, any_of: [{infra: k8s}]}", "cloud"),
        ("resources: {any_of: [{priority: 1}, {priority: 2}]}", "priority"),
        ("resources: {infra: \" k8s\"}", "resources.infra"),
        ("resources: {infra: k8s, instance_type: 4CPU--16GB--V100}", "resources.instance_type"),
        ("resources: {infra: k8s, instance_type: 1e2CPU--16GB}", "resources.instance_type"),
        ("resources: {job_recovery: {recover_on_exit_codes: [1, 2, 1]}}", "recover_on_exit_codes"),
        ("resources: {local_disk: 500GB}", "resources.local_disk"),
        ("resources: {local_disk: \"tape:1\"}", "resources.local_disk"),
        ("resources: {ports: \"8080 - 8090\"}", "resources.ports"),
        ("resources: {memory: .inf}", "resources.memory"),
        ("resources: {memory: infGB}", "resources.memory"),
        ("resources: {image_id: {1: x}}", "resources.image_id"),
        ("resources: {accelerator_args: {tpu_vm: \"yes\"}}", "resources.accelerator_args.tpu_vm"),
        ("resources: {accelerator_args: {runtime: x}}", "resources.accelerator_args.runtime"),
        ("resources: {volumes: [{path: /mnt}]}", "resources.volumes[0].name"),
        ("resources: {volumes: [{name: a}]}", "resources.volumes[0].path"),
        ("config: {kubernetes: {pod_config: x}}", "config.kubernetes.pod_config"),
        ("config: {kubernetes: {provision_timeout: \"600\"}}", "config.kubernetes.provision_timeout"),
        ("config: {kubernetes: {kueue: {queue: q}}}", "config.kubernetes.kueue.queue"),
        ("config: {kubernetes: {set_pod_resource_limits: 0.5}}", "config.kubernetes.set_pod_resource_limits"),
        ("config: {kubernetes: {enable_docker: SOME}}", "config.kubernetes.enable_docker"),
        ("config: {kubernetes: {remote_identity: 1}}", "config.kubernetes.remote_identity"),
        ("config: {kubernetes: {custom_metadata: {name: x}}}", "config.kubernetes.custom_metadata"),
        ("config: {docker: {options: [x]}}", "config.docker.options"),
        ("config: {docker: {run_options: 1}}", "config.docker.run_options"),
        ("config: {gcp: {labels: {a: b}}}", "config.gcp.labels"),
        ("config: {hooks: [{run: \"\"}]}", "config.hooks[0].run"),
        ("config: {hooks: [{run: x, events: []}]}", "config.hooks[0].events"),
        ("config: {hooks: [{run: x, events: [stop, stop]}]}", "config.hooks[0].events"),
        ("file_mounts: {/: ./data}", "file_mounts./"),
        ("file_mounts: {/data: ./data/}", "file_mounts./data"),
        ("file_mounts: {/data: \"s3://b/\"}", "file_mounts./data"),
        ("file_mounts: {/data: {name: bkt, source: []}}", "file_mounts./data.source"),
        ("file_mounts: {/data: {name: bkt, type: bucket}}", "file_mounts./data.type"),
        ("file_mounts: {/data: {name: bkt, type: DATASET_RO}}", "file_mounts./data.type"),
        ("file_mounts: {/data: {name: bkt, config: {mount_cached: {transfers: 4}}}}", "config.mount_cached"),
        ("file_mounts: {/data: {name: bkt, config: {mount: {rw: true}}}}", "config.mount.rw"),
        (
            "secrets: {SKYPILOT_DOCKER_USERNAME: a, SKYPILOT_DOCKER_PASSWORD: null, SKYPILOT_DOCKER_SERVER: c}",
            "SKYPILOT_DOCKER_PASSWORD",
        ),
        ("execution: serial", "execution"),
        ("service: {readiness_probe: {path: /, post_data: x}}", "service.readiness_probe.post_data"),
        ("service: {readiness_probe: /, load_balancing_policy: random}", "service.load_balancing_policy"),
        ("service: {readiness_probe: /, tls: {keyfile: a}}", "service.tls.certfile"),
        ("service: {readiness_probe: /, ports: \"80\"}", "service.ports"),
        ("service: {replicas: 1, workers: 1}", "service.replicas"),
        ("service: {replica_policy: {min_replicas: 1, max_replicas: 3}}", "max_replicas"),
        ("service: {replica_policy: {min_replicas: 1, target_qps_per_replica: 2}}", "target_qps_per_replica"),
        ("pool: {}", "pool.workers"),
        ("pool: {min_workers: 1}", "pool.min_workers"),
        ("pool: {min_workers: 3, max_workers: 1}", "pool.max_workers"),
        ("pool: {workers: 1, upscale_delay_seconds: 1}", "pool.upscale_delay_seconds"),
    ] {
        let error = normal(text).err().unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(error.contains(&format!("`{field}`")) || error.contains(field), "{text}: {error}");
        assert!(error.contains('^') || error.contains("secrets"), "no place: {text}: {error}");
    }
    let twice = "envs: {A: &a x, B: &a y}";
    assert!(normal(twice).unwrap_err().contains("the anchor `a` is there twice"));
}

#[test]
fn accepted_with_a_meaning() {
    for (text, path, expected) in [
        ("resources: {memory: 3x, cpus: 2}", "/resources/memory", json!("3x")),
        ("resources: {local_disk: NVME}", "/resources/local_disk", json!("nvme:100+")),
        ("resources: {local_disk: 500+}", "/resources/local_disk", json!("nvme:500+")),
        ("resources: {ports: \"8080,\"}", "/resources/ports", json!(["8080"])),
        ("resources: {ports: \"\"}", "/resources/ports", Value::Null),
        ("resources: {priority: 2.0}", "/resources/priority", json!(2)),
        ("resources: {priority_class: \"\"}", "/resources/priority_class", Value::Null),
        (
            "resources: {job_recovery: {max_restarts_on_errors: 3.0}}",
            "/resources/job_recovery/max_restarts_on_errors",
            json!(3),
        ),
        ("resources: {accelerators: [A100, A100]}", "/resources/accelerators", json!({"A100": 1})),
        ("resources: {cloud: kubernetes, region: \"\"}", "/resources/infra", json!("kubernetes")),
        ("resources: {image_id: {}}", "/resources/image_id", Value::Null),
        ("resources: {infra: k8s/ctx, image_id: ubuntu}", "/resources/image_id", json!({"ctx": "ubuntu"})),
        ("resources: {any_of: [{ports: null, cpus: 1}]}", "/resources/cpus", json!("1")),
        ("resources: {autostop: -1}", "/resources/autostop/idle_minutes", json!(-1)),
        (
            "resources: {volumes: [{path: /mnt, name: v}]}",
            "/resources/volumes/0",
            json!({"path": "/mnt", "name": "v", "storage_type": "network", "attach_mode": "read_write",
                "disk_tier": "best", "auto_delete": false}),
        ),
        (
            "resources: {autostop: {hook: save}}\nconfig: {hooks: [{run: y, events: [down]}]}",
            "/config/hooks",
            json!([{"run": "y", "events": ["down"], "timeout": 3600}, {"run": "save", "events": ["stop"], "timeout": 3600}]),
        ),
        (
            "config: {hooks: [{run: x}]}",
            "/config/hooks",
            json!([{"run": "x", "events": ["stop", "preemption", "down"], "timeout": 3600}]),
        ),
        ("config: {hooks: []}", "/config", Value::Null),
        (
            "config: {kubernetes: {set_pod_resource_limits: 1.5}}",
            "/config/kubernetes/set_pod_resource_limits",
            json!(1.5),
        ),
        ("secrets: {A: x, B: null}", "/secrets", json!({"A": "x"})),
        ("secrets: {A: x, B: null}", "/managed_secrets", json!(["secrets:B"])),
        ("api_server_access: true", "/api_server_access", Value::Null),
        ("secrets: {V: b}\nenvs: {V: a}\nvolumes: {/mnt: $V}", "/volumes/~1mnt", json!("b")),
        ("file_mounts: {/a: {name: b, source: \"s3://c\"}}", "/file_mounts/~1a/name", Value::Null),
        ("file_mounts: {/a: {name: bkt, config: {more: 1}}}", "/file_mounts/~1a/config", Value::Null),
        ("pool: {max_workers: 3}", "/pool", json!({"max_workers": 3, "min_workers": 1, "queue_length_threshold": 1})),
        ("service: {workers: 2}", "/service/replica_policy/min_replicas", json!(2)),
        ("service: {pool: {workers: 2}}", "/service", json!({"pool": {"workers": 2}})),
        ("service: {readiness_probe: {path: /, post_data: \"[1]\"}}", "/service/readiness_probe/post_data", json!([1])),
    ] {
        let normal = normal(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(normal.pointer(path).cloned().unwrap_or_default(), expected, "{text}: {normal}");
    }
}

#[test]
fn files_of_several_tasks() {
    let verdict = |text: &str| understand(text, "f", Overrides::default(), &Secrets::new()).map_err(|e| e.explain());
    for (head, name, part) in [
        ("execution: parallel", "a", "`name`: is missing"),
        ("name: g\nexecution: parallel", "a.b", "`a.b` is no name in a job group"),
        ("run: y\nexecution: serial", "a", "`[0].execution`: belongs into a document of its own"),
    ] {
        let error = verdict(&format!("{head}\n---\nname: {name}\nrun: x\n")).unwrap_err();
        assert!(error.contains(part), "{head}: {error}");
    }
    let text = "name: g\nexecution: parallel\nprimary_tasks: []\ntermination_delay: 1M\n---\nname: a\nrun: x\n";
    assert!(verdict(text).is_ok());
    let head_alone = verdict("name: p\nexecution: serial\n").unwrap();
    assert_eq!(head_alone.pipeline.name.as_deref(), Some("p"));
}

/// What follows from the meaning when a task is submitted.
#[test]
fn submitted() {
    let memory = |resources: &str| {
        parse(&format!("run: x\nresources: {{{resources}}}"), "f").map(|f| f.request.resources.unwrap().memory)
    };
    assert_eq!(memory("cpus: 2, memory: 3x").unwrap().as_deref(), Some("6"));
    assert_eq!(memory("cpus: 500m, memory: 3x").unwrap().as_deref(), Some("1.5"));
    assert!(memory("memory: 3x").unwrap_err().to_string().contains("write `cpus` as well"));
    let image = |infra: &str| {
        let file = parse(&format!("run: x\nresources: {{infra: {infra}, image_id: {{here: a, there: b}}}}"), "f");
        file.map(|file| file.request.resources.unwrap().image_id)
    };
    assert_eq!(image("k8s/there").unwrap().as_deref(), Some("b"));
    assert!(image("k8s").is_err());
    let disks = parse("run: x\nresources: {volumes: [{path: /mnt, name: v}]}", "f").unwrap_err().to_string();
    assert!(disks.contains("`resources.volumes`: disks of a machine are not supported"), "{disks}");
}

#[test]
fn volume_files() {
    for (text, part) in [
        ("name: v\ntype: K8S-PVC\nsize: 1Gi", "`type`"),
        ("name: v\ntype: k8s-pvc\nsize: 1Gi\ninfra: \"*\"", "`infra`"),
        ("name: v\ntype: k8s-pvc\nsize: 1Gi\nconfig: {access_mode: null}", "`config.access_mode`"),
    ] {
        let error = parse_volume(text, "f").map_err(|error| error.explain()).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}
