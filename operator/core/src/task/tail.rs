//! The last lines of a failed node's log, for its status.
//!
//! Nobody reads logs for it: the kubelet puts the end of a failed container's log into the pod, up to 2048 bytes and 80 lines,
//! if the container left no message of its own (`terminationMessagePolicy: FallbackToLogsOnError`). So there are none
//! after a failed setup, whose message says that it was setup. A task with secrets has none either: what its scripts print
//! may be one of them, and only its own containers know.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use sky_crd::{
    condition::Reason,
    task::{SkyTaskSpec, SkyTaskStatus, TaskFailure},
};

use super::{ObservedTask, ValidTask, pod::CONTAINER, termination};

/// So many lines are kept.
const LINES: usize = 10;
/// So much the kubelet reads; what is as long began with a part of a line.
const READ: usize = 2048;
/// Most characters of a line, before what cannot be shown is written in others.
const WIDTH: usize = 400;

/// Where the container's last words come from.
pub(super) fn policy(spec: &SkyTaskSpec) -> &'static str {
    if has_secrets(spec) { "File" } else { "FallbackToLogsOnError" }
}

/// The status, its failure with the last lines of the node that failed, once they are there.
pub(super) fn told(task: &ValidTask, observed: &ObservedTask, mut status: SkyTaskStatus) -> SkyTaskStatus {
    if let Some(failure) = status.failure.as_mut().filter(|failure| failure.last_lines.is_empty() && speaks(failure))
        && !has_secrets(&task.spec)
        && let Some(pod) = observed.pods.iter().find(|pod| failure.pod.as_ref() == Some(&pod.name_any()))
    {
        failure.last_lines = last_lines(&last_words(pod).unwrap_or_default());
    }
    status
}

/// Whether what the kubelet calls the container's message is the end of its log.
fn speaks(failure: &TaskFailure) -> bool {
    [Reason::RunFailed, Reason::OutOfMemory].iter().any(|reason| reason.as_str() == failure.reason)
}

/// Whether anything in the containers is a secret. A `podConfig` may bring some in many ways, all of which say so.
fn has_secrets(spec: &SkyTaskSpec) -> bool {
    let from_secret = |from: &sky_crd::task::EnvFrom| from.secret_name.is_some();
    let config = spec.pod_config.as_deref().unwrap_or_default().to_lowercase();
    !spec.secrets.is_empty() || spec.env_from.iter().any(from_secret) || config.contains("secret")
}

fn last_words(pod: &Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_deref()?;
    let container = containers.iter().find(|container| container.name == CONTAINER)?;
    let words = container.state.as_ref()?.terminated.as_ref()?.message.clone()?;
    (!termination::is_message(&words)).then_some(words)
}

fn last_lines(text: &str) -> Vec<String> {
    let whole = if text.len() < READ { text } else { text.split_once('\n').map_or("", |(_, rest)| rest) };
    let lines: Vec<&str> = whole.lines().map(shown).filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| escaped(line)).collect()
}

/// What a terminal would show at the end of a line that was written over, as progress bars do.
fn shown(line: &str) -> &str {
    line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()
}

/// A line without anything that does something to a terminal, and not too long.
fn escaped(line: &str) -> String {
    let mut out = String::new();
    for (index, letter) in line.chars().enumerate() {
        if index == WIDTH {
            out.push('…');
            break;
        }
        let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter == '\t' {
            out.push(letter);
        } else if letter.is_control() || turns {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::task::fixture;

    #[test]
    fn the_end_of_a_log() {
        let many = (0..15).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
        let cut = format!("of a secret\n{}\nend\n", "x".repeat(READ));
        for (text, expected) in [
            ("", vec![]),
            ("one\n\n  \ntwo", vec!["one", "two"]),
            ("a\u{1b}[31mred\tx\u{202e}", vec!["a\\u{1b}[31mred\tx\\u{202e}"]),
            ("10%\r50%\r100%\r\ndone\n", vec!["100%", "done"]),
            (
                &many,
                vec![
                    "line 5", "line 6", "line 7", "line 8", "line 9", "line 10", "line 11", "line 12", "line 13",
                    "line 14",
                ],
            ),
            (&cut, vec![&format!("{}…", "x".repeat(WIDTH)), "end"]),
            // One line of which only the end is there.
            (&"y".repeat(READ), vec![]),
        ] {
            assert_eq!(last_lines(text), expected);
        }
    }

    #[test]
    fn a_task_with_secrets_has_no_last_lines() {
        let secret = json!([{"name": "A", "secretName": "s", "key": "k"}]);
        let volume = "spec: {volumes: [{name: v, secret: {secretName: s}}]}";
        for (more, expected) in [
            (json!({}), false),
            (json!({"envs": {"A": "secret"}, "envFrom": [{"configMapName": "s"}]}), false),
            (json!({"secrets": secret}), true),
            (json!({"envFrom": [{"secretName": "s"}]}), true),
            (json!({"podConfig": volume}), true),
        ] {
            let mut spec: Value = json!(fixture::task(1).spec);
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let spec: SkyTaskSpec = serde_json::from_value(spec).unwrap();
            assert_eq!((has_secrets(&spec), policy(&spec) == "File"), (expected, expected), "{more}");
        }
    }
}
