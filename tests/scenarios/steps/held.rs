//! The steps of a task's life, each with what holds a task there.

use serde_json::{Value, json};
use sky_crd::{
    condition::{ConditionType, Reason},
    task::SkyTask,
};
use sky_tests::space::{Space, condition, reason};

use super::GO;

/// A step, and a task that is held there.
pub struct Step {
    /// What tasks at this step are called.
    pub name: &'static str,
    /// What holds the task.
    pub spec: Value,
    /// Whether the task's status says that it is there.
    is_there: fn(&SkyTask) -> bool,
    /// What its node says as soon as it is there.
    says: Option<&'static str>,
    /// What is changed of the task while it is suspended, so that nothing holds it any more.
    pub mended: Value,
    /// The attempt that it completes as: another one, if there has been a Job.
    pub attempt: u32,
    /// How many Jobs stay when it is suspended or stopped: of attempts that had ended before, with their logs.
    pub kept: usize,
}

impl Step {
    fn new(name: &'static str, spec: Value, is_there: fn(&SkyTask) -> bool) -> Self {
        let mut spec = spec;
        // Too long for an argument, so that there is a ConfigMap too.
        let run = spec["run"].as_str().unwrap_or("true").to_owned();
        spec["run"] = json!(format!("{}{run}", "# filler\n".repeat(1000)));
        Self { name, spec, is_there, says: None, mended: json!({}), attempt: 1, kept: 0 }
    }

    /// The task for an act.
    pub fn task(&self, act: &str) -> String {
        format!("{}-{act}", self.name)
    }

    /// Waits until the task is at this step.
    pub async fn reached(&self, space: &Space, task: &str) {
        space.when(task, &format!("is at the step {}", self.name), self.is_there).await;
        if let Some(words) = self.says {
            space.said(&space.pod(task, 0).await, words).await;
        }
    }
}

/// The volume in which there are the files that tasks wait for.
pub fn data() -> Value {
    json!([{"mountPath": "/data", "name": "data"}])
}

/// A script that waits for a file.
pub fn held_until(file: &str) -> String {
    format!("until [ -e /data/{file} ]; do sleep 0.2; done")
}

fn waits(task: &SkyTask, why: Reason) -> bool {
    reason(task).as_deref() == Some(why.as_str())
}

fn has_a_pod(task: &SkyTask) -> bool {
    task.status.as_ref().is_some_and(|status| status.nodes.iter().any(|node| node.pod.is_some()))
}

/// Before anything of the task runs.
pub fn waiting() -> Vec<Step> {
    let later = json!([{"mountPath": "/later", "name": "later"}]);
    let key = json!([{"name": "KEY", "secretName": "later", "key": "key"}]);
    let mendable = |more: Value| {
        let mut spec = json!({"updatePolicy": "NextRestart"});
        spec.as_object_mut().expect("a mapping").extend(more.as_object().cloned().expect("a mapping"));
        spec
    };
    let image = json!({"imageId": "127.0.0.1:1/no-such:1"});
    vec![
        Step {
            attempt: 0,
            ..Step::new("volume", json!({"volumes": later}), |task| waits(task, Reason::VolumeNotFound))
        },
        Step { attempt: 0, ..Step::new("secret", json!({"secrets": key}), |task| waits(task, Reason::SecretNotFound)) },
        Step {
            mended: json!({"nodeSelector": null}),
            ..Step::new("place", mendable(json!({"nodeSelector": {"pool": "nowhere"}})), |task| {
                waits(task, Reason::NeverFits)
            })
        },
        Step {
            mended: json!({"resources": null}),
            ..Step::new("image", mendable(json!({"resources": image})), |task| waits(task, Reason::ImagePull))
        },
    ]
}

/// While one of the two scripts runs.
pub fn running() -> Vec<Step> {
    let ports = json!({"ports": ["8080"]});
    let setup = format!("echo in setup; {}", held_until(GO));
    let run = format!("echo in run; {}", held_until(GO));
    vec![
        Step { says: Some("in setup"), ..Step::new("setup", json!({"setup": setup, "volumes": data()}), has_a_pod) },
        Step {
            says: Some("in run"),
            ..Step::new("run", json!({"run": run, "volumes": data(), "resources": ports}), has_a_pod)
        },
    ]
}

/// Rank 0 has ended its setup, and rank 1 has not.
pub fn at_the_barrier() -> Vec<Step> {
    let setup = format!("[ $NODE_RANK = 0 ] || {}", held_until(GO));
    let spec = json!({"numNodes": 2, "setup": setup, "volumes": data()});
    let waits_for_one = |task: &SkyTask| {
        let pending = task.status.as_ref().and_then(|status| status.pending.as_ref());
        pending.is_some_and(|pending| {
            pending.reason == Reason::SettingUp.as_str() && pending.message.starts_with("node-1: ")
        })
    };
    vec![Step::new("barrier", spec, waits_for_one)]
}

/// The task is being ended, and its script is not done with that.
pub fn ending() -> Vec<Step> {
    let first = format!("trap 'echo asked; {}; exit 0' TERM; echo in run; sleep 600 & wait", held_until("end"));
    // Whoever begins again does so after its first attempt has ended, and so after there is the file.
    let run = format!("[ -e /data/end ] || {{ {first}; }}");
    let spec = json!({"run": run, "volumes": data(), "gracePeriodSeconds": 600});
    let is_ending = |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.ending.is_some());
    vec![Step { says: Some("asked"), ..Step::new("ending", spec, is_ending) }]
}

/// The first attempt fails as soon as it is told to; the second one has no Job before there is the Secret.
pub fn between_attempts() -> Vec<Step> {
    let first = format!("touch $mark; echo in run; {}; exit 7", held_until("fail"));
    let run = format!("mark=/data/$SKYPILOT_TASK_ID; [ -e $mark ] || {{ {first}; }}; {}", held_until(GO));
    let key = json!([{"name": "KEY", "secretName": "later", "key": "key"}]);
    let spec = json!({"run": run, "volumes": data(), "maxRestarts": 1, "secrets": key});
    let is_between = |task: &SkyTask| {
        task.status
            .as_ref()
            .is_some_and(|status| status.attempt == Some(1) && status.nodes.iter().all(|node| node.job_uid.is_none()))
    };
    vec![Step { kept: 1, ..Step::new("between", spec, is_between) }]
}

/// After the end, with everything of the task still there, and when only its record is.
pub fn over() -> Vec<Step> {
    let is_clean = |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.cleaned_up_time.is_some());
    vec![
        Step { kept: 1, ..Step::new("finished", json!({}), |task| condition(task, ConditionType::Finished)) },
        Step::new("record", json!({"ttlSecondsAfterFinished": 0}), is_clean),
    ]
}
