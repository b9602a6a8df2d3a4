//! Resources: what the nodes of a task ask the cluster for, chosen among alternatives by the machines that there are.
//!
//! Facts about machines come in as data ([`Cluster`]). A choice is made once for an attempt: its Jobs carry it.

mod device;
mod fit;
mod label;
mod machine;
mod model;
mod never;
mod placement;
mod spot;
mod want;

#[cfg(test)]
mod tests;

use k8s_openapi::api::{batch::v1::Job, core::v1::Toleration};
use kube::ResourceExt as _;
use sky_crd::{label as labels, task::ChosenResources};

pub use machine::{Cluster, Machine};
pub use placement::Placement;
pub use want::{InvalidResources, Want, wants};

use super::ValidTask;

/// Most characters of what is told about a choice.
const MAX_TOLD: usize = 1000;

/// What the administrator decides about machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Labels of spot machines beside those of the known clouds, each with its value.
    pub spot_marks: Vec<(String, String)>,
    /// Priority classes by the lowest rank that has them, in any order.
    pub priority_classes: Vec<(i32, String)>,
}

impl Policy {
    /// The priority class of tasks of this rank.
    pub fn priority_class(&self, rank: i32) -> Option<&str> {
        let reached = self.priority_classes.iter().filter(|(lowest, _)| *lowest <= rank);
        reached.max_by_key(|(lowest, _)| *lowest).map(|(_, class)| class.as_str())
    }
}

/// A choice, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What every pod asks for.
    pub placement: Placement,
    /// For the status; `None` where nothing was to be chosen and all is had.
    pub told: Option<ChosenResources>,
}

/// The choice for the Jobs of an attempt: the one that its Jobs already have, else the first alternative for which there
/// are machines, else the first.
pub fn choose(task: &ValidTask, cluster: &Cluster, jobs: &[Option<&Job>]) -> Choice {
    let candidates = candidates(task, cluster, jobs);
    let tolerations = tolerations(task);
    let fits = |one: &&Placement| one.fits(task.nodes, &task.spec.node_selector, &tolerations, cluster);
    let found = candidates.iter().find(fits);
    let placement = found.or(candidates.first()).cloned().unwrap_or_default();
    let told = told(task, &placement, found.is_some(), cluster);
    Choice { placement, told }
}

/// Why no machines that exist could hold the nodes of the attempt, whatever ends on them; `None` if they could, or if that
/// is not known.
pub fn never(task: &ValidTask, cluster: &Cluster, jobs: &[Option<&Job>]) -> Option<String> {
    let machines: Vec<Machine> = cluster.machines.as_ref()?.iter().map(|one| never::at_its_best(one)).collect();
    if task.pod_config.is_some() {
        return None;
    }
    let tolerations = tolerations(task);
    let mut first = None;
    for one in candidates(task, cluster, jobs) {
        let accepted = one.accepted(&tolerations);
        let needs = one.needs(&task.spec.node_selector, &accepted);
        first.get_or_insert(never::why(task.nodes, &needs, &machines)?);
    }
    first
}

/// All ways to place the attempt, the likelier first: those of the alternative that its Jobs already have, else of all.
fn candidates(task: &ValidTask, cluster: &Cluster, jobs: &[Option<&Job>]) -> Vec<Placement> {
    let of_job = |job: &&Job| job.annotations().get(labels::ALTERNATIVE)?.parse::<usize>().ok();
    let own = jobs.iter().flatten().find_map(of_job).filter(|index| *index < task.wants.len());
    let wants = task.wants.iter().enumerate().filter(|(index, _)| own.is_none_or(|own| own == *index));
    let mut candidates: Vec<Placement> =
        wants.flat_map(|(index, want)| placement::ways(index, want, &task.placement, cluster)).collect();
    candidates.sort_by_key(|one| one.is_makeshift);
    candidates
}

fn tolerations(task: &ValidTask) -> Vec<Toleration> {
    task.spec.tolerations.iter().map(super::pod::toleration).collect()
}

/// What the status says of a choice.
fn told(task: &ValidTask, chosen: &Placement, fits: bool, cluster: &Cluster) -> Option<ChosenResources> {
    let of_model = chosen.want.accelerator.as_ref().is_some_and(|one| one.name.is_some() || one.memory.is_some());
    if task.wants.len() == 1 && chosen.warnings.is_empty() && !of_model {
        return None;
    }
    let short = |text: String| text.chars().take(MAX_TOLD).collect::<String>();
    Some(ChosenResources {
        alternative: u32::try_from(chosen.alternative).ok(),
        summary: Some(short(chosen.want.summary())),
        message: Some(short(why(task, chosen, fits, cluster))),
        warnings: chosen.warnings.iter().cloned().map(short).collect(),
    })
}

fn why(task: &ValidTask, chosen: &Placement, fits: bool, cluster: &Cluster) -> String {
    let all = task.wants.len();
    let passed_over: Vec<String> = task.wants.iter().take(chosen.alternative).map(Want::summary).collect();
    match (cluster.machines.is_some(), fits, all, passed_over.is_empty()) {
        (false, _, 1, _) => "the operator may not read machines".to_owned(),
        (false, ..) => format!("the first of {all} alternatives: the operator may not read machines"),
        (true, true, 1, _) => "the cluster has machines for it".to_owned(),
        (true, true, _, true) => format!("the first of {all} alternatives: the cluster has machines for it"),
        (true, true, ..) => {
            let number = chosen.alternative + 1;
            format!("alternative {number} of {all}: the cluster has no machines for {}", passed_over.join("; for "))
        }
        (true, false, 1, _) => "no machines of the cluster are fit for it now".to_owned(),
        (true, false, ..) => format!("the first of {all} alternatives: no machines of the cluster are fit for any now"),
    }
}
