//! How a task of several nodes ended: what a test expects of it, and its line in the table of failures.

use std::time::{Duration, Instant};

use serde_json::json;
use sky_crd::{
    condition::ConditionType,
    task::{NodeStatus, SkyTask, SkyTaskStatus},
};

use crate::space::{Space, condition};

/// A failure that a test makes, and when.
pub struct Blow {
    what: String,
    at: Instant,
}

/// What became of a task after a blow.
pub struct Ending {
    /// Its last status.
    pub status: SkyTaskStatus,
    /// The task, for its logs.
    pub task: SkyTask,
    /// From the blow to the first status that says `failed`; none if it never did.
    pub told: Option<Duration>,
    /// From the blow to the end of the last node.
    pub took: Duration,
}

impl Blow {
    /// Remembers the moment.
    pub fn now(what: &str) -> Self {
        Self { what: what.to_owned(), at: Instant::now() }
    }

    /// Waits for the end of the task, which must come within `limit`, and prints the line of the table.
    pub async fn ending(self, space: &Space, name: &str, limit: Duration) -> Ending {
        let failed_or_finished =
            |task: &SkyTask| condition(task, ConditionType::Failed) || condition(task, ConditionType::Finished);
        let told = async {
            let task = space.when_within(limit, name, "has failed or finished", failed_or_finished).await;
            condition(&task, ConditionType::Failed).then(|| self.at.elapsed())
        }
        .await;
        let finished = |task: &SkyTask| condition(task, ConditionType::Finished);
        let task = space.when_within(limit, name, "is finished", finished).await;
        let took = self.at.elapsed();
        assert!(took <= limit, "{}: {took:?} is more than {limit:?}", self.what);
        let status = task.status.clone().expect("a finished task has a status");
        let ending = Ending { status, task, told, took };
        println!("failure: | {} | {} |", self.what, ending.row());
        ending
    }
}

impl Ending {
    /// A node's status.
    pub fn node(&self, index: usize) -> &NodeStatus {
        &self.status.nodes[index]
    }

    /// Whose failure it is: rank, reason, exit code.
    pub fn failure(&self) -> (Option<u32>, &str, Option<i32>) {
        let failure = self.status.failure.as_ref().expect("a failed task says why");
        (failure.node, &failure.reason, failure.exit_code)
    }

    /// Reasons and exit codes of all nodes.
    pub fn nodes(&self) -> Vec<(&str, Option<i32>)> {
        let word = |node: &'_ NodeStatus| node.exit_code;
        self.status.nodes.iter().map(|node| (node.reason.as_deref().unwrap_or("-"), word(node))).collect()
    }

    /// What the status said and how long it took.
    fn row(&self) -> String {
        let failure = self.status.failure.as_ref();
        let said = failure.map_or("completed".to_owned(), |failure| format!("{}: {}", failure.reason, failure.message));
        let nodes: Vec<String> = self
            .nodes()
            .iter()
            .enumerate()
            .map(|(index, (reason, code))| {
                format!("{index}: {reason} {}", code.map_or("-".to_owned(), |c| json!(c).to_string()))
            })
            .collect();
        let told = self.told.map_or("-".to_owned(), |told| format!("{:.1} s", told.as_secs_f64()));
        format!("{said} | {} | {told} | {:.1} s", nodes.join(", "), self.took.as_secs_f64())
    }
}
