//! The rules that the vectors are instances of, as tables.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use serde_json::{Value, json};
use sky_taskfile::{Overrides, Secrets, Task, TaskFileError, Understood, parse, understand};

fn read(text: &str) -> Result<Understood, TaskFileError> {
    understand(text, "t.yaml", Overrides::default(), &Secrets::new())
}

fn task(text: &str) -> Task {
    read(text).unwrap_or_else(|error| panic!("{text}\n{}", error.explain())).pipeline.tasks.remove(0)
}

fn refusal(text: &str) -> String {
    read(text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string()
}

#[test]
fn values_are_what_python_makes_of_them() {
    for (written, value) in [
        ("yes", "True"),
        ("on", "True"),
        ("TRUE", "True"),
        ("Off", "False"),
        ("y", "y"),
        ("tRUE", "tRUE"),
        ("012", "10"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("1_000", "1000"),
        ("12:30", "750"),
        ("1:30:00", "5400"),
        ("-1:30", "-90"),
        ("1:99", "1:99"),
        ("12:30.5", "750.5"),
        (".5", "0.5"),
        ("-.5", "-.5"),
        ("1.", "1.0"),
        ("3.10", "3.1"),
        ("0.10", "0.1"),
        ("1.5e-4", "0.00015"),
        ("1.0e+20", "1e+20"),
        ("+5", "5"),
        ("-0", "0"),
        (".inf", "inf"),
        ("-.INF", "-inf"),
        (".nan", "nan"),
        ("1e3", "1e3"),
        ("1.0e3", "1.0e3"),
        ("1e-3", "1e-3"),
        ("08", "08"),
        ("0o14", "0o14"),
        ("1,000", "1,000"),
        ("0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef", "1271270613000041655817448348132275889066893754095"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
        ("2024-01-01T10:00:00.5Z", "2024-01-01 10:00:00.500000+00:00"),
        ("2024-01-01 10:00:00 -5", "2024-01-01 10:00:00-05:00"),
        ("2024-1-1", "2024-1-1"),
        ("[1, 2]", "[1, 2]"),
        ("{a: b}", "{'a': 'b'}"),
        ("[yes, null, 1.50, \"it's\", 2024-01-01]", "[True, None, 1.5, \"it's\", datetime.date(2024, 1, 1)]"),
        ("\"tab\\tand\\x01\"", "tab\tand\u{1}"),
        ("[\"tab\\tand\\x01\\u200b\u{e9}\"]", "['tab\\tand\\x01\\u200b\u{e9}']"),
        ("'012'", "012"),
        ("\"yes\"", "yes"),
        ("!!str 012", "012"),
        ("!!int '7'", "7"),
        ("''", ""),
        ("a # comment", "a"),
        ("a#b", "a#b"),
    ] {
        let text = format!("run: x\nenvs:\n  A: {written}\n");
        assert_eq!(task(&text).envs["A"], value, "{written}");
    }
}

#[test]
fn values_that_python_refuses() {
    for (written, part) in [
        ("2024-02-30", "no date that exists"),
        ("0b_", "no number"),
        ("=", "`=` alone is no value"),
        ("!x 1", "tags"),
        ("!!binary aGk=", "tags"),
        ("!!python/object:os.system x", "tags"),
        ("~", "has no value"),
        ("*nowhere", "is not known"),
    ] {
        let message = refusal(&format!("run: x\nenvs:\n  A: {written}\n"));
        assert!(message.contains(part), "{written}: {message}");
    }
}

#[test]
fn anchors_and_merge_keys() {
    let text = "
resources: &r {cpus: 2, labels: &l {a: x, b: y}}
envs: &e
  A: 1
  B: &b two
  C: *b
run: x
";
    assert_eq!(task(text).envs["C"], "two");
    let text = "
envs: {A: &m {x: 1, y: 2}, B: {<<: *m, y: 3}, C: {<<: [{y: 7}, *m], '<<': q}}
run: x
";
    let envs = task(text).envs;
    assert_eq!((envs["B"].as_str(), envs["C"].as_str()), ("{'x': 1, 'y': 3}", "{'x': 1, 'y': 7, '<<': 'q'}"));
    assert!(refusal("envs: {<<: 5}").contains("`<<` takes a mapping"));
}

#[test]
fn a_key_that_is_there_twice_names_both_lines() {
    for text in [
        "run: a\nname: b\nrun: c\n",
        "run: a\n---\n",
        "envs: {1: a, 1.0: b}",
        "envs: {yes: a, 1: b}",
        "envs: {0: a, -0.0: b}",
        "envs: {0x1fffffffffffffffffffffffffffffffff: a, 0x1fffffffffffffffffffffffffffffffff: b}",
        "{<<: {a: 1}, <<: {b: 1}}",
    ] {
        let error = read(text);
        if text.contains("---") {
            assert!(error.is_ok());
        } else {
            assert!(error.unwrap_err().to_string().contains("is there twice: in line 1 and in line"), "{text}");
        }
    }
    // Other keys in Python; the last wins once they are names of variables.
    assert_eq!(task("envs: {1: a, '1': b}\nrun: x").envs["1"], "b");
    let message = refusal("run: a\nname: b\nrun: c\n");
    assert_eq!(message, "t.yaml:3:1: the key `run` is there twice: in line 1 and in line 3");
}

#[test]
fn a_caret_shows_the_place() {
    let text = "name: t\nresources:\n  cpus: many\n  memry: 4\nnum_nodes: [\n  1]\n";
    let error = parse(text, "t.yaml").unwrap_err();
    let expected = "\
t.yaml:3:9: `resources.cpus`: `many` is not a number of cores: write for example `4`, `0.5` or `500m`
 3 |   cpus: many
   |         ^^^^
t.yaml:4:3: `resources.memry`: unknown field; did you mean `memory`?
 4 |   memry: 4
   |   ^^^^^
t.yaml:5:1: `num_nodes`: must be a whole number, not a list
 5 | num_nodes: [
   | ^^^^^^^^^
t.yaml:1:1: there is nothing to run: write `run: <command>`
 1 | name: t
   | ^^^^^^^";
    assert_eq!(error.explain(), expected);
    let wide = read("name: \u{6f22}\u{5b57} \nrun: [\u{6f22}]").unwrap_err().explain();
    assert_eq!(wide, "t.yaml:2:1: `run`: must be text, not a list\n 2 | run: [\u{6f22}]\n   | ^^^");
    let syntax = read("a: [1\n").unwrap_err().explain();
    assert!(syntax.starts_with("t.yaml:2:1: did not find expected ',' or ']'"), "{syntax}");
}

#[test]
fn a_script_at_the_end_of_a_file_ends_as_it_is_written() {
    for (text, run) in [
        ("run: |\n  x\n", "x\n"),
        ("run: |\n  x", "x"),
        ("run: |+\n  x\n\n", "x\n\n"),
        ("run: |2\n    x", "  x"),
        ("run: >-\n  x\n  y", "x y"),
        ("run:\tx", "x"),
        ("\u{feff}run: x", "x"),
        ("run: x\r\nname: y\r\n", "x"),
        ("run: |\r\n  x\r\n  y\r\n", "x\ny\n"),
    ] {
        assert_eq!(task(text).run.unwrap(), run, "{text:?}");
    }
}

#[test]
fn variables_are_filled_in_where_skypilot_does() {
    let text = "
envs: {V: vol, W: /w, N: null}
secrets: {S: key}
workdir: ${W}/$V/$S$
volumes: {/mnt/$V: \"${V}\"}
file_mounts: {/a/$X: 's3://${V}/${X}/${V:-d}', /b: {name: $V}}
run: echo $V
";
    let overrides = Overrides { envs: [("N".to_owned(), "n".to_owned())].into(), ..Overrides::default() };
    let task = understand(text, "t.yaml", overrides, &Secrets::new()).unwrap().pipeline.tasks.remove(0);
    let normal = Value::Object(task.normalize());
    assert_eq!(normal["workdir"], "/w/vol/key$");
    assert_eq!(normal["volumes"], json!({"/mnt/vol": "vol"}));
    assert_eq!(normal["file_mounts"]["/a/$X"], "s3://vol/${X}/vol:-d}");
    assert_eq!(normal["file_mounts"]["/b"]["name"], "vol");
    assert_eq!(normal["run"], "echo $V");
    assert_eq!(task.envs["N"], "n");
}

#[test]
fn a_secret_is_filled_in_nowhere_that_can_be_read() {
    let message = |text: &str| parse(text, "t.yaml").unwrap_err().explain();
    for (field, path) in [
        ("workdir: /w/${S}", "workdir"),
        ("workdir: {url: 'https://host/$S'}", "workdir.url"),
        ("volumes: {/data: $S}", "volumes./data"),
        ("volumes: {/a: v, '/data/$S': v}", "volumes./data/$S"),
        ("file_mounts: {/data: 's3://$V/$S'}", "file_mounts./data"),
    ] {
        let told = message(&format!("run: x\nenvs: {{V: v}}\nsecrets: {{S: hunter2}}\n{field}\n"));
        let expected =
            format!("`{path}`: names the secret `S`, whose value everybody could read here: make it a variable");
        assert!(told.contains(&expected) && told.contains("t.yaml:4:") && !told.contains("hunter2"), "{told}");
    }
    let others = "run: echo $S\nenvs: {V: v}\nsecrets: {S: hunter2}\nworkdir: /w/$V/$SS/S\nvolumes: {/data: $V}\n";
    assert_eq!(json!(parse(others, "t.yaml").unwrap().request.workdir), "/w/v/$SS/S");
    let told = message("run: x\nsecrets: {GIT_TOKEN: hunter2}\nworkdir: {url: 'https://$GIT_TOKEN@host/repo'}");
    let expected = "`workdir.url`: names the secret `GIT_TOKEN`, which everybody could read here: leave it out";
    assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
}

#[test]
fn secrets_take_values_from_beside_the_file() {
    let secrets: Secrets = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())].into();
    let read = understand("secrets: {A: null, C: x}\nrun: x", "t.yaml", Overrides::default(), &secrets).unwrap();
    let expected = json!({"A": "1", "B": "2", "C": "x"});
    assert_eq!(Value::Object(read.pipeline.tasks[0].normalize())["secrets"], expected);
}

#[test]
fn what_is_understood_and_cannot_run_is_refused_by_name() {
    for (text, message) in [
        ("run: x\npool: {workers: 1}", "`pool`: pools of workers are not supported: every task has nodes of its own"),
        (
            "run: x\nresources: {infra: aws}",
            "`resources.infra`: other clouds are not supported: leave it out, or write `kubernetes`",
        ),
        (
            "run: x\nresources: {cloud: GCP}",
            "`resources.cloud`: other clouds are not supported: leave it out, or write `kubernetes`",
        ),
        (
            "run: x\nworkdir: {url: u}",
            "`workdir.url`: is no address of a git repository: write `https://host/owner/repository`",
        ),
        (
            "run: x\nworkdir: {url: 'https://ann:hunter2@host/repo'}",
            "`workdir.url`: must not hold a password or token, which everybody could read: give it as the secret `GIT_TOKEN`",
        ),
        ("run: x\nworkdir: {url: 'https://host/repo', ref: a..b}", "`workdir.ref`: is no branch, tag or commit"),
        (
            "run: x\nsecrets: {A: null}",
            "`secrets.A`: has no value: give it with `--secret A`, which takes it from the environment, or with \
             `--secret-file`",
        ),
        (
            "run: x\nnum_nodes: 2\nvolumes: {/m: {size: 1}}",
            "`volumes./m`: several nodes cannot share a new volume of this access mode: write ReadWriteMany, or the name \
             of a volume",
        ),
        (
            "run: x\nfile_mounts: {/m: {name: b}}",
            "`file_mounts./m`: the long form of a bucket (a mapping) is not supported yet",
        ),
        (
            "run: x\nresources: {any_of: [{cpus: 1, job_recovery: failover}, {cpus: 2}]}",
            "`resources.job_recovery`: must be the same in all alternatives: it is the task's",
        ),
        (
            "run: x\nconfig: {kubernetes: {ports: nodeport}}",
            "`config.kubernetes.ports`: must be one of `clusterip`, `podip`, `loadbalancer`, `ingress`",
        ),
        (
            "run: x\nresources: {labels: {kueue.x-k8s.io/queue-name: q}}",
            "`resources.labels.kueue.x-k8s.io/queue-name`: `kueue.x-k8s.io/queue-name` is not supported: it is reserved for the product or a queueing system",
        ),
        (
            "run: x\n---\nrun: y\n",
            "the file holds 2 documents (a pipeline), which is not supported: one file, one task",
        ),
        (
            "name: g\nexecution: parallel\n---\nname: a\nrun: x\n",
            "the file holds 2 documents (a job group), which is not supported: one file, one task",
        ),
    ] {
        let error = parse(text, "t.yaml").err().unwrap_or_else(|| panic!("submitted: {text}"));
        assert_eq!(error.to_string(), format!("t.yaml: {message}"));
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn what_has_no_effect_is_told_once() {
    let text = "
run: x
resources:
  infra: k8s/ctx
  disk_tier: best
  max_hourly_cost: 3
  any_of: [{accelerators: A100}, {accelerators: H100}, {infra: aws}]
event_callback: echo
config: {kubernetes: {dws: {enabled: true}}, gcp: {vpc_name: b}}
api_server_access: false
";
    let file = parse(text, "t.yaml").unwrap();
    assert_eq!(file.request.resources.unwrap().accelerators.unwrap(), "A100,H100");
    let expected = [
        "`resources.infra` the context, region or zone is ignored: the task runs in this cluster",
        "`resources.disk_tier` is ignored: a node has the disk that it has",
        "`resources.max_hourly_cost` is ignored: nodes have no price here",
        "`event_callback` is ignored: no script of yours runs outside of the task",
        "`config.kubernetes.dws` is ignored",
        "`config.gcp` is ignored",
    ];
    assert_eq!(file.warnings, expected);
    for silent in ["run: x", "run: x\nworkdir: /srv", "run: x\nworkdir: \"\""] {
        assert_eq!(parse(silent, "t.yaml").unwrap().warnings, Vec::<String>::new());
    }
    for local in [".", "./src", "src", "~/src"] {
        let warnings = parse(&format!("run: x\nworkdir: {local}"), "t.yaml").unwrap().warnings;
        let expected = format!("`workdir`: what `{local}` holds on this machine is not brought to the task");
        assert!(matches!(&warnings[..], [only] if only.starts_with(&expected)), "{warnings:?}");
    }
}

#[test]
fn a_repository_is_a_work_directory() {
    for (workdir, expected) in [
        ("{url: 'https://host/a'}", json!({"url": "https://host/a"})),
        ("{url: 'https://host/$A', ref: '${B}'}", json!({"url": "https://host/x", "ref": "v1"})),
        ("{url: 'git@host:a/b'}", json!({"url": "git@host:a/b"})),
    ] {
        let file = parse(&format!("run: x\nenvs: {{A: x, B: v1}}\nworkdir: {workdir}"), "t.yaml").unwrap();
        assert_eq!((json!(file.request.workdir), file.warnings), (expected, Vec::<String>::new()), "{workdir}");
    }
    let open = parse("run: x\nenvs: {GIT_TOKEN: x}\nworkdir: {url: 'https://host/a'}", "t.yaml").unwrap();
    assert_eq!(open.warnings, ["`envs.GIT_TOKEN` can be read by everybody: make it one of `secrets`"]);
}

#[test]
fn requests_say_what_skypilot_means() {
    for (resources, expected) in [
        ("memory: 512MB", json!({"memory": "0.5"})),
        ("memory: 1TB", json!({"memory": "1024"})),
        ("memory: 32G", json!({"memory": "32G"})),
        ("memory: 4Gi+", json!({"memory": "4+"})),
        ("cpus: '1e2'", json!({"cpus": "100"})),
        ("cpus: 1_0", json!({"cpus": "10"})),
        ("gpus: H100:0.5", json!({"accelerators": "H100"})),
        ("accelerators: {H100: 1.5}", json!({"accelerators": "H100:2"})),
        ("instance_type: 4CPU--16GB--V100:2", json!({"cpus": "4", "memory": "16", "accelerators": "V100:2"})),
        ("instance_type: p3.2xlarge", json!({"instance_type": "p3.2xlarge"})),
        ("image_id: docker:a/b", json!({"image_id": "a/b"})),
        ("image_id: {us-east-1: ami-1, docker: ubuntu}", json!({"image_id": "ubuntu"})),
        ("image_id: skypilot:gpu-ubuntu-2004", json!({})),
        ("ports: [8081, 8080, '8080-8082']", json!({"ports": [8080, 8081, 8082]})),
        ("ephemeral_storage: 50GB", json!({"disk_size": 50})),
        ("any_of: [{infra: aws, cpus: 9}, {cpus: 2}]", json!({"cpus": "2"})),
        ("accelerators: ['40GB+:2', nvidia:16GB]", json!({"accelerators": "40GB+:2,nvidia:16GB"})),
        (
            "{cpus: 4, ports: 80, labels: {a: b}, ordered: [{accelerators: H100:8, use_spot: true}, {memory: 8, labels: {c: d}}]}",
            json!({"cpus": "4", "ports": [80], "ordered": [
                {"accelerators": "H100:8", "use_spot": true, "labels": {"a": "b"}},
                {"memory": "8", "labels": {"a": "b", "c": "d"}},
            ]}),
        ),
        (
            "{any_of: [{cpus: 4, accelerators: H100}, {infra: gcp}, {cpus: 2, accelerators: A100, image_id: 'docker:i'}]}",
            json!({"any_of": [
                {"cpus": "4", "accelerators": "H100"}, {"cpus": "2", "accelerators": "A100", "image_id": "i"},
            ]}),
        ),
        ("job_recovery: failover", json!({"job_recovery": {"strategy": "FAILOVER"}})),
        ("job_recovery: none", json!({})),
        (
            "job_recovery: {max_restarts_on_errors: 3, recover_on_exit_codes: 33}",
            json!({"job_recovery": {"max_restarts_on_errors": 3, "recover_on_exit_codes": [33]}}),
        ),
        (
            "{job_recovery: {recover_on_exit_codes: [1, 2]}, any_of: [{cpus: 4}, {memory: 8}]}",
            json!({
                "job_recovery": {"recover_on_exit_codes": [1, 2]}, "any_of": [{"cpus": "4"}, {"memory": "8"}],
            }),
        ),
        (
            "{job_recovery: {max_restarts_on_errors: 1}, accelerators: [A100, H100]}",
            json!({"job_recovery": {"max_restarts_on_errors": 1}, "accelerators": "A100,H100"}),
        ),
        ("{priority: 5, priority_class: high}", json!({"priority": 5, "priority_class": "high"})),
    ] {
        let braces = if resources.starts_with('{') { resources.to_owned() } else { format!("{{{resources}}}") };
        let file = parse(&format!("run: x\nresources: {braces}"), "t.yaml");
        let request = file.unwrap_or_else(|error| panic!("{}", error.explain())).request;
        assert_eq!(serde_json::to_value(request.resources).unwrap(), expected, "{resources}");
    }
}

#[test]
fn when_a_task_is_started_again_and_how_long_it_waits() {
    let strategy = "`resources.job_recovery.strategy` is ignored: a task is started again in this cluster, wherever it \
                    has machines";
    let most = "`resources.job_recovery.max_restarts_on_errors` counts as 900, the most restarts that a task has";
    for (text, expected, warnings) in [
        ("run: x", json!({}), &[][..]),
        ("run: x\nresources: {job_recovery: none}", json!({}), &[]),
        ("run: x\nresources: {job_recovery: failover}", json!({"maxDisruptionRestarts": 900}), &[strategy]),
        (
            "run: x\nresources: {job_recovery: {max_restarts_on_errors: 3, recover_on_exit_codes: [33, 34]}}",
            json!({"maxRestarts": 3, "maxDisruptionRestarts": 900, "recoverOnExitCodes": [33, 34]}),
            &[],
        ),
        (
            "run: x\nresources: {job_recovery: {max_restarts_on_errors: 99999999999}}",
            json!({"maxRestarts": 900, "maxDisruptionRestarts": 900}),
            &[most],
        ),
        ("run: x\nconfig: {kubernetes: {provision_timeout: 600.0}}", json!({"placementTimeoutSeconds": 600}), &[]),
        ("run: x\nconfig: {kubernetes: {provision_timeout: -1}}", json!({"placementTimeoutSeconds": 0}), &[]),
    ] {
        let file = parse(text, "t.yaml").unwrap_or_else(|error| panic!("{}", error.explain()));
        let (id, user) = (sky_crd::TaskId::from_bits(1), "u".parse().unwrap());
        let task = file.request.into_task(&id, &user, "ns").unwrap();
        assert_eq!(json!(task.spec.lifecycle), expected, "{text}");
        assert_eq!(file.warnings, warnings, "{text}");
    }
}
