//! What a file asks for and does not get, though its task runs without.

use sky_crd::task::Lifecycle;

use super::exposed::TOKEN;
use crate::{Autostop, JobRecovery, Resources, Task, Workdir};

/// One sentence for each such field.
pub(super) fn of(task: &Task) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(local_directory(task).map(|path| {
        format!(
            "`workdir`: what `{path:.80}` holds on this machine is not brought to the task: scripts start in a directory \
             of that name in the container; use a volume, the image or `git clone` in `setup`"
        )
    }));
    if matches!(task.workdir, Some(Workdir::Git { .. })) && task.envs.contains_key(TOKEN) {
        warnings.push(format!("`envs.{TOKEN}` can be read by everybody: make it one of `secrets`"));
    }
    let resources: Vec<&Resources> = task.resources.all().iter().filter(|one| one.infra.may_be_kubernetes()).collect();
    let any = |asks: fn(&Resources) -> bool| resources.iter().any(|one| asks(one));
    let place = |one: &Resources| one.infra.region.is_some() || one.infra.zone.is_some();
    for (asked, field, message) in [
        (
            !task.file_mounts.is_empty(),
            "file_mounts",
            "are not brought to the task yet: use a volume, the image or `setup`",
        ),
        (any(place), "resources.infra", "the context, region or zone is ignored: the task runs in this cluster"),
        (any(|one| one.disk_tier.is_some()), "resources.disk_tier", "is ignored: a node has the disk that it has"),
        (any(|one| one.network_tier.is_some()), "resources.network_tier", "is ignored: the cluster's network is used"),
        (any(|one| one.local_disk.is_some()), "resources.local_disk", "is ignored: a node has the disk that it has"),
        (any(|one| one.max_hourly_cost.is_some()), "resources.max_hourly_cost", "is ignored: nodes have no price here"),
        (any(|one| !one.accelerator_args.is_empty()), "resources.accelerator_args", "is ignored"),
        (
            any(|one| one.job_recovery.as_ref().is_some_and(|recovery| recovery.strategy.is_some())),
            "resources.job_recovery.strategy",
            "is ignored: a task is started again in this cluster, wherever it has machines",
        ),
        (
            any(|one| one.job_recovery.as_ref().is_some_and(is_beyond)),
            "resources.job_recovery.max_restarts_on_errors",
            "counts as 900, the most restarts that a task has",
        ),
        (any(stops), "resources.autostop", "is ignored: a task frees its nodes when it ends"),
        (task.event_callback.is_some(), "event_callback", "is ignored: no script of yours runs outside of the task"),
        (task.inputs.is_some(), "inputs", "is ignored"),
        (task.outputs.is_some(), "outputs", "is ignored"),
        (task.api_server_access == Some(true), "api_server_access", "is ignored: tasks have no access to the API"),
    ] {
        if asked {
            warnings.push(format!("`{field}` {message}"));
        }
    }
    let ignored = |name: &str| format!("`config.{name}` is ignored");
    for (name, value) in &task.config {
        match (name.as_str(), value.as_object()) {
            ("kubernetes", Some(parts)) => {
                let parts = parts.keys().filter(|part| !super::config::TRAVELS.contains(&part.as_str()));
                warnings.extend(parts.map(|part| ignored(&format!("kubernetes.{part:.80}"))));
            }
            _ => warnings.push(ignored(&format!("{name:.80}"))),
        }
    }
    warnings.truncate(50);
    warnings
}

/// The work directory that SkyPilot would copy: one that is not absolute.
fn local_directory(task: &Task) -> Option<&str> {
    match &task.workdir {
        Some(Workdir::Path(path)) if !path.is_empty() && !path.starts_with('/') => Some(path),
        _ => None,
    }
}

/// Whether more restarts are asked for than there are.
fn is_beyond(recovery: &JobRecovery) -> bool {
    recovery.max_restarts_on_errors.is_some_and(|most| most > i64::from(Lifecycle::MAX_RESTARTS))
}

fn stops(resources: &Resources) -> bool {
    matches!(resources.autostop, Some(Autostop::After { .. }))
}
