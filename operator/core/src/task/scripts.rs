//! How a task's scripts reach its pods: short ones as arguments, long ones in a ConfigMap.

use std::collections::BTreeSet;

use k8s_openapi::api::{batch::v1::Job, core::v1::ConfigMap};

use super::{ValidTask, child, entry::ScriptSource, own};

/// Longest script, in bytes, that travels as an argument. Longer ones would bloat every Job and pod, and the kernel
/// refuses an argument above 128 KiB.
const MAX_ARGUMENT: usize = 8 * 1024;
/// The volume in the pods.
pub(super) const VOLUME: &str = "scripts";
/// Where the ConfigMap is mounted.
pub(super) const MOUNT: &str = "/sky/scripts";
/// Keys in the ConfigMap, and so file names below [`MOUNT`].
const SETUP: &str = "setup";
const RUN: &str = "run";
const SETUP_FILE: &str = "/sky/scripts/setup";
const RUN_FILE: &str = "/sky/scripts/run";

/// Whether a script is too long for an argument.
pub(super) fn needs_config_map(task: &ValidTask) -> bool {
    [&task.spec.setup, &task.spec.run].into_iter().flatten().any(|script| is_long(script))
}

fn is_long(script: &str) -> bool {
    script.len() > MAX_ARGUMENT
}

/// The ConfigMap for scripts that are too long for an argument. Immutable: a Job's pod must see what its task said.
pub(super) fn config_map(task: &ValidTask) -> Option<ConfigMap> {
    let long = [(SETUP, &task.spec.setup), (RUN, &task.spec.run)]
        .into_iter()
        .filter_map(|(key, script)| Some((key, script.as_ref()?)))
        .filter(|(_, script)| is_long(script))
        .map(|(key, script)| (key.to_owned(), script.clone()));
    needs_config_map(task).then(|| ConfigMap {
        metadata: child::metadata(task, name(task)),
        data: Some(long.collect()),
        immutable: Some(true),
        ..ConfigMap::default()
    })
}

/// Name of the ConfigMap. Later attempts may run other scripts than the first, and what a ConfigMap holds never changes: its
/// name says what it holds.
pub(super) fn name(task: &ValidTask) -> String {
    match own::attempt(&task.status) {
        0 => task.names.scripts(),
        _ => {
            task.names.later_scripts(&[&task.spec.setup, &task.spec.run].map(|script| script.as_deref().unwrap_or("")))
        }
    }
}

/// Names of the ConfigMaps of all attempts: the first one's, that of the scripts as they are now, and of scripts that have
/// been changed since those that one of these Jobs, whole as the API server has them, still names.
pub(super) fn names(task: &ValidTask, jobs: &[&Job]) -> BTreeSet<String> {
    let pods = jobs.iter().filter_map(|job| job.spec.as_ref()?.template.spec.as_ref());
    let volumes = pods.flat_map(|pod| pod.volumes.iter().flatten()).filter(|volume| volume.name == VOLUME);
    let named = volumes.filter_map(|volume| volume.config_map.as_ref()).map(|map| map.name.clone());
    named.chain([task.names.scripts(), name(task)]).collect()
}

/// Where the entry script finds setup.
pub(super) fn setup(task: &ValidTask) -> ScriptSource<'_> {
    source(task.spec.setup.as_deref(), SETUP_FILE)
}

/// Where the entry script finds run.
pub(super) fn run(task: &ValidTask) -> ScriptSource<'_> {
    source(task.spec.run.as_deref(), RUN_FILE)
}

fn source<'a>(script: Option<&'a str>, file: &'static str) -> ScriptSource<'a> {
    match script {
        None | Some("") => ScriptSource::Absent,
        Some(script) if is_long(script) => ScriptSource::File(file),
        Some(script) => ScriptSource::Text(script),
    }
}
