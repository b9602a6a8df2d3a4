//! Does what a scenario says, and tells how the answers differ from what is expected.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use sky_crd::task::SkyTask;
use sky_tests::{
    DEADLINE,
    cli::{Run, Shell},
    cluster::{client, required, room_for},
    gateway::{Answer, Gateway},
};
use tokio::time::{Instant, sleep};

use super::{
    compare::compare,
    masks::Masks,
    scenario::{Printed, Request, Response, Scenario, Step, Wait},
    text,
};

/// States that become others by themselves.
const MOVING: [&str; 3] = ["pending", "running", "Pending"];

/// The address of the original when it was recorded, where the recording does not say `${BASE}`.
const RECORDED_AT: &str = "http://127.0.0.1:8000";

/// Replays one scenario once there is room for its pods.
pub(super) async fn with_room(scenario: Scenario) -> Result<(), String> {
    let _room = room_for(scenario.pods(&scenario.expected())).await;
    replay(scenario).await
}

/// Replays one scenario. The error has its id and all that differs.
pub(super) async fn replay(scenario: Scenario) -> Result<(), String> {
    let steps = scenario.expected();
    let mut replay = Replay::new(&scenario);
    // What an earlier run on this cluster may have left.
    replay.clean(&steps);
    let mut differences = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let difference = replay.step(step).await;
        differences.extend(difference.map(|difference| format!("step {}, {difference}", index + 1)));
    }
    replay.clean(&steps);
    if differences.is_empty() {
        return Ok(());
    }
    let note = scenario.ours.or(scenario.note).map(|words| format!(" ({words})")).unwrap_or_default();
    Err(format!("{}{note}\n  {}", scenario.id, differences.join("\n  ")))
}

struct Replay {
    masks: Masks,
    shell: Shell,
}

impl Replay {
    fn new(scenario: &Scenario) -> Self {
        let shell = Shell::new(&format!("recording-{}", scenario.number));
        let directory = shell.home().join("work");
        std::fs::create_dir_all(&directory).expect("a directory");
        for (name, text) in &scenario.files {
            std::fs::write(directory.join(name), text).expect("a file");
        }
        let mut masks = Masks::new(&required("SKY_TEST_API_URL"), scenario.number);
        masks.name("<home>".to_owned(), &shell.home().to_string_lossy());
        masks.name("<dir>".to_owned(), &directory.to_string_lossy());
        Self { masks, shell }
    }

    /// Removes all that the users of these steps have.
    fn clean(&self, steps: &[Step]) {
        let users = steps.iter().filter_map(|step| match step {
            Step::Http { http, .. } => http.headers.get("X-User").map(String::as_str),
            Step::CommandLine { cli, .. } => cli.strip_prefix("auth login "),
            _ => None,
        });
        for user in users.collect::<BTreeSet<_>>() {
            let gateway = Gateway::of(Some(&self.masks.user(user)));
            gateway.post("/tasks/stop", &json!(null));
            let volumes = gateway.get("/volumes").json();
            for volume in volumes["volumes"].as_array().into_iter().flatten() {
                let id = volume["volume_id"].as_str().unwrap_or_default();
                gateway.request("DELETE", &format!("/volumes/{id}"), None);
            }
        }
    }

