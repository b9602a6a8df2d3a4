//! Whether a volume is in use.

use std::sync::Arc;

use kube::ResourceExt as _;
use sky_crd::{
    condition::{self, ConditionType},
    task::SkyTask,
    volume::SkyVolume,
};

/// The ids of the user's unfinished tasks that mount this volume, by its name or by its claim's.
pub fn used_by(volume: &SkyVolume, tasks: &[Arc<SkyTask>]) -> Vec<String> {
    let names = [volume.volume_name(), volume.claim_name()];
    let uses = |task: &&Arc<SkyTask>| {
        task.spec.volumes.iter().any(|mount| mount.name.as_ref().is_some_and(|name| names.contains(name)))
    };
    let mut in_use: Vec<_> = tasks.iter().filter(|task| !is_finished(task)).filter(uses).map(describe).collect();
    in_use.sort();
    in_use
}

/// Whether nothing of the task runs any more or ever will.
pub fn is_finished(task: &SkyTask) -> bool {
    let status = task.status.as_ref();
    status.is_some_and(|status| condition::is_true(&status.conditions, ConditionType::Finished))
}

fn describe(task: &Arc<SkyTask>) -> String {
    let (id, name) = (task.task_id(), task.spec.name.clone().unwrap_or_else(|| task.name_any()));
    format!("{id} ({name})")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use sky_crd::{
        TaskId, User,
        api::{MountRequest, TaskRequest, VolumeRequest},
        condition::{Reason, Verdict, conclude},
        task::SkyTaskStatus,
    };

    use super::*;

    fn task(bits: u32, mounts: &[(&str, &str)]) -> SkyTask {
        let user: User = "u".parse().unwrap();
        let volumes =
            mounts.iter().map(|(path, name)| ((*path).to_owned(), MountRequest::Name((*name).to_owned()))).collect();
        let request = TaskRequest { name: Some("t".to_owned()), volumes, ..TaskRequest::default() };
        request.into_task(&TaskId::from_bits(bits), &user, "default").unwrap()
    }

    fn finished(mut task: SkyTask) -> SkyTask {
        let verdict =
            Verdict { kind: ConditionType::Finished, holds: true, reason: Reason::Succeeded, message: String::new() };
        let conditions = conclude(&[], &[verdict], 1, Timestamp::UNIX_EPOCH);
        task.status = Some(SkyTaskStatus { conditions, ..SkyTaskStatus::default() });
        task
    }

    #[test]
    fn only_unfinished_tasks_hold_a_volume() {
        let user: User = "u".parse().unwrap();
        let request = VolumeRequest { name: "data".to_owned(), size: "1Gi".to_owned(), ..VolumeRequest::default() };
        let volume = request.into_volume(&TaskId::from_bits(9), &user, "default").unwrap();
        let tasks: Vec<_> = [
            task(1, &[("/a", "data")]),
            task(2, &[("/a", "other")]),
            finished(task(3, &[("/a", "data")])),
            task(4, &[("/a", "x"), ("/b", &volume.claim_name())]),
        ]
        .map(Arc::new)
        .to_vec();
        assert_eq!(used_by(&volume, &tasks), ["00000001 (t)", "00000004 (t)"]);
    }
}
