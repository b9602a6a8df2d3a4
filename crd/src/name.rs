//! Names of objects. Every name is a pure function of the task, so that a restart finds what it had created.
//!
//! The specification's forms: Job `{task-name}-{task-id}` on one node, `{task-name}-{task-id}-node-{i}` on several,
//! PVC `{name}-{volume-id}`. Later attempts carry the suffix `-r{k}`.

use crate::{TaskId, short_hash};

/// Longest Job name, in bytes: the Job controller appends `-xxxxx` to make the pod's name, and cuts longer ones so that
/// the tail (rank and attempt) would be lost.
pub const MAX_JOB_NAME: usize = 57;
/// Longest name of a SkyTask or SkyVolume that the gateway makes: a label value can hold it.
const MAX_OBJECT_NAME: usize = 63;
/// Room for the suffix of later attempts (`-r999`), kept free in every attempt so that the stem never changes.
const ATTEMPT_ROOM: usize = 5;

/// Names of the children of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskNames {
    id: TaskId,
    stem: String,
    nodes: u32,
}

impl TaskNames {
    /// `name` is the task's name as the user wrote it, `nodes` how many nodes it has.
    pub fn new(id: &TaskId, name: &str, nodes: u32) -> Self {
        let longest = format!("-{id}{}", node_suffix(nodes, nodes.saturating_sub(1))).len() + ATTEMPT_ROOM;
        Self { id: id.clone(), stem: dns_stem(name, MAX_JOB_NAME - longest, "task"), nodes }
    }

    /// Job of node `index` in `attempt` (0 is the first). At most [`MAX_JOB_NAME`] bytes for attempts below 1000.
    pub fn job(&self, index: u32, attempt: u32) -> String {
        format!("{}-{}{}{}", self.stem, self.id, node_suffix(self.nodes, index), attempt_suffix(attempt))
    }

    /// All Jobs of an attempt, in rank order.
    pub fn jobs(&self, attempt: u32) -> Vec<String> {
        (0..self.nodes).map(|index| self.job(index, attempt)).collect()
    }

    /// Headless Service that gives the nodes their addresses; a Service name must start with a letter.
    pub fn service(&self) -> String {
        format!("task-{}", self.id)
    }

    /// ConfigMap that carries scripts which are too long for an argument.
    pub fn scripts(&self) -> String {
        format!("{}-{}-scripts", self.stem, self.id)
    }

    /// Service of the ports that rank 0 serves.
    pub fn ports(&self) -> String {
        format!("{}-ports", self.service())
    }

    /// Claim of the volume that is made for the task and mounted at this path.
    pub fn volume(&self, mount_path: &str) -> String {
        format!("{}-{}-volume-{}", self.stem, self.id, short_hash(mount_path))
    }

    /// Secret with the token by which the task's nodes know each other. Named by the owner's UID too: a task that is
    /// applied again under the same id must not get the token of the one before, which is about to be deleted.
    pub fn token(&self, owner_uid: &str) -> String {
        format!("{}-{}", self.service(), short_hash(owner_uid))
    }

    /// The same for an attempt after the first, which may have other scripts.
    pub fn later_scripts(&self, scripts: &[&str]) -> String {
        // No script holds a NUL, so two pairs of scripts are never alike.
        format!("{}-{}", self.scripts(), short_hash(&scripts.join("\0")))
    }

    /// Host name of a node inside the task's Service.
    pub fn hostname(index: u32) -> String {
        format!("node-{index}")
    }

    /// Address of a node as its peers resolve it: `node-{i}.task-{id}`.
    pub fn address(&self, index: u32) -> String {
        format!("{}.{}", Self::hostname(index), self.service())
    }
}

/// Name of the SkyTask or SkyVolume that the gateway creates: `{name}-{id}`.
pub fn object_name(name: &str, id: &TaskId) -> String {
    format!("{}-{id}", dns_stem(name, MAX_OBJECT_NAME - 9, "task"))
}

/// Secret with the values that came with a request for the SkyTask of this name.
pub fn values_secret(task: &str) -> String {
    format!("{task}{}", OWN_SECRETS[0])
}

/// Secret with the credentials by which the images of the SkyTask of this name are pulled.
pub fn registry_secret(task: &str) -> String {
    format!("{task}{}", OWN_SECRETS[1])
}

/// Ends of the names of Secrets that a task has of its own, after its object's name.
const OWN_SECRETS: [&str; 2] = ["-secrets", "-registry"];

/// Whether a Secret of this name is a task's own: what came with a request, or the token of its nodes. Others share the
/// namespace, and could name it.
pub fn is_secret_of_task(name: &str) -> bool {
    let is_id = |text: Option<&str>| text.is_some_and(|id| id.parse::<TaskId>().is_ok());
    let is_token = is_id(name.strip_prefix("task-").and_then(|rest| rest.get(..8)));
    let object = OWN_SECRETS.iter().find_map(|end| name.strip_suffix(end));
    is_token || is_id(object.and_then(|object| object.rsplit_once('-')).map(|(_, id)| id))
}

