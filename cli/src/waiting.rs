//! The status line: what the task waits for, while its log has not begun.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sky_crd::api::{NodeView, TaskState, TaskView};

use crate::{api::Api, printer::Printer, text};

/// Time between two looks at the task.
const PERIOD: Duration = Duration::from_secs(1);

/// A status line on a terminal. Elsewhere it does nothing. All clones are one line.
#[derive(Clone)]
pub(crate) struct StatusLine {
    printer: Printer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Columns of what is drawn; 0 if nothing is.
    drawn: usize,
    /// The task is watched no more.
    over: bool,
}

impl StatusLine {
    /// Nothing is drawn yet.
    pub(crate) fn new(printer: Printer) -> Self {
        Self { printer, state: Arc::default() }
    }

    /// Shows the task's state once a second, until the line is erased.
    pub(crate) fn watch(&self, api: &Api, task_id: &str) {
        if self.printer.can_draw() {
            let (line, api, task_id) = (self.clone(), api.clone(), task_id.to_owned());
            // Nobody waits for this thread: a look that takes long must not hold up the log. It only draws under the
            // lock and never after the line was erased.
            thread::spawn(move || line.draw_until_erased(&api, &task_id));
        }
    }

    /// Shows this in place of the task's state.
    pub(crate) fn say(&self, sentence: &str) {
        let mut state = lock(&self.state);
        state.over = true;
        if self.printer.can_draw() {
            state.drawn = self.printer.draw_status(sentence, state.drawn);
        }
    }

    /// Removes the line; the task's state does not come back.
    pub(crate) fn erase(&self) {
        let mut state = lock(&self.state);
        state.over = true;
        match std::mem::take(&mut state.drawn) {
            0 => {}
            drawn => self.printer.erase_status(drawn),
        }
    }

    fn draw_until_erased(&self, api: &Api, task_id: &str) {
        let started = Instant::now();
        loop {
            let task = api.task(task_id);
            let elapsed = started.elapsed().as_secs();
            let line = match task {
                Ok(task) => describe(&task.view, elapsed, self.printer.status_columns()),
                Err(error) => format!("{error} ({elapsed}s)"),
            };
            let mut state = lock(&self.state);
            if state.over {
                return;
            }
            state.drawn = self.printer.draw_status(&line, state.drawn);
            drop(state);
            thread::sleep(PERIOD);
        }
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

/// `pending (5s), node-0 running, node-1 pending: Unschedulable: …`; the reason comes last, as it may be cut. What is
/// said of the nodes leaves it half of the columns.
fn describe(task: &TaskView, elapsed: u64, columns: usize) -> String {
    let nodes = if task.metadata.num_nodes < 2 { [String::new(), String::new()] } else { [ranks(task), counts(task)] };
    let nodes = nodes.into_iter().find(|nodes| text::width(nodes) <= columns / 2).unwrap_or_default();
    let why = match why(task) {
        Some(why) => format!(": {why}"),
        None if task.status == TaskState::Running => ", no output yet".to_owned(),
        None => String::new(),
    };
    format!("{} ({elapsed}s){nodes}{why}", state_word(task.status))
}

/// `, node-0 running, nodes 1-6,8 pending`.
fn ranks(task: &TaskView) -> String {
    let mut groups: Vec<(TaskState, Vec<u32>)> = Vec::new();
    for node in &task.metadata.nodes {
        match groups.iter_mut().find(|(state, _)| *state == node.status) {
            Some((_, ranks)) => ranks.push(node.index),
            None => groups.push((node.status, vec![node.index])),
        }
    }
    if groups.is_empty() {
        return counts(task);
    }
    let group = |(state, ranks): &(TaskState, Vec<u32>)| match &ranks[..] {
        [rank] => format!(", node-{rank} {}", state_word(*state)),
        ranks => format!(", nodes {} {}", ranges(ranks), state_word(*state)),
    };
    groups.iter().map(group).collect()
}

/// `1-6,8` of ranks that go up.
fn ranges(ranks: &[u32]) -> String {
    let range = |run: &[u32]| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(ToString::to_string).collect(),
    };
    ranks.chunk_by(|one, next| one + 1 == *next).map(range).collect::<Vec<_>>().join(",")
}

/// `, 8 nodes: 3 running, 5 pending`.
fn counts(task: &TaskView) -> String {
    let metadata = &task.metadata;
    let counts = [
        (metadata.running_nodes, TaskState::Running),
        (metadata.pending_nodes, TaskState::Pending),
        (metadata.failed_nodes, TaskState::Failed),
        (metadata.succeeded_nodes, TaskState::Completed),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, state)| format!("{count} {}", state_word(*state))).collect();
    format!(", {} nodes: {}", metadata.num_nodes, counts.join(", "))
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
        let pulling = json!({"index": 1, "status": "pending", "reason": "ImagePullBackOff"});
        let two = json!({"num_nodes": 2, "running_nodes": 1, "nodes": [node(0, "running"), pulling]});
        let states = ["running", "pending", "pending", "running", "pending"];
        let five: Vec<_> = (0..).zip(states).map(|(index, state)| node(index, state)).collect();
        for (status, more, columns, line) in [
            ("pending", json!({}), 80, "pending (5s)"),
            ("running", json!({}), 80, "running (5s), no output yet"),
            (
                "pending",
                json!({"reason": "Unschedulable", "message": "0/1 nodes are available"}),
                80,
                "pending (5s): Unschedulable: 0/1 nodes are available",
            ),
            ("running", two.clone(), 80, "running (5s), node-0 running, node-1 pending: node-1 ImagePullBackOff"),
            ("running", two, 60, "running (5s): node-1 ImagePullBackOff"),
            (
                "pending",
                json!({"num_nodes": 5, "nodes": five}),
                80,
                "pending (5s), nodes 0,3 running, nodes 1-2,4 pending",
            ),
            (
                "pending",
                json!({"num_nodes": 8, "running_nodes": 3, "pending_nodes": 5}),
                80,
                "pending (5s), 8 nodes: 3 running, 5 pending",
            ),
        ] {
            assert_eq!(describe(&task(status, &more), 5, columns), line);
        }
    }
}
