//! Conditions (metav1) of both kinds: which there are, why, and how they change.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

/// Which condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// kstatus: the object has become what it was asked to be.
    Ready,
    /// kstatus: the operator, or the cluster for it, is still at work.
    Reconciling,
    /// kstatus: it will not go on without somebody's help.
    Stalled,
    /// At least one container runs.
    Running,
    /// Every node succeeded.
    Complete,
    /// A node failed, and the task is not tried again.
    Failed,
    /// Nothing of the task exists until it is resumed.
    Suspended,
    /// True for every end, whatever its kind.
    Finished,
}

impl ConditionType {
    /// As it stands in the object.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Running => "Running",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::Suspended => "Suspended",
            Self::Finished => "Finished",
        }
    }
}

/// Why a condition has its value. Also the reason in Events, in `status.pending` and `status.failure`: one vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Every node ended with exit code 0.
    Succeeded,
    /// A node's run ended with another exit code.
    RunFailed,
    /// A node's setup ended with another exit code.
    SetupFailed,
    /// The repository of the work directory could not be checked out.
    CheckoutFailed,
    /// The container could not be started.
    StartFailed,
    /// The image has no shell.
    NoShell,
    /// The container used more memory than it asked for.
    OutOfMemory,
    /// The pod was removed from its machine.
    Disrupted,
    /// The node was ended because a peer's setup or run failed.
    PeerFailed,
    /// The node was ended because nothing was heard from a peer any more.
    PeerLost,
    /// The node was ended because a peer did not come in time.
    PeerAbsent,
    /// Nothing is heard from the node: its machine, or the network to it, is gone.
    NodeLost,
    /// The node's sky-agent was killed, and with it what its peers hear of it.
    AgentLost,
    /// Somebody deleted a Job of the task.
    JobDeleted,
    /// It was stopped with `spec.stop`.
    Stopped,
    /// It is suspended with `spec.suspend`.
    Suspended,
    /// A node failed, and the task is tried again.
    Restarting,
    /// No machine took the attempt in its time, and another alternative of its resources is tried.
    NotPlaced,
    /// It is run again, because its specification or its runToken has changed.
    Rerun,
    /// It ran longer than activeDeadlineSeconds.
    DeadlineExceeded,
    /// Not all containers started within startDeadlineSeconds.
    StartDeadlineExceeded,
    /// Containers run.
    Running,
    /// Pods are not running yet.
    Starting,
    /// No operator has looked at it yet.
    Unobserved,
    /// The image is on its way to the machine.
    ImagePulling,
    /// The repository of the work directory is on its way to the machine.
    CheckingOut,
    /// Setup still runs on a node, and the others wait for it.
    SettingUp,
    /// No machine takes a pod now.
    Unschedulable,
    /// No machine that exists could hold it, whatever ends.
    NeverFits,
    /// The image cannot be had.
    ImagePull,
    /// A volume cannot be mounted.
    MountFailed,
    /// A volume cannot be used where the pod would run.
    VolumeConflict,
    /// A named Secret, or a key in it, does not exist.
    SecretNotFound,
    /// A named ConfigMap does not exist.
    ConfigMapNotFound,
    /// A named volume does not exist.
    VolumeNotFound,
    /// A named volume belongs to another user.
    VolumeForbidden,
    /// The API server refused an object of the task.
    Refused,
    /// An object that is not the task's has the name of one of its children.
    NameConflict,
    /// The specification is wrong in a way that only the operator can see.
    InvalidSpec,
    /// The claim is bound.
    Bound,
    /// The claim is bound once a task uses it.
    WaitingForConsumer,
    /// The claim waits for storage.
    Provisioning,
    /// The claim is getting more storage.
    Resizing,
    /// The claim has lost its storage.
    Lost,
    /// The claim does not exist.
    ClaimNotFound,
}