/// PVC of a volume: `{name}-{volume-id}` (specification).
pub fn claim_name(name: &str, id: &TaskId) -> String {
    format!("{}-{id}", dns_stem(name, MAX_OBJECT_NAME - 9, "volume"))
}

/// Name of a claim's volume inside a pod: a DNS label, which a claim's name need not be.
pub fn pod_volume(claim: &str) -> String {
    format!("volume-{}", short_hash(claim))
}

fn node_suffix(nodes: u32, index: u32) -> String {
    if nodes > 1 { format!("-node-{index}") } else { String::new() }
}

fn attempt_suffix(attempt: u32) -> String {
    if attempt == 0 { String::new() } else { format!("-r{attempt}") }
}

/// The nearest DNS label of at most `max` bytes: lower case, `-` for what DNS refuses, and a hash of the whole name at
/// the end where it had to be cut, so that long names with one beginning stay apart. `fallback` when nothing is left.
fn dns_stem(name: &str, max: usize, fallback: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let lowered: String = name.chars().map(fits).collect();
    let trimmed = lowered.trim_matches('-');
    if trimmed.is_empty() {
        return fallback.to_owned();
    }
    if trimmed.len() <= max {
        return trimmed.to_owned();
    }
    let kept = trimmed[..max - 9].trim_end_matches('-');
    format!("{kept}-{}", short_hash(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> TaskId {
        TaskId::from_bits(0x0123_abcd)
    }

    #[test]
    fn follows_the_specification() {
        let one = TaskNames::new(&id(), "my-task", 1);
        assert_eq!(one.jobs(0), ["my-task-0123abcd"]);
        assert_eq!(one.job(0, 2), "my-task-0123abcd-r2");
        let two = TaskNames::new(&id(), "123", 2);
        assert_eq!(two.jobs(0), ["123-0123abcd-node-0", "123-0123abcd-node-1"]);
        assert_eq!(two.service(), "task-0123abcd");
        assert_eq!(two.address(1), "node-1.task-0123abcd");
        assert_ne!(two.token("uid"), two.token("another"));
        assert!(two.token("uid").starts_with("task-0123abcd-"));
        assert_eq!(claim_name("data-vol", &id()), "data-vol-0123abcd");
        assert_eq!(object_name("MyTask", &id()), "mytask-0123abcd");
    }

    #[test]
    fn secrets_of_tasks_are_known_by_their_names() {
        let token = TaskNames::new(&id(), "a", 2).token("uid");
        let object = object_name("my-task", &id());
        for name in [token, values_secret(&object), registry_secret(&object)] {
            assert!(is_secret_of_task(&name), "{name}");
        }
        for name in ["mine", "my-secrets", "task-registry", "0123abcd-secrets", "a-0123abcd", "a-0123abcd-secret"] {
            assert!(!is_secret_of_task(name), "{name}");
        }
    }

    #[test]
    fn unfit_names_are_mended() {
        for (name, job) in [
            ("MyTask", "mytask-0123abcd"),
            ("my_task.v2", "my-task-v2-0123abcd"),
            ("-", "task-0123abcd"),
            ("日本", "task-0123abcd"),
        ] {
            assert_eq!(TaskNames::new(&id(), name, 1).job(0, 0), job);
        }
    }

    #[test]
    fn long_names_with_one_beginning_stay_apart() {
        let (a, b) = (format!("{}a", "x".repeat(79)), format!("{}b", "x".repeat(79)));
        assert_ne!(TaskNames::new(&id(), &a, 1).job(0, 0), TaskNames::new(&id(), &b, 1).job(0, 0));
    }

    /// Golden: a change here would make every running task lose its children at an upgrade.
    #[test]
    fn stays_the_same_for_ever() {
        let names = TaskNames::new(&id(), &"Long_Name.".repeat(8), 1000);
        assert_eq!(names.job(999, 1), "long-name-long-name-long-e66afba1-0123abcd-node-999-r1");
    }

    proptest! {
        #[test]
        fn is_short_valid_and_unique(name in ".{0,120}", bits: u32, nodes in 1u32..=1000, attempt in 0u32..1000) {
            let names = TaskNames::new(&TaskId::from_bits(bits), &name, nodes);
            let mut jobs = names.jobs(attempt);
            for job in &jobs {
                prop_assert!(job.len() <= MAX_JOB_NAME, "{job}");
                prop_assert!(job.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{job}");
                prop_assert!(!job.starts_with('-') && !job.ends_with('-'), "{job}");
            }
            jobs.extend(names.jobs(attempt + 1));
            jobs.sort();
            let all = jobs.len();
            jobs.dedup();
            prop_assert_eq!(jobs.len(), all);
        }
    }
}
