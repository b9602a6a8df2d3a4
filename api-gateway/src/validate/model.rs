//! The request bodies as tables: what the original's models declare, and which further forms SkyPilot gives a meaning.
//!
//! The validator and the OpenAPI document both read these tables, so neither can say what the other does not.

/// One JSON object with known fields. Unknown keys are ignored.
#[derive(Debug)]
pub struct Model {
    /// Name in the OpenAPI document.
    pub name: &'static str,
    /// Description there.
    pub description: &'static str,
    /// Fields in the original's order, which is the order of its errors.
    pub fields: &'static [Field],
}

impl Model {
    /// Whether a body of this model may be absent, since nothing need be in it.
    pub fn may_be_absent(&self) -> bool {
        self.fields.iter().all(|field| matches!(field.need, Need::Nullable | Need::Default(_)))
    }
}

/// One field of a model.
#[derive(Debug)]
pub struct Field {
    /// Key.
    pub name: &'static str,
    /// What the original accepts.
    pub kind: Kind,
    /// Whether it may be absent or null.
    pub need: Need,
    /// What we accept beyond the original.
    pub also: &'static [Also],
}

/// The original's type of a field.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `str`: a JSON string and nothing else.
    Text,
    /// `int` within bounds; also whole floats, booleans and strings of digits, as pydantic has it.
    Int {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value; the original has none of its own.
        max: Option<i64>,
    },
    /// `bool`, and pydantic's spellings of it.
    Bool,
    /// `dict[str, str]`.
    TextMap,
    /// `list[int]`.
    Ints,
    /// `list[str]`.
    Texts,
    /// Another model.
    Object(&'static Model),
    /// Any object.
    AnyObject,
    /// A list of objects.
    Objects(&'static Model),
}

/// Whether a field may be absent or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must be there and not be null.
    Required,
    /// It may be absent or null.
    Nullable,
    /// In answers: always there, and may be null.
    RequiredNullable,
    /// It may be absent, and then has this value.
    Default(i64),
    /// Required unless the other field holds a text; then it may be absent or null.
    RequiredUnless(&'static str),
}

/// A form that the original refuses and SkyPilot gives a meaning (the superset rule).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Also {
    /// `null` for the default.
    Null,
    /// A number for its text: `cpus: 4`.
    Number,
    /// In maps: a number or boolean as value, for its text.
    ScalarValues,
    /// `{H100: 8}`, `{H100: null}`, `[H100, A100]`.
    Accelerators,
    /// `{name, sub_path}` and `{size, …}` for the name of a volume.
    Volumes,
    /// `100GB`, `1TB` for a number of gigabytes.
    SizeWithUnit,
    /// `8080` and `"8080"` for `[8080]`.
    OnePort,
    /// `{region: image}` with one entry.
    RegionMap,
    /// `33` for `[33]`.
    OneNumber,
    /// `"FAILOVER"` for `{"strategy": "FAILOVER"}`.
    Strategy,
    /// `{url: …, ref: …}` for a directory.
    Repository,
}

const fn field(name: &'static str, kind: Kind, need: Need, also: &'static [Also]) -> Field {
    Field { name, kind, need, also }
}

const fn nullable(name: &'static str, kind: Kind, also: &'static [Also]) -> Field {
    field(name, kind, Need::Nullable, also)
}

const fn required(name: &'static str, kind: Kind) -> Field {
    field(name, kind, Need::Required, &[])
}

const WHOLE: Kind = Kind::Int { min: None, max: None };
/// The resource's schema allows no more.
const MAX_NODES: i64 = 1000;
const NODES: Kind = Kind::Int { min: Some(1), max: Some(MAX_NODES) };
const ENVS: Field = nullable("envs", Kind::TextMap, &[Also::ScalarValues]);
const SECRETS: Field = nullable("secrets", Kind::TextMap, &[Also::ScalarValues]);

/// Body of `POST /tasks/submit`.
pub static TASK: Model = Model {
    name: "TaskDefinition",
    description: "SkyPilot-compatible task definition",
    fields: &[
        nullable("name", Kind::Text, &[]),
        nullable("workdir", Kind::Text, &[Also::Repository]),
        field("num_nodes", NODES, Need::Default(1), &[Also::Null]),
        nullable("resources", Kind::Object(&RESOURCES), &[]),
        ENVS,
        nullable("file_mounts", Kind::TextMap, &[]),
        nullable("volumes", Kind::TextMap, &[Also::Volumes]),
        nullable("setup", Kind::Text, &[]),
        field("run", Kind::Text, Need::RequiredUnless("setup"), &[]),
        // Not the original's.
        SECRETS,
        nullable("config", Kind::AnyObject, &[]),
    ],
};

/// Body of `POST /tasks/{task_id}/rerun`, which the original has not.
pub static RERUN: Model = Model {
    name: "TaskRerun",
    description: "What differs from the task that is run again",
    fields: &[nullable("name", Kind::Text, &[]), nullable("num_nodes", NODES, &[]), ENVS, SECRETS],
};