impl Reason {
    /// All reasons, with the word that stands in the object.
    const WORDS: &[(Self, &'static str)] = &[
        (Self::Succeeded, "Succeeded"),
        (Self::RunFailed, "RunFailed"),
        (Self::SetupFailed, "SetupFailed"),
        (Self::CheckoutFailed, "CheckoutFailed"),
        (Self::StartFailed, "StartFailed"),
        (Self::NoShell, "NoShell"),
        (Self::OutOfMemory, "OOMKilled"),
        (Self::Disrupted, "Disrupted"),
        (Self::PeerFailed, "PeerFailed"),
        (Self::PeerLost, "PeerLost"),
        (Self::PeerAbsent, "PeerAbsent"),
        (Self::NodeLost, "NodeLost"),
        (Self::AgentLost, "AgentLost"),
        (Self::JobDeleted, "JobDeleted"),
        (Self::Stopped, "Stopped"),
        (Self::Suspended, "Suspended"),
        (Self::Restarting, "Restarting"),
        (Self::NotPlaced, "NotPlaced"),
        (Self::Rerun, "Rerun"),
        (Self::DeadlineExceeded, "DeadlineExceeded"),
        (Self::StartDeadlineExceeded, "StartDeadlineExceeded"),
        (Self::Running, "Running"),
        (Self::Starting, "Starting"),
        (Self::Unobserved, "Unobserved"),
        (Self::ImagePulling, "ImagePulling"),
        (Self::CheckingOut, "CheckingOut"),
        (Self::SettingUp, "SettingUp"),
        (Self::Unschedulable, "Unschedulable"),
        (Self::NeverFits, "NeverFits"),
        (Self::ImagePull, "ImagePull"),
        (Self::MountFailed, "MountFailed"),
        (Self::VolumeConflict, "VolumeConflict"),
        (Self::SecretNotFound, "SecretNotFound"),
        (Self::ConfigMapNotFound, "ConfigMapNotFound"),
        (Self::VolumeNotFound, "VolumeNotFound"),
        (Self::VolumeForbidden, "VolumeForbidden"),
        (Self::Refused, "Refused"),
        (Self::NameConflict, "NameConflict"),
        (Self::InvalidSpec, "InvalidSpec"),
        (Self::Bound, "Bound"),
        (Self::WaitingForConsumer, "WaitingForConsumer"),
        (Self::Provisioning, "Provisioning"),
        (Self::Resizing, "Resizing"),
        (Self::Lost, "Lost"),
        (Self::ClaimNotFound, "ClaimNotFound"),
    ];

    /// As it stands in the object.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find_map(|(reason, word)| (*reason == self).then_some(*word)).unwrap_or("Unknown")
    }

    /// The reason whose word this is.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::WORDS.iter().find_map(|(reason, word)| (*word == text).then_some(*reason))
    }
}

impl Reason {
    /// What the user can do about it, as the end of a message; empty where the message says it already.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::RunFailed | Self::SetupFailed => "see the log",
            Self::NoShell => "use an image that has `bash` or `sh`",
            Self::StartFailed => "check the image and its command with `kubectl describe pod`",
            Self::Disrupted | Self::NodeLost => {
                "submit the task again, or let that be done by itself with `spec.maxDisruptionRestarts`"
            }
            Self::AgentLost => "submit the task again, or let that be done by itself with `spec.maxRestarts`",
            Self::JobDeleted => {
                "submit the task again, and stop tasks with `spec.stop: true` or by deleting the SkyTask"
            }
            Self::DeadlineExceeded => "give it more time with `spec.activeDeadlineSeconds`",
            Self::StartDeadlineExceeded => "ask for less, or wait longer with `spec.startDeadlineSeconds`",
            Self::Suspended => "set `spec.suspend` to false to start it",
            Self::Unschedulable => "ask for less, or wait until a machine has it free",
            Self::SecretNotFound | Self::ConfigMapNotFound => "create it, and the task goes on by itself",
            Self::Unobserved => {
                "if this lasts, no operator runs or it does not watch this namespace; see `kubectl get deployments -A -l \
                 app.kubernetes.io/part-of=skytask` and its log"
            }
            Self::NeverFits => "change what it asks for, or add such a machine (an autoscaler may do that by itself)",
            Self::MountFailed => "check the volume with `kubectl describe pod`",
            Self::VolumeConflict => {
                "end what uses the volume, let the task run on the volume's machine, or take one with ReadWriteMany"
            }
            Self::Provisioning => "see what the claim waits for with `kubectl describe pvc`",
            Self::PeerAbsent => "see why that node came late, or give it longer with `spec.startTimeoutSeconds`",
            Self::PeerLost => "look for a lost machine or a broken network between the nodes",
            Self::VolumeForbidden => "use a volume of your own",
            Self::NameConflict => "rename or delete one of the two",
            Self::Refused => "ask for less or for what is allowed there, or ask the administrator to raise the limit",
            _ => "",
        }
    }
}