    /// Does one step; returns what differs.
    async fn step(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Http { http, capture, response } => self.http(http, capture, response).await,
            Step::CommandLine { cli, env, capture, result } => self.command(cli, env.as_ref(), capture, result).await,
            Step::Wait { wait } => self.wait(wait).await,
            Step::Sleep { sleep: seconds } => {
                sleep(Duration::from_secs_f64(*seconds)).await;
                None
            }
            Step::Object { object, spec } => self.object(object, spec).await,
        }
    }

    async fn http(
        &mut self,
        request: &Request,
        capture: &BTreeMap<String, String>,
        expected: &Response,
    ) -> Option<String> {
        let deadline = Instant::now() + DEADLINE / 2;
        loop {
            let answer = self.send(request);
            for (name, key) in capture {
                let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
                if let Some(value) = body[key].as_str() {
                    self.masks.name(format!("${{{name}}}"), value);
                }
            }
            let (body, differences) = self.differences(expected, &answer);
            // The recording shows one moment of a state that moves: ours may come to it later.
            let moving = body["status"].as_str().is_some_and(|status| MOVING.contains(&status));
            if differences.is_empty() {
                return None;
            } else if !moving || request.method != "GET" || Instant::now() > deadline {
                let answer = format!("answer {} {}", answer.status, text::short(&body));
                let differences = differences.join("\n    ");
                return Some(format!("{} {}:\n    {differences}\n    {answer}", request.method, request.path));
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    fn send(&self, request: &Request) -> Answer {
        let user = request.headers.get("X-User").map(|user| self.masks.user(user));
        let others = request.headers.iter().filter(|(name, _)| *name != "X-User");
        let mut headers: Vec<_> = others.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if request.json.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = request.raw.clone().or_else(|| request.json.as_ref().map(Value::to_string)).unwrap_or_default();
        let gateway = Gateway::of(user.as_deref());
        gateway.send(&request.method, &self.masks.fill(&request.path), &headers, self.masks.fill(&body))
    }

    /// Our body in the words of the recording, and what differs.
    fn differences(&self, expected: &Response, answer: &Answer) -> (Value, Vec<String>) {
        let masked = self.masks.mask(&answer.text);
        let content_type = answer.header("content-type");
        let json = content_type.filter(|kind| kind.starts_with("application/json") && !masked.is_empty());
        let body = json.and_then(|_| serde_json::from_str(&masked).ok()).unwrap_or(Value::String(masked));
        let mut differences = compare(&expected.body, &body);
        for (what, expected, actual) in [
            ("status", &expected.status, json!(answer.status)),
            ("content-type", &json!(expected.content_type), json!(content_type)),
        ] {
            let differs = !compare(expected, &actual).is_empty();
            differences.extend(differs.then(|| format!("{what}: expected {expected}, got {actual}")));
        }
        if let Some(expected) = &expected.location {
            let actual = answer.header("location").map(|location| self.masks.mask(location)).unwrap_or_default();
            let expected = expected.replace(RECORDED_AT, "${BASE}");
            differences.extend((actual != expected).then(|| format!("location: expected {expected}, got {actual}")));
        }
        if let Some(methods) = &expected.allow {
            let allow = answer.header("allow").unwrap_or_default();
            let allowed: Vec<_> = allow.split(',').map(str::trim).collect();
            let all = methods.split(',').all(|method| allowed.contains(&method.trim()));
            differences.extend((!all).then(|| format!("allow: expected {methods}, got {allow}")));
        }
        (body, differences)
    }

    async fn command(
        &mut self,
        line: &str,
        env: Option<&BTreeMap<String, String>>,
        capture: &BTreeMap<String, String>,
        expected: &Printed,
    ) -> Option<String> {
        let user = line.strip_prefix("auth login ").map(|user| format!("auth login {}", self.masks.user(user)));
        let filled = self.masks.fill(user.as_deref().unwrap_or(line));
        let args: Vec<_> = filled.split_whitespace().collect();
        let mut command = self.shell.command(&args);
        command.current_dir(self.shell.home().join("work"));
        if let Some(env) = env {
            command.env_remove("K8S_CLI_API_URL").envs(env.iter().map(|(name, value)| (name, self.masks.fill(value))));
        }
        let run = Shell::finish(command, &args).await;
        for (name, pattern) in capture {
            let word = pattern.strip_suffix("([0-9a-f]{8})").unwrap_or_else(|| panic!("no such capture: {pattern}"));
            let id = run.stdout.split_once(word).and_then(|(_, rest)| rest.get(..8));
            self.masks.name(format!("${{{name}}}"), id.unwrap_or("no id"));
        }
        let differences = self.printed(expected, &run);
        (!differences.is_empty()).then(|| {
            let printed =
                format!("stdout {:?}\n    stderr {:?}", self.masks.mask(&run.stdout), self.masks.mask(&run.stderr));
            format!("k8s-cli {line}:\n    {}\n    {printed}", differences.join("\n    "))
        })
    }

    fn printed(&self, expected: &Printed, run: &Run) -> Vec<String> {
        let mut differences = Vec::new();
        if run.code != Some(expected.exit) {
            differences.push(format!("exit code: expected {}, got {:?}", expected.exit, run.code));
        }
        let (mut stdout, stderr) = (self.masks.mask(&run.stdout), self.masks.mask(&run.stderr));
        let recorded = match &expected.stdout {
            Value::String(recorded) => recorded.clone(),
            rule => {
                stdout = text::by_node(&stdout);
                text::by_node(rule["$lines_by_node"].as_str().expect("a rule for the command line"))
            }
        };
        if let Some(commands) = text::commands(&recorded) {
            let missing = text::missing_commands(commands, &stdout);
            differences.extend(missing.into_iter().map(|command| format!("not in the help: {command}")));
            return differences;
        }
        let mut recorded = vec![recorded];
        match &expected.stderr {
            Value::String(lines) => recorded.push(lines.clone()),
            rule => differences.extend(compare(rule, &json!(stderr))),
        }
        let missing = recorded.iter().flat_map(|recorded| text::missing(recorded, &stdout, &stderr));
        differences.extend(missing.map(|line| format!("not printed, or not in this order: {line}")));
        differences
    }

    async fn wait(&self, wait: &Wait) -> Option<String> {
        let path = self.masks.fill(&wait.path);
        let gateway = Gateway::of(Some(&self.masks.user(&wait.user)));
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = gateway.get(&path);
            let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
            if body["status"].as_str().is_some_and(|status| wait.status.iter().any(|wanted| wanted == status)) {
                return None;
            } else if Instant::now() > deadline {
                return Some(format!("wait for {:?}: {}", wait.status, answer.text));
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    async fn object(&self, id: &str, spec: &Value) -> Option<String> {
        let (id, tasks) = (self.masks.fill(id), Api::<SkyTask>::namespaced(client().await, "default"));
        let tasks = tasks.list(&ListParams::default()).await.expect("a list of tasks");
        let task = tasks.iter().find(|task| task.spec.task_id.as_ref().is_some_and(|task| *task == id));
        let differences = compare(spec, &json!(task.map(|task| &task.spec)));
        (!differences.is_empty()).then(|| format!("the task in the cluster:\n    {}", differences.join("\n    ")))
    }
}
