//! What to do next for one node's log, decided from the task's status alone.

use sky_crd::task::{NodeStatus, SkyTask};

use crate::store::volumes::is_finished;

/// The pod of one attempt of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the pod.
    pub pod: String,
    /// UID of the Job that must own it: names come again, UIDs do not.
    pub job_uid: String,
    /// Whether its container has started, as far as the status knows.
    pub started: bool,
    /// Whether it has ended.
    pub ended: bool,
}

/// What to do for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Follow this pod.
    Follow(Target),
    /// There is no pod to follow yet.
    Wait,
    /// There will be none any more.
    End,
}

/// What to do for node `index` of the task with this UID. `done` is the pod that has been followed to its end.
pub fn next_step(task: Option<&SkyTask>, uid: &str, index: u32, done: Option<&Target>) -> Step {
    let Some(task) = task.filter(|task| task.metadata.uid.as_deref() == Some(uid)) else { return Step::End };
    let node = task.status.as_ref().and_then(|status| status.nodes.iter().find(|node| node.index == index));
    let target = node.and_then(target).filter(|target| done.is_none_or(|done| !same_pod(done, target)));
    match target {
        Some(target) => Step::Follow(target),
        None if is_finished(task) => Step::End,
        None => Step::Wait,
    }
}

/// Whether the task is gone, so that nothing of its log is of interest any more.
pub fn is_gone(task: Option<&SkyTask>, uid: &str) -> bool {
    task.is_none_or(|task| task.metadata.uid.as_deref() != Some(uid))
}

fn same_pod(one: &Target, other: &Target) -> bool {
    (&one.pod, &one.job_uid) == (&other.pod, &other.job_uid)
}

fn target(node: &NodeStatus) -> Option<Target> {
    use sky_crd::task::NodePhase;
    Some(Target {
        pod: node.pod.clone()?,
        job_uid: node.job_uid.clone()?,
        started: node.phase != NodePhase::Pending,
        ended: node.phase.is_final(),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use k8s_openapi::jiff::Timestamp;
    use sky_crd::{
        TaskId, User,
        api::TaskRequest,
        task::{NodePhase, SkyTaskStatus},
    };

    use super::*;

    fn task(node: Option<NodeStatus>, finished: bool) -> SkyTask {
        let user: User = "u".parse().unwrap();
        let mut task = TaskRequest::default().into_task(&TaskId::from_bits(1), &user, "default").unwrap();
        task.metadata.uid = Some("uid".to_owned());
        let condition = Condition {
            type_: "Finished".to_owned(),
            status: if finished { "True" } else { "False" }.to_owned(),
            reason: "X".to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        let nodes = node.into_iter().collect();
        task.status = Some(SkyTaskStatus { nodes, conditions: vec![condition], ..SkyTaskStatus::default() });
        task
    }

    fn node(pod: Option<&str>, phase: NodePhase) -> NodeStatus {
        let job_uid = Some("job".to_owned());
        NodeStatus { index: 0, job_uid, pod: pod.map(str::to_owned), phase, ..NodeStatus::default() }
    }

    #[test]
    fn steps() {
        let pod = |started, ended| Target { pod: "p".to_owned(), job_uid: "job".to_owned(), started, ended };
        let done = pod(true, true);
        let of = |phase| Some(node(Some("p"), phase));
        let (running, ended) = (of(NodePhase::Running), of(NodePhase::Succeeded));
        let podless = |phase| Some(node(None, phase));
        for (name, node, finished, done, step) in [
            ("no status yet", None, false, None, Step::Wait),
            ("no pod yet", podless(NodePhase::Pending), false, None, Step::Wait),
            ("pod waits", of(NodePhase::Pending), false, None, Step::Follow(pod(false, false))),
            ("pod runs", running.clone(), false, None, Step::Follow(pod(true, false))),
            ("finished, log not read", ended.clone(), true, None, Step::Follow(pod(true, true))),
            ("read, others run", ended.clone(), false, Some(&done), Step::Wait),
            ("read and finished", ended, true, Some(&done), Step::End),
            ("finished without a pod", podless(NodePhase::Failed), true, None, Step::End),
        ] {
            assert_eq!(next_step(Some(&task(node, finished)), "uid", 0, done), step, "{name}");
        }
        assert_eq!(next_step(None, "uid", 0, None), Step::End);
        assert_eq!(next_step(Some(&task(running, false)), "other", 0, None), Step::End);
    }
}