// What `resources` and each of its alternatives name alike.
const CPUS: Field = nullable("cpus", Kind::Text, &[Also::Number]);
const MEMORY: Field = nullable("memory", Kind::Text, &[Also::Number]);
const ACCELERATORS: Field = nullable("accelerators", Kind::Text, &[Also::Number, Also::Accelerators]);
const INSTANCE_TYPE: Field = nullable("instance_type", Kind::Text, &[]);
const USE_SPOT: Field = nullable("use_spot", Kind::Bool, &[]);
const DISK_SIZE: Field = nullable("disk_size", WHOLE, &[Also::SizeWithUnit]);
const IMAGE_ID: Field = nullable("image_id", Kind::Text, &[Also::RegionMap]);
const INFRA: Field = nullable("infra", Kind::Text, &[]);
const LABELS: Field = nullable("labels", Kind::TextMap, &[]);
const RECOVERY: Field = nullable("job_recovery", Kind::Object(&JOB_RECOVERY), &[Also::Strategy]);

/// `resources` of a task.
pub static RESOURCES: Model = Model {
    name: "Resources",
    description: "Resource requirements for a task",
    fields: &[
        CPUS,
        MEMORY,
        ACCELERATORS,
        INSTANCE_TYPE,
        USE_SPOT,
        DISK_SIZE,
        nullable("ports", Kind::Ints, &[Also::OnePort]),
        IMAGE_ID,
        // From here on not the original's.
        INFRA,
        LABELS,
        RECOVERY,
        nullable("priority", Kind::Int { min: Some(-1000), max: Some(1000) }, &[]),
        nullable("priority_class", Kind::Text, &[]),
        nullable("any_of", Kind::Objects(&ALTERNATIVE), &[]),
        nullable("ordered", Kind::Objects(&ALTERNATIVE), &[]),
    ],
};

/// `job_recovery` of a task's resources, which the original has not.
pub static JOB_RECOVERY: Model = Model {
    name: "JobRecovery",
    description: "When a task is started again: after disruptions always, after failures as is said here",
    fields: &[
        nullable("strategy", Kind::Text, &[]),
        nullable("max_restarts_on_errors", Kind::Int { min: Some(0), max: None }, &[]),
        nullable("recover_on_exit_codes", Kind::Ints, &[Also::OneNumber]),
    ],
};

/// An entry of `any_of` or `ordered`: what it gives takes the place of what is around it. Recovery is the task's, and so the
/// same in all of them.
pub static ALTERNATIVE: Model = Model {
    name: "ResourceAlternative",
    description: "One of several alternatives for the resources of a task",
    fields: &[CPUS, MEMORY, ACCELERATORS, INSTANCE_TYPE, USE_SPOT, DISK_SIZE, IMAGE_ID, INFRA, LABELS, RECOVERY],
};

/// Body of `POST /volumes/create`.
pub static VOLUME: Model = Model {
    name: "VolumeDefinition",
    description: "Volume definition for creating a PVC",
    fields: &[
        required("name", Kind::Text),
        required("size", Kind::Text),
        nullable("storage_class", Kind::Text, &[]),
        nullable("access_modes", Kind::Texts, &[]),
    ],
};

/// A task in an answer.
pub static TASK_STATUS: Model = Model {
    name: "TaskStatus",
    description: "Task status information",
    fields: &[
        required("task_id", Kind::Text),
        field("name", Kind::Text, Need::RequiredNullable, &[]),
        required("status", Kind::Text),
        required("created_at", Kind::Text),
        required("updated_at", Kind::Text),
        nullable("username", Kind::Text, &[]),
        nullable("metadata", Kind::AnyObject, &[]),
    ],
};

/// A volume in an answer.
pub static VOLUME_STATUS: Model = Model {
    name: "VolumeStatus",
    description: "Volume status information",
    fields: &[
        required("volume_id", Kind::Text),
        required("name", Kind::Text),
        required("size", Kind::Text),
        nullable("storage_class", Kind::Text, &[]),
        required("access_modes", Kind::Texts),
        required("status", Kind::Text),
        required("created_at", Kind::Text),
        nullable("username", Kind::Text, &[]),
        nullable("metadata", Kind::AnyObject, &[]),
    ],
};

const fn outcome(name: &'static str, description: &'static str, fields: &'static [Field]) -> Model {
    Model { name, description, fields }
}

const TASK_OUTCOME: &[Field] =
    &[required("task_id", Kind::Text), required("status", Kind::Text), required("message", Kind::Text)];
const VOLUME_OUTCOME: &[Field] =
    &[required("volume_id", Kind::Text), required("status", Kind::Text), required("message", Kind::Text)];
const COUNT_OUTCOME: &[Field] =
    &[required("count", WHOLE), required("status", Kind::Text), required("message", Kind::Text)];

/// Every model of the document, requests and answers.
pub static ALL: &[&Model] = &[
    &TASK,
    &RERUN,
    &RESOURCES,
    &JOB_RECOVERY,
    &ALTERNATIVE,
    &VOLUME,
    &TASK_STATUS,
    &VOLUME_STATUS,
    &outcome("TaskListResponse", "Response for listing tasks", &[required("tasks", Kind::Objects(&TASK_STATUS))]),
    &outcome("TaskSubmitResponse", "Response from task submission", TASK_OUTCOME),
    &outcome("TaskStopResponse", "Response from stopping a task", TASK_OUTCOME),
    &outcome("TaskStopAllResponse", "Response from stopping all tasks", COUNT_OUTCOME),
    &outcome(
        "VolumeListResponse",
        "Response for listing volumes",
        &[required("volumes", Kind::Objects(&VOLUME_STATUS))],
    ),
    &outcome("VolumeCreateResponse", "Response from volume creation", VOLUME_OUTCOME),
    &outcome("VolumeDeleteResponse", "Response from deleting a volume", VOLUME_OUTCOME),
];
