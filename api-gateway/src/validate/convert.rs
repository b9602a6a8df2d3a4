//! From checked fields to the wire types: nothing can go wrong any more.

use std::collections::BTreeMap;

use sky_crd::{
    api::{
        MountRequest, RecoveryRequest, RerunRequest, ResourcesRequest, SecretValue, TaskRequest, VolumeRequest,
        WorkdirRequest,
    },
    task::GitSource,
};

use super::{
    since::Since,
    value::{Fields, Value},
};

/// The query of a log, checked against [`super::query::LOGS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Until the task ends, not only what there is now.
    pub follow: bool,
    /// So many of the last lines of each node; all without.
    pub tail: Option<u32>,
    /// Lines from this time on.
    pub since: Option<Since>,
    /// Each line with its time.
    pub timestamps: bool,
    /// Ranks of the nodes; all without.
    pub nodes: Option<Vec<i64>>,
}

impl Fields {
    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).and_then(|value| if let Value::Text(text) = value { Some(text) } else { None })
    }

    fn workdir(&mut self) -> Option<WorkdirRequest> {
        match self.take("workdir")? {
            Value::Text(path) => Some(WorkdirRequest::Path(path)),
            Value::Object(mut git) => {
                let (url, reference) = (git.text("url")?, git.text("ref"));
                Some(WorkdirRequest::Git(GitSource { url, reference }))
            }
            _ => None,
        }
    }

    fn int(&mut self, name: &str) -> Option<i64> {
        self.take(name).and_then(|value| if let Value::Int(number) = value { Some(number) } else { None })
    }

    fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name).and_then(|value| if let Value::Bool(value) = value { Some(value) } else { None })
    }

    fn text_map<M: FromIterator<(String, String)>>(&mut self, name: &str) -> M {
        let entries = self.take(name).and_then(|value| if let Value::TextMap(map) = value { Some(map) } else { None });
        entries.unwrap_or_default().into_iter().collect()
    }

    fn secrets(&mut self) -> BTreeMap<String, SecretValue> {
        let texts: Vec<(String, String)> = self.text_map("secrets");
        texts.into_iter().map(|(name, value)| (name, SecretValue::from(value))).collect()
    }

    fn ints(&mut self, name: &str) -> Option<Vec<i64>> {
        self.take(name).and_then(|value| if let Value::Ints(numbers) = value { Some(numbers) } else { None })
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name).and_then(|value| if let Value::Texts(texts) = value { Some(texts) } else { None })
    }

    fn since(&mut self, name: &str) -> Option<Since> {
        self.take(name).and_then(|value| if let Value::Since(since) = value { Some(since) } else { None })
    }

    fn volumes(&mut self, name: &str) -> BTreeMap<String, MountRequest> {
        match self.take(name) {
            Some(Value::Volumes(mounts)) => mounts,
            Some(Value::TextMap(names)) => {
                names.into_iter().map(|(path, name)| (path, MountRequest::Name(name))).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    fn objects(&mut self, name: &str) -> Vec<ResourcesRequest> {
        let objects = self.take(name).and_then(|value| if let Value::Objects(all) = value { Some(all) } else { None });
        objects.unwrap_or_default().into_iter().map(resources).collect()
    }

    fn any(&mut self, name: &str) -> serde_json::Map<String, serde_json::Value> {
        let sent = self.take(name).and_then(|value| if let Value::Any(sent) = value { Some(sent) } else { None });
        // What JSON cannot write, such as NaN, becomes null.
        let written = sent.and_then(|sent| serde_json::to_value(sent).ok());
        written.and_then(|value| value.as_object().cloned()).unwrap_or_default()
    }

    fn object(&mut self, name: &str) -> Option<Self> {
        self.take(name).and_then(|value| if let Value::Object(fields) = value { Some(fields) } else { None })
    }
}

/// The body of `POST /tasks/submit`, checked against [`super::model::TASK`].
pub fn task(mut fields: Fields) -> TaskRequest {
    TaskRequest {
        name: fields.text("name"),
        num_nodes: fields.int("num_nodes").and_then(|count| u32::try_from(count).ok()),
        workdir: fields.workdir(),
        resources: fields.object("resources").map(resources),
        envs: fields.text_map("envs"),
        secrets: fields.secrets(),
        file_mounts: fields.text_map("file_mounts"),
        volumes: fields.volumes("volumes"),
        setup: fields.text("setup"),
        run: fields.text("run"),
        config: fields.any("config"),
    }
}

/// The body of `POST /tasks/{task_id}/rerun`, checked against [`super::model::RERUN`].
pub fn rerun(mut fields: Fields) -> RerunRequest {
    RerunRequest {
        name: fields.text("name"),
        num_nodes: fields.int("num_nodes").and_then(|count| u32::try_from(count).ok()),
        envs: fields.text_map("envs"),
        secrets: fields.secrets(),
    }
}

fn resources(mut fields: Fields) -> ResourcesRequest {
    ResourcesRequest {
        cpus: fields.text("cpus"),
        memory: fields.text("memory"),
        accelerators: fields.text("accelerators"),
        instance_type: fields.text("instance_type"),
        use_spot: fields.boolean("use_spot"),
        job_recovery: fields.object("job_recovery").map(recovery),
        disk_size: fields.int("disk_size"),
        ports: fields.ints("ports").unwrap_or_default(),
        image_id: fields.text("image_id"),
        infra: fields.text("infra"),
        labels: fields.text_map("labels"),
        priority: fields.int("priority").and_then(|rank| i32::try_from(rank).ok()),
        priority_class: fields.text("priority_class"),
        any_of: fields.objects("any_of"),
        ordered: fields.objects("ordered"),
    }
}

fn recovery(mut fields: Fields) -> RecoveryRequest {
    let most = fields.int("max_restarts_on_errors");
    RecoveryRequest {
        strategy: fields.text("strategy"),
        max_restarts_on_errors: most.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        recover_on_exit_codes: fields.ints("recover_on_exit_codes").unwrap_or_default(),
    }
}

/// The body of `POST /volumes/create`, checked against [`super::model::VOLUME`].
pub fn volume(mut fields: Fields) -> VolumeRequest {
    VolumeRequest {
        name: fields.text("name").unwrap_or_default(),
        size: fields.text("size").unwrap_or_default(),
        storage_class: fields.text("storage_class"),
        access_modes: fields.texts("access_modes"),
    }
}

/// Whether a query checked against [`super::query::LIST`] asks for all users.
pub fn all_users(mut fields: Fields) -> bool {
    fields.boolean("all_users").unwrap_or_default()
}

/// The query of a log, checked against [`super::query::LOGS`].
pub fn logs(mut fields: Fields) -> LogQuery {
    LogQuery {
        follow: fields.boolean("follow").unwrap_or(true),
        // Negative: all lines. More than there can be: all too.
        tail: fields.int("tail").and_then(|lines| u32::try_from(lines).ok()),
        since: fields.since("since"),
        timestamps: fields.boolean("timestamps").unwrap_or_default(),
        nodes: fields.ints("node"),
    }
}
