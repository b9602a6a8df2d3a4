//! Where ours differs on purpose: what changes in the expected steps of a recording, by JSON pointer (`/-` adds a step at
//! the end, `/+2` puts one before the third).
//!
//! A field `ours` in the recordings says in words what is written down here. A test sees to it that each has its place.

use serde_json::{Value, json};

/// Pointers into the steps and what to expect there.
pub(super) type Changes = Vec<(String, Value)>;

/// A scenario and, from its recorded steps, what changes in them.
type Ours = (&'static str, fn(&Value) -> Changes);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where the recording shows the cluster that it was made on, not the original.
const ELSEWHERE: &[Ours] = &[
    // Its python image was made of a distribution's packages.
    ("life-image", |_| {
        at("/3/response", &[("body", json!({"$one_of": ["/usr/bin/python3\n", "/usr/local/bin/python3\n"]}))])
    }),
];

/// What is expected instead of the recording.
pub(super) fn changes(id: &str, recorded: &Value) -> Option<Changes> {
    let (_, changes) = all().chain(ELSEWHERE).find(|(ours, _)| *ours == id)?;
    Some(changes(recorded))
}

/// The scenarios that are ours.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    all().map(|(id, _)| *id)
}

/// The scenarios that show the cluster of the recording.
pub(super) fn elsewhere() -> impl Iterator<Item = &'static str> {
    ELSEWHERE.iter().map(|(id, _)| *id)
}

fn all() -> impl Iterator<Item = &'static Ours> {
    [SURFACE, BODIES, LIVES, TASKS, REFUSALS, COMMAND_LINE].into_iter().flatten()
}

const SURFACE: &[Ours] = &[
    // 200 without a body, or 405 as the original.
    ("health-head", |_| at("/0/response", &[("status", json!({"$one_of": [200, 405]})), ("allow", json!(null))])),
    // Every path, method, parameter, status and schema property of the original is in ours.
    ("openapi", |steps| at("/0/response", &[("body", json!({"$superset": steps[0]["response"]["body"]}))])),
];

/// Bodies that SkyPilot gives a meaning. The spec in the cluster shows that it is that meaning.
const BODIES: &[Ours] = &[
    ("task-422-nodes-null", |_| accepted(&json!({"numNodes": 1, "run": "x"}))),
    ("task-422-cpus-float", |_| accepted(&json!({"resources": {"cpus": "0.5"}}))),
    ("task-422-memory-int", |_| accepted(&json!({"resources": {"memory": "8G"}}))),
    ("task-422-acc-int", |_| {
        accepted(&json!({"resources": {"accelerators": [{"count": 1, "name": {"$absent": true}}]}}))
    }),
    ("task-422-acc-map", |_| accepted(&json!({"resources": {"accelerators": [{"count": 8, "name": "H100"}]}}))),
    ("task-422-envs-int-value", |_| accepted(&json!({"envs": {"A": "1"}}))),
    // Only num_nodes and run are wrong.
    ("task-422-many-errors", |steps| {
        let entries = &steps[0]["response"]["body"]["detail"];
        at("/0/response/body", &[("detail", json!([entries[0], entries[4]]))])
    }),
];