impl Reason {
    /// A message with the next step behind it.
    pub fn advised(self, message: &str) -> String {
        match self.next_step() {
            "" => message.to_owned(),
            step => format!("{}: {step}", message.trim_end_matches(['.', ' '])),
        }
    }
}

/// One condition's new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which condition.
    pub kind: ConditionType,
    /// True or False; a condition that is not known yet is absent.
    pub holds: bool,
    /// Why, as one word.
    pub reason: Reason,
    /// Why, as a sentence; at most 32 KiB.
    pub message: String,
}

/// The conditions after these verdicts, in the verdicts' order. A condition's transition time moves only when its value
/// does, or the status would never come to rest. A condition without a verdict is dropped.
pub fn conclude(old: &[Condition], verdicts: &[Verdict], generation: i64, now: Timestamp) -> Vec<Condition> {
    let conclude_one = |verdict: &Verdict| {
        let status = if verdict.holds { "True" } else { "False" };
        let before = old.iter().find(|condition| condition.type_ == verdict.kind.as_str());
        let since = before
            .filter(|condition| condition.status == status)
            .map(|condition| condition.last_transition_time.clone());
        Condition {
            type_: verdict.kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.as_str().to_owned(),
            message: verdict.message.clone(),
            observed_generation: Some(generation),
            last_transition_time: since.unwrap_or(Time(now)),
        }
    };
    verdicts.iter().map(conclude_one).collect()
}

/// Whether the condition is there and True.
pub fn is_true(conditions: &[Condition], kind: ConditionType) -> bool {
    conditions.iter().any(|condition| condition.type_ == kind.as_str() && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready(holds: bool, message: &str) -> Verdict {
        Verdict { kind: ConditionType::Ready, holds, reason: Reason::Starting, message: message.to_owned() }
    }

    /// docs/status.md has one row for each word that a user can meet, and none for a word that there is not.
    #[test]
    fn every_reason_is_explained() {
        let page = include_str!("../../docs/status.md");
        let words_of = |title: &str| -> Vec<&str> {
            let section = page.split("\n## ").find(|section| section.starts_with(title)).unwrap();
            let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
            rows.map(|row| row.split('`').next().unwrap()).collect()
        };
        let mut reasons = words_of("Reasons");
        reasons.sort_unstable();
        let mut expected: Vec<_> = Reason::WORDS.iter().map(|(_, word)| *word).collect();
        expected.sort_unstable();
        assert_eq!(reasons, expected);
        let conditions = [
            ConditionType::Ready,
            ConditionType::Reconciling,
            ConditionType::Stalled,
            ConditionType::Running,
            ConditionType::Complete,
            ConditionType::Failed,
            ConditionType::Suspended,
            ConditionType::Finished,
        ];
        assert_eq!(words_of("Conditions"), conditions.map(ConditionType::as_str));
        let schema = crate::schema::task_crd();
        let phases =
            &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["phase"];
        let phases: Vec<_> = phases["enum"].as_array().unwrap().iter().filter_map(|phase| phase.as_str()).collect();
        assert_eq!(words_of("Phases"), phases);
    }

    #[test]
    fn time_moves_only_with_the_value() {
        let first = conclude(&[], &[ready(false, "a")], 1, at(10));
        let same = conclude(&first, &[ready(false, "b")], 2, at(20));
        assert_eq!((same[0].last_transition_time.0, same[0].message.as_str()), (at(10), "b"));
        assert_eq!(same[0].observed_generation, Some(2));
        let changed = conclude(&same, &[ready(true, "b")], 2, at(30));
        assert_eq!(changed[0].last_transition_time.0, at(30));
        assert!(is_true(&changed, ConditionType::Ready) && !is_true(&same, ConditionType::Ready));
    }
}
