//! Failures that are seeded, and who says what of them: status, Events, REST API, command line and kubectl, in one wording
//! and with the next step to take.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{ContainerState, Event, Pod};
use kube::ResourceExt as _;
use sky_crd::task::SkyTask;
use tokio::{process::Command, time::timeout};

use crate::{
    DEADLINE,
    cli::Shell,
    cluster::{kubeconfig, required},
    gateway::Gateway,
    history::History,
    own_gateway::OwnGateway,
    space::{Space, reason},
};

/// The user of tasks that name none.
const USER: &str = "default";
/// From the moment when the cluster knows. Measured times are in docs/status.md; this only is a bound for busy machines.
const SOON: Duration = Duration::from_secs(60);

/// By what the cluster itself first knows of a failure.
#[derive(Clone, Copy, Debug)]
pub enum Knows {
    /// By the task: what it names is not there, or nobody looks at it.
    Task,
    /// The scheduler has found no machine for a pod.
    Unscheduled,
    /// A container waits for more than its start.
    Waits,
    /// A container has ended.
    Ended,
    /// A pod is to be disrupted.
    Disrupted,
    /// A warning of this reason about a Job or a pod.
    Warned(&'static str),
    /// So much time has passed since a container ran.
    Ran(Duration),
    /// By nothing that can be seen from outside.
    Nothing,
}

/// A failure that is seeded, and what is said of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The task's name.
    pub name: &'static str,
    /// What it is, for the table.
    pub what: &'static str,
    /// The word that stays.
    pub reason: &'static str,
    /// What the sentence contains: the cause, and the next step.
    pub words: &'static [&'static str],
    /// By what the cluster knows.
    pub knows: Knows,
}

/// Watches of what a namespace knows, and its own gateway.
pub struct Witness {
    pods: History<Pod>,
    events: History<Event>,
    gateway: OwnGateway,
    shell: Shell,
}

impl Witness {
    /// Before anything is seeded.
    pub async fn start(space: &Space) -> Self {
        let pods = History::start(space.api()).await;
        let events = History::start(space.api()).await;
        let gateway = OwnGateway::start(&space.name).await;
        let shell = Shell::of(&format!("witness-{}", space.name), gateway.url());
        shell.ok(&["auth", "login", USER]).await;
        Self { pods, events, gateway, shell }
    }

    /// Waits until the scheduler has given a pod of a task a machine.
    pub async fn bound(&self, task: &str) {
        let bound = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        let start = format!("{task}-");
        self.pods.when(&format!("{task} has a machine"), |pod| pod.name_any().starts_with(&start) && bound(pod)).await;
    }

    /// Waits until everybody says it, and prints the line of the table.
    pub async fn check(&self, space: &Space, case: &Case) {
        let says = |task: &SkyTask| {
            let message = message(task).unwrap_or_default();
            reason(task).as_deref() == Some(case.reason) && case.words.iter().all(|word| message.contains(word))
        };
        let task = space.when(case.name, &format!("says {} and {:?}", case.reason, case.words), says).await;
        let is_it = |task: &SkyTask| task.name_any() == case.name && says(task);
        let told = space.tasks.first_at(is_it).expect("it was seen");
        let late = self.known(space, case, &task).map(|known| told.saturating_duration_since(known));
        assert!(late.is_none_or(|late| late < SOON), "{case:?} was told after {late:?}");
        self.in_an_event(case).await;
        self.in_rest(case, &task).await;
        self.on_the_command_line(case, &task).await;
        self.in_kubectl(space, case).await;
        let late = late.map_or("-".to_owned(), |late| format!("{:.1} s", late.as_secs_f64()));
        let text = message(&task).unwrap_or_default();
        println!("explained: | {} | `{}` | {} | {late} |", case.what, case.reason, text.replace('|', "\\|"));
    }