const LIVES: &[Ours] = &[
    // What setup exports is handed over, its directory is not: run starts where a task without workdir starts.
    ("life-setup", |_| {
        let mut changes = log("setting up\nrun sees 1 in /\n");
        changes.extend(where_a_task_starts("sue", "/\n"));
        changes
    }),
    // A failed setup is the end.
    ("life-setup-fails", |_| {
        let failed = [
            ("status", json!("failed")),
            ("metadata/succeeded_nodes", json!(0)),
            ("metadata/failed_nodes", json!(1)),
            ("metadata/reason", json!("SetupFailed")),
        ];
        [log("bad\n"), task_and_list(&failed)].concat()
    }),
    // The other node may have been ended first, and may not have ended yet.
    ("life-two-nodes-one-fails", |_| {
        let any = || json!({"$any": true});
        let failed = [
            ("metadata/failed_nodes", json!({"$at_least": 1})),
            ("metadata/succeeded_nodes", any()),
            ("metadata/running_nodes", any()),
            ("metadata/pending_nodes", any()),
        ];
        let both = json!({"$lines": "node-0 | fine\nnode-1 | dying\n"});
        let logs = at("/3/response", &[("body", json!({"$one_of": [both, "node-1 | dying\n"]}))]);
        [logs, task_and_list(&failed)].concat()
    }),
    // The bytes of a log are not changed. Before we see them, containerd takes the carriage return off an end of line.
    ("life-carriage", |_| at("/3/response", &[("body", json!({"$one_of": ["a\rb\nc\r\nd\n", "a\rb\nc\nd\n"]}))])),
    // `$$` is the shell's own process: it dies, and says no more.
    ("life-signal", |_| log("pre\n")),
];

const TASKS: &[Ours] = &[
    ("isolation", |_| {
        let body = json!({"detail": "Task ${A} not found"});
        at("/4", &[("response", json!({"status": 404, "content_type": JSON, "body": body}))])
    }),
    ("stop-all-multinode-count", |_| {
        at("/2/response/body", &[("count", json!(1)), ("message", json!("Stopped 1 tasks"))])
    }),
    ("pending-gpu", |_| waits("NeverFits", "nvidia.com/gpu")),
    ("volume-literal-pvc-missing", |_| waits("VolumeNotFound", "`no-such-pvc` not found")),
    // The log ends with the task, and its state follows.
    ("logs-follow", |_| {
        let moment = |running: i32| {
            let metadata = json!({"running_nodes": running, "succeeded_nodes": 1 - running, "failed_nodes": 0});
            json!({"status": if running == 1 { "running" } else { "completed" }, "metadata": metadata})
        };
        at("/4/response", &[("body", json!({"$one_of": [moment(1), moment(0)]}))])
    }),
];

/// What the cluster refuses is refused before, with the field and what to write; or it has a meaning.
const REFUSALS: &[Ours] = &[
    // Names of children are fit for the cluster whatever the task's name is.
    ("cluster-refuses-name-space", |_| accepted(&json!({"name": "my task"}))),
    ("cluster-refuses-cpus-bad", |_| refused(&json!(["body", "resources", "cpus"]), "four", "write for example `4`")),
    ("cluster-refuses-memory-bad", |_| {
        refused(&json!(["body", "resources", "memory"]), "lots", "write for example `8Gi`")
    }),
    ("cluster-refuses-volume-name-bad", |_| {
        refused(&json!(["body", "volumes", "/a"]), "Bad Name", "only letters, digits")
    }),
    ("cluster-refuses-mount-relative", |_| refused(&json!(["body", "volumes", "a"]), "v", "must be absolute")),
    ("cluster-refuses-acc-bad", |_| {
        refused(&json!(["body", "resources", "accelerators"]), "V100:many", "write a count")
    }),
    ("cluster-refuses-volume-name-bad-2", |_| refused(&json!(["body", "name"]), "Bad Name", "1 to 63 letters, digits")),
    ("cluster-refuses-volume-size-zero", |_| refused(&json!(["body", "size"]), "0", "write for example `10Gi`")),
    ("cluster-refuses-volume-mode-bad", |_| refused(&json!(["body", "access_modes", 0]), "Sometimes", "ReadWriteOnce")),
];

