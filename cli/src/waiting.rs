//! The status line: what the task waits for, while its log has not begun.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sky_crd::api::{NodeView, TaskState, TaskView};

use crate::{api::Api, printer::Printer};

/// Time between two looks at the task.
const PERIOD: Duration = Duration::from_secs(1);
/// Tasks with more nodes show how many, not which.
const MAX_NODES_SHOWN: usize = 4;

/// A status line on a terminal. Elsewhere it does nothing.
pub(crate) struct StatusLine {
    printer: Printer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    drawn: bool,
    over: bool,
}

impl StatusLine {
    /// Starts to show the task's state once a second.
    pub(crate) fn start(printer: Printer, api: &Api, task_id: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        if printer.can_draw() {
            let (api, task_id, state) = (api.clone(), task_id.to_owned(), Arc::clone(&state));
            // Nobody waits for this thread: a look that takes long must not hold up the log. It only draws under the
            // lock and never after the line was erased.
            thread::spawn(move || watch(printer, &api, &task_id, &state));
        }
        Self { printer, state }
    }

    /// Removes the line; it does not come back.
    pub(crate) fn erase(&self) {
        let mut state = lock(&self.state);
        state.over = true;
        if std::mem::take(&mut state.drawn) {
            self.printer.erase_status();
        }
    }
}

impl Clone for StatusLine {
    fn clone(&self) -> Self {
        Self { printer: self.printer, state: Arc::clone(&self.state) }
    }
}

fn watch(printer: Printer, api: &Api, task_id: &str, state: &Mutex<State>) {
    let started = Instant::now();
    loop {
        let task = api.task(task_id);
        let elapsed = started.elapsed().as_secs();
        let line = match task {
            Ok(task) => describe(&task.view, elapsed),
            Err(error) => format!("{error} ({elapsed}s)"),
        };
        let mut state = lock(state);
        if state.over {
            return;
        }
        state.drawn = true;
        printer.draw_status(&line);
        drop(state);
        thread::sleep(PERIOD);
    }
}

/// A thread that panicked while it drew leaves a state that is still good.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The word of the API for a state.
pub(crate) fn state_word(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "pending",
        TaskState::Running => "running",
        TaskState::Failed => "failed",
        TaskState::Completed => "completed",
    }
}

/// `pending (5s), node-0 running, node-1 pending: Unschedulable: …`; the reason comes last, as it may be cut.
fn describe(task: &TaskView, elapsed: u64) -> String {
    let metadata = &task.metadata;
    let nodes = match metadata.nodes.len() {
        _ if metadata.num_nodes < 2 => String::new(),
        1..=MAX_NODES_SHOWN => {
            let node = |node: &NodeView| format!("node-{} {}", node.index, state_word(node.status));
            format!(", {}", metadata.nodes.iter().map(node).collect::<Vec<_>>().join(", "))
        }
        _ => format!(", {} of {} nodes running", metadata.running_nodes, metadata.num_nodes),
    };
    let why = match why(task) {
        Some(why) => format!(": {why}"),
        None if task.status == TaskState::Running => ", no output yet".to_owned(),
        None => String::new(),
    };
    format!("{} ({elapsed}s){nodes}{why}", state_word(task.status))
}

/// Why the task waits or failed, `Reason: message`; from the task, else from the first node that says something.
pub(crate) fn why(task: &TaskView) -> Option<String> {
    let metadata = &task.metadata;
    let join = |reason: &Option<String>, message: &Option<String>| match (reason, message) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (Some(text), None) | (None, Some(text)) => Some(text.clone()),
        (None, None) => None,
    };
    let mut nodes = metadata.nodes.iter();
    join(&metadata.reason, &metadata.message).or_else(|| {
        let node = |node: &NodeView| Some(format!("node-{} {}", node.index, join(&node.reason, &node.message)?));
        nodes.find_map(node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn task(status: &str, more: &Value) -> TaskView {
        let mut metadata = json!({
            "job_name": "j", "namespace": "default", "num_nodes": 1, "node_jobs": ["j"],
            "succeeded_nodes": 0, "failed_nodes": 0, "running_nodes": 0, "pending_nodes": 1,
        });
        for (key, value) in more.as_object().unwrap() {
            metadata[key] = value.clone();
        }
        serde_json::from_value(json!({
            "task_id": "abc12345", "name": "n", "status": status, "created_at": "", "updated_at": "",
            "username": "u", "metadata": metadata,
        }))
        .unwrap()
    }

    #[test]
    fn the_line_says_what_it_waits_for() {
        let node = |index: u32, status: &str| json!({"index": index, "status": status});
        for (status, more, line) in [
            ("pending", json!({}), "pending (5s)"),
            ("running", json!({}), "running (5s), no output yet"),
            (
                "pending",
                json!({"reason": "Unschedulable", "message": "0/1 nodes are available"}),
                "pending (5s): Unschedulable: 0/1 nodes are available",
            ),
            (
                "running",
                json!({"num_nodes": 2, "nodes": [node(0, "running"), {"index": 1, "status": "pending", "reason": "ImagePullBackOff"}]}),
                "running (5s), node-0 running, node-1 pending: node-1 ImagePullBackOff",
            ),
            ("pending", json!({"num_nodes": 8, "running_nodes": 3}), "pending (5s), 3 of 8 nodes running"),
        ] {
            assert_eq!(describe(&task(status, &more), 5), line);
        }
    }
}
