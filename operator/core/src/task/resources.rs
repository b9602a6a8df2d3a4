//! Resources: what the nodes of a task ask the cluster for, chosen among alternatives by the machines that there are.
//!
//! Facts about machines come in as data ([`Cluster`]). A choice is made once for an attempt: its Jobs carry it. Attempts
//! that no machine takes are given up for another choice (`task/alternative.rs`).

mod device;
mod fit;
mod label;
mod machine;
mod model;
mod never;
mod placement;
mod spot;
mod tpu;
mod want;

#[cfg(test)]
mod names_tests;
#[cfg(test)]
mod tests;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Pod, Toleration},
};
use kube::ResourceExt as _;
use sky_crd::{label as labels, task::ChosenResources};

pub use machine::{Cluster, Machine};
pub use placement::Placement;
pub use want::{InvalidResources, Want, wants};

use super::{ValidTask, alternative};
use crate::owner::controller_uid;

/// Most characters of what is told about a choice.
const MAX_TOLD: usize = 1000;

/// What the administrator decides about machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Labels of spot machines beside those of the known clouds, each with its value.
    pub spot_marks: Vec<(String, String)>,
    /// Priority classes by the lowest rank that has them, in any order.
    pub priority_classes: Vec<(i32, String)>,
    /// Extended resources that count as GPUs beside those of the known device plugins (SkyPilot's
    /// `CUSTOM_GPU_RESOURCE_KEY`).
    pub gpu_resources: Vec<String>,
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
/// are machines of those that have been given up least, else the first.
pub fn choose(task: &ValidTask, cluster: &Cluster, jobs: &[Option<&Job>]) -> Choice {
    let (placement, fits) = pick(task, cluster, own(task, jobs), |index| alternative::times(&task.status, index));
    let told = told(task, &placement, fits, cluster);
    Choice { placement, told }
}

/// Whether an attempt that waits with these Jobs would do better with another choice: one for which there are machines,
/// and which has been given up less often. Also the same alternative again, if a pod asks for what no machine has: it may be
/// older than the machines, or than their labels.
pub(super) fn another_is_better(task: &ValidTask, cluster: &Cluster, jobs: &[Option<&Job>], pods: &[Pod]) -> bool {
    let own = own(task, jobs).unwrap_or(0);
    let times = |index| alternative::times(&task.status, index) + u32::from(index == own);
    let (placement, fits) = pick(task, cluster, None, times);
    let uids: Vec<_> = jobs.iter().flatten().filter_map(|job| job.metadata.uid.as_deref()).collect();
    let own_pod = |pod: &&Pod| controller_uid(&pod.metadata).is_some_and(|uid| uids.contains(&uid));
    let is_lost = || pods.iter().filter(own_pod).any(|pod| !fit::may_be_placed(pod, cluster));
    fits && (placement.alternative != own || is_lost())
}

/// The alternative that Jobs carry.
fn own(task: &ValidTask, jobs: &[Option<&Job>]) -> Option<usize> {
    let of_job = |job: &&Job| job.annotations().get(labels::ALTERNATIVE)?.parse::<usize>().ok();
    jobs.iter().flatten().find_map(of_job).filter(|index| *index < task.wants.len())
}

/// The first placement for which there are machines, of those that have been given up the fewest `times`; else the first
/// of all. Whether there are machines for it.
fn pick(task: &ValidTask, cluster: &Cluster, own: Option<usize>, times: impl Fn(usize) -> u32) -> (Placement, bool) {
    let candidates = candidates(task, cluster, own, times);
    let tolerations = tolerations(task);
    let fits = |one: &&Placement| one.fits(task.nodes, &task.spec.node_selector, &tolerations, cluster);
    let found = candidates.iter().find(fits);
    (found.or(candidates.first()).cloned().unwrap_or_default(), found.is_some())
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
    for one in candidates(task, cluster, own(task, jobs), |_| 0) {
        let accepted = one.accepted(&tolerations);
        let needs = one.needs(&task.spec.node_selector, &accepted);
        first.get_or_insert(never::why(task.nodes, &needs, &machines)?);
    }
    first
}

/// All ways to place the attempt, the likelier first: those of its `own` alternative, else of all, of which those that have
/// been given up the fewest `times` come first.
fn candidates(task: &ValidTask, cluster: &Cluster, own: Option<usize>, times: impl Fn(usize) -> u32) -> Vec<Placement> {
    let wants = task.wants.iter().enumerate().filter(|(index, _)| own.is_none_or(|own| own == *index));
    let mut candidates: Vec<Placement> =
        wants.flat_map(|(index, want)| placement::ways(index, want, &task.placement, cluster)).collect();
    candidates.sort_by_key(|one| (times(one.alternative), one.is_makeshift));
    candidates
}

fn tolerations(task: &ValidTask) -> Vec<Toleration> {
    task.spec.tolerations.iter().map(super::pod::toleration).collect()
}

/// What the status says of a choice.
fn told(task: &ValidTask, chosen: &Placement, fits: bool, cluster: &Cluster) -> Option<ChosenResources> {
    let of_model = chosen.want.accelerator.as_ref().is_some_and(|one| one.name.is_some() || one.memory.is_some());
    let tried = alternative::tried(&task.status);
    if task.wants.len() == 1 && chosen.warnings.is_empty() && !of_model && tried.is_empty() {
        return None;
    }
    let short = |text: String| text.chars().take(MAX_TOLD).collect::<String>();
    Some(ChosenResources {
        alternative: u32::try_from(chosen.alternative).ok(),
        summary: Some(short(chosen.want.summary())),
        message: Some(short(why(task, chosen, fits, cluster))),
        warnings: chosen.warnings.iter().cloned().map(short).collect(),
        tried: tried.to_vec(),
    })
}

fn why(task: &ValidTask, chosen: &Placement, fits: bool, cluster: &Cluster) -> String {
    let all = task.wants.len();
    let which = match (all, chosen.alternative) {
        (1, _) => String::new(),
        (_, 0) => format!("the first of {all} alternatives: "),
        (_, index) => format!("alternative {} of {all}: ", index + 1),
    };
    let tried = alternative::tried(&task.status);
    let never_tried = |(index, _): &(usize, &Want)| alternative::times(&task.status, *index) == 0;
    let before = task.wants.iter().enumerate().take(chosen.alternative);
    let passed_over: Vec<_> = before.filter(never_tried).map(|(_, want)| want.summary()).collect();
    let what = match (cluster.machines.is_some(), fits) {
        (false, _) => "the operator may not read machines".to_owned(),
        (true, true) if !passed_over.is_empty() => {
            format!("the cluster has no machines for {}", passed_over.join("; for "))
        }
        (true, true) => "the cluster has machines for it".to_owned(),
        (true, false) if all == 1 => "no machines of the cluster are fit for it now".to_owned(),
        (true, false) => "no machines of the cluster are fit for any now".to_owned(),
    };
    let given_up: Vec<_> = tried.iter().map(|one| one.summary.as_str()).collect();
    let given_up = if tried.is_empty() { String::new() } else { format!("; given up before: {}", given_up.join("; ")) };
    format!("{which}{what}{given_up}")
}