const COMMAND_LINE: &[Ours] = &[
    // Followed from its first line to its end, therefore completed.
    ("cli-submit-tail", |steps| {
        let completed = |step: usize| printed(steps, step).replace("running", "completed");
        let counted = completed(2).replace("succeeded_nodes: 0", "succeeded_nodes: 1");
        let counted = counted.replace("completed_nodes: 1", "running_nodes: 0");
        Changes::from([
            ("/1/result/stdout".to_owned(), json!(printed(steps, 1) + "from the cli\n")),
            ("/2/result/stdout".to_owned(), json!(counted)),
            ("/3/result/stdout".to_owned(), json!(completed(3))),
        ])
    }),
    // The exit code of the task, and why.
    ("cli-submit-fails", |_| {
        let why = "Task ${T} failed (exit code 4): RunFailed: node-0: run ended with exit code 4";
        at("/1/result", &[("exit", json!(4)), ("stderr", json!({"$says": why}))])
    }),
    ("cli-submit-int-cpus", |_| {
        let submitted = "✓ Task submitted successfully\n  Task ID: ${T}\n  Status: submitted\n";
        let stopped = "✓ Tasks stopped successfully\n  Count: 1\n  Status: stopped\n";
        Changes::from([
            ("/1/capture".to_owned(), json!({"T": "Task ID: ([0-9a-f]{8})"})),
            ("/1/result".to_owned(), json!({"exit": 0, "stdout": submitted, "stderr": ""})),
            ("/2/result/stdout".to_owned(), json!(stopped)),
            ("/+2".to_owned(), json!({"object": "${T}", "spec": {"resources": {"cpus": "4"}}})),
        ])
    }),
];

/// Several places below one.
fn at(place: &str, values: &[(&str, Value)]) -> Changes {
    values.iter().map(|(key, value)| (format!("{place}/{key}"), value.clone())).collect()
}

/// The same in the answer for the task and in the list: steps 3 and 5 of a life.
fn task_and_list(values: &[(&str, Value)]) -> Changes {
    [at("/2/response/body", values), at("/4/response/body/tasks/0", values)].concat()
}

/// The log of a life.
fn log(text: &str) -> Changes {
    at("/3/response", &[("body", json!(text))])
}

/// The first step is accepted, and the task in the cluster has this in its spec.
fn accepted(spec: &Value) -> Changes {
    let message = "Task submitted successfully with ID: ${T}";
    let body = json!({"task_id": "${T}", "status": "submitted", "message": message});
    let response = json!({"status": 200, "content_type": JSON, "body": body});
    let object = json!({"object": "${T}", "spec": spec});
    Changes::from([
        ("/0/response".to_owned(), response),
        ("/0/capture".to_owned(), json!({"T": "task_id"})),
        ("/-".to_owned(), object),
    ])
}

/// The first step is refused with one entry, which names the field and says something.
fn refused(loc: &Value, input: &str, says: &str) -> Changes {
    let msg = json!({"$says": says});
    let entry = json!({"type": "value_error", "loc": loc, "msg": msg, "input": input, "ctx": {"error": {}}});
    at("/0", &[("response", json!({"status": 422, "content_type": JSON, "body": {"detail": [entry]}}))])
}

/// The task waits, and says why.
fn waits(reason: &str, message: &str) -> Changes {
    let waits = [
        ("status", json!("pending")),
        ("metadata/running_nodes", json!(0)),
        ("metadata/pending_nodes", json!(1)),
        ("metadata/reason", json!(reason)),
        ("metadata/message", json!({"$says": message})),
    ];
    at("/2/response/body", &waits)
}

/// Steps that follow a task without a workdir.
fn where_a_task_starts(user: &str, log: &str) -> Changes {
    let headers = json!({"X-User": user});
    let submit = json!({"method": "POST", "path": "/tasks/submit", "headers": headers, "json": {"run": "echo $PWD"}});
    let submitted = json!({"status": 200, "content_type": JSON, "body": {"task_id": "${W}"}});
    let read = json!({"method": "GET", "path": "/tasks/${W}/logs", "headers": headers});
    let steps = [
        json!({"http": submit, "capture": {"W": "task_id"}, "response": submitted}),
        json!({"http": read, "response": {"status": 200, "content_type": TEXT, "body": log}}),
    ];
    steps.map(|step| ("/-".to_owned(), step)).into()
}

/// What the original printed.
fn printed(steps: &Value, step: usize) -> String {
    steps[step]["result"]["stdout"].as_str().expect("a text").to_owned()
}