    /// When the cluster knew.
    fn known(&self, space: &Space, case: &Case, task: &SkyTask) -> Option<Instant> {
        let prefix = format!("{}-{}", case.name, task.task_id());
        let of_task = |name: &str| name == prefix || name.starts_with(&format!("{prefix}-"));
        let pod = |fits: &dyn Fn(&Pod) -> bool| self.pods.first_at(|pod| of_task(&pod.name_any()) && fits(pod));
        match case.knows {
            Knows::Task => space.tasks.first_at(|task| task.name_any() == case.name),
            Knows::Unscheduled => pod(&|pod| condition(pod, "PodScheduled", "False")),
            Knows::Waits => pod(&|pod| {
                let starts = ["ContainerCreating", "PodInitializing"];
                let waiting = |state: ContainerState| state.waiting?.reason;
                states(pod).into_iter().filter_map(waiting).any(|reason| !starts.contains(&reason.as_str()))
            }),
            Knows::Ended => pod(&|pod| states(pod).iter().any(|state| state.terminated.is_some())),
            Knows::Disrupted => pod(&|pod| condition(pod, "DisruptionTarget", "True")),
            Knows::Warned(reason) => self.events.first_at(|event| {
                event.reason.as_deref() == Some(reason) && event.involved_object.name.as_deref().is_some_and(of_task)
            }),
            Knows::Ran(time) => {
                pod(&|pod| states(pod).iter().any(|state| state.running.is_some())).map(|ran| ran + time)
            }
            Knows::Nothing => None,
        }
    }

    async fn in_an_event(&self, case: &Case) {
        if matches!(case.reason, "Unobserved") {
            // Nobody is there who could publish one.
            return;
        }
        let about = |event: &Event| {
            let object = &event.involved_object;
            object.kind.as_deref() == Some("SkyTask") && object.name.as_deref() == Some(case.name)
        };
        let says = |event: &Event| {
            let message = event.message.clone().unwrap_or_default();
            event.reason.as_deref() == Some(case.reason) && case.words.iter().all(|word| message.contains(word))
        };
        self.events.when(&format!("an Event says {case:?}"), |event| about(event) && says(event)).await;
    }

    async fn in_rest(&self, case: &Case, task: &SkyTask) {
        let gateway = Gateway::at(self.gateway.url(), USER);
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let answer = gateway.get(&format!("/tasks/{}", task.task_id()));
            let view = answer.json();
            let message = view["metadata"]["message"].as_str().unwrap_or_default();
            if view["metadata"]["reason"] == case.reason && case.words.iter().all(|word| message.contains(word)) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "the API does not say {case:?}: {}", answer.text);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn on_the_command_line(&self, case: &Case, task: &SkyTask) {
        let id = task.task_id().to_string();
        let run = self.shell.run(&["jobs", "status", &id]).await;
        let says = run.stdout.contains(case.reason) && case.words.iter().all(|word| run.stdout.contains(word));
        assert!(run.code == Some(0) && says, "the command line does not say {case:?}: {run:#?}");
    }

    async fn in_kubectl(&self, space: &Space, case: &Case) {
        let mut command = Command::new(required("SKY_TEST_CLUSTER"));
        command.args(["kubectl", "--kubeconfig"]).arg(kubeconfig()).args(["--namespace", &space.name]);
        command.args(["describe", "skytask", case.name]).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(DEADLINE, command.output()).await.expect("in time").expect("kubectl starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let says = text.contains(case.reason) && case.words.iter().all(|word| text.contains(word));
        assert!(says, "kubectl does not say {case:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The sentence of the task's failure, or of its waiting.
fn message(task: &SkyTask) -> Option<String> {
    let status = task.status.as_ref()?;
    let failure = status.failure.as_ref().map(|failure| failure.message.clone());
    failure.or_else(|| status.pending.as_ref().map(|pending| pending.message.clone()))
}

fn condition(pod: &Pod, kind: &str, value: &str) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == kind && condition.status == value)
}

fn states(pod: &Pod) -> Vec<ContainerState> {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.clone()).unwrap_or_default();
    containers.into_iter().filter_map(|container| container.state).collect()
}
