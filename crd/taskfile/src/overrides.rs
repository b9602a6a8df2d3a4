//! Overrides are written into the document before it is read, so that they are checked as the file is.

use std::collections::BTreeMap;

use crate::{
    Secrets,
    yaml::{Node, Value},
};

/// What is said beside the file, and wins over it. Texts are in the file's own spellings.
///
/// Where a field says so, `none` in any case takes the file's value away, as SkyPilot's options do. What a node needs
/// replaces the same in every alternative of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Name of the task.
    pub name: Option<String>,
    /// Number of nodes.
    pub num_nodes: Option<u32>,
    /// Where scripts start, or `none`.
    pub workdir: Option<String>,
    /// Address of the git repository in which scripts start.
    pub git_url: Option<String>,
    /// Branch, tag or commit of that repository, or of the file's.
    pub git_ref: Option<String>,
    /// Cores, or `none`.
    pub cpus: Option<String>,
    /// Memory, or `none`.
    pub memory: Option<String>,
    /// Accelerators, or `none`.
    pub gpus: Option<String>,
    /// Container image, or `none`.
    pub image_id: Option<String>,
    /// Where to run, or `none`.
    pub infra: Option<String>,
    /// Whether on spot machines.
    pub use_spot: Option<bool>,
    /// Size of the disk, or `none`.
    pub disk_size: Option<String>,
    /// Ports, or `none` alone.
    pub ports: Vec<String>,
    /// Environment variables, added to those of the file. A variable that has no value in the file needs one here.
    pub envs: BTreeMap<String, String>,
    /// The content of a file of variables: they lose to [`Overrides::envs`]. One that the task declares as a secret
    /// becomes the secret's value, if it is given no other, and no variable.
    pub env_file: BTreeMap<String, String>,
}

/// The option that sets the field at a path, for messages about what is not in the file.
pub(crate) fn option(path: &str) -> Option<&'static str> {
    let options = [
        ("name", "--name"),
        ("num_nodes", "--num-nodes"),
        ("workdir", "--workdir"),
        ("workdir.url", "--git-url"),
        ("workdir.ref", "--git-ref"),
        ("resources.cpus", "--cpus"),
        ("resources.memory", "--memory"),
        ("resources.accelerators", "--gpus"),
        ("resources.image_id", "--image-id"),
        ("resources.infra", "--infra"),
        ("resources.use_spot", "--use-spot"),
        ("resources.disk_size", "--disk-size"),
        ("resources.ports", "--ports"),
        ("envs", "--env"),
        ("secrets", "--secret"),
    ];
    let first = path.split('.').next().unwrap_or_default();
    let key = if matches!(first, "envs" | "secrets") { first } else { path };
    options.iter().find(|(field, _)| *field == key).map(|(_, option)| *option)
}

impl Overrides {
    /// Writes all of it into the documents, and adds to the secrets what the file of variables says of them.
    pub(crate) fn apply(self, documents: &mut [Node], secrets: &mut Secrets, warnings: &mut Vec<String>) {
        let envs = self.variables(documents, secrets);
        if let [document] = documents {
            self.set(document);
        } else if (Self { envs: BTreeMap::new(), env_file: BTreeMap::new(), ..self }) != Self::default() {
            warnings.push("of the command line, only variables and secrets have an effect on several tasks".to_owned());
        }
        if envs.is_empty() {
            return;
        }
        let is_alone = documents.len() == 1;
        for document in documents {
            // What holds neither is the head of a pipeline.
            if is_alone || document.get("run").is_some() || document.get("setup").is_some() {
                set_envs(document, &envs);
            }
        }
    }

    /// The variables of both sources.
    fn variables(&self, documents: &[Node], secrets: &mut Secrets) -> BTreeMap<String, String> {
        let mut envs = BTreeMap::new();
        for (name, value) in &self.env_file {
            if documents.iter().any(|document| declares_secret(document, name)) {
                secrets.entry(name.clone()).or_insert_with(|| value.clone());
            } else {
                envs.insert(name.clone(), value.clone());
            }
        }
        envs.extend(self.envs.clone());
        envs
    }

    fn set(&self, document: &mut Node) {
        if let Some(name) = &self.name {
            document.set("name", Node::text(name));
        }
        if let Some(count) = self.num_nodes {
            document.set("num_nodes", Node::new(Value::Int(count.into())));
        }
        match &self.workdir {
            Some(workdir) if is_none(workdir) => document.remove("workdir"),
            Some(workdir) => document.set("workdir", Node::text(workdir)),
            None => {}
        }
        self.set_repository(document);
        let mut resources = match document.get("resources") {
            Some(resources) if resources.as_map().is_some() => resources.clone(),
            // No mapping: left as it is, and refused.
            Some(resources) if !resources.is_null() => return,
            _ => Node::new(Value::Map(Vec::new())),
        };
        let before = resources.clone();
        for (names, value) in self.needs() {
            remove_everywhere(&mut resources, names);
            if let Some(value) = value {
                resources.set(names[0], value);
            }
        }
        if resources != before {
            document.set("resources", resources);
        }
    }

    /// The repository beside what the file says of one: another address keeps the file's revision, as in SkyPilot.
    fn set_repository(&self, document: &mut Node) {
        let given = [("url", &self.git_url), ("ref", &self.git_ref)];
        if given.iter().all(|(_, value)| value.is_none()) {
            return;
        }
        let of_file = document.get("workdir").filter(|workdir| workdir.as_map().is_some());
        let mut repository = of_file.cloned().unwrap_or_else(|| Node::new(Value::Map(Vec::new())));
        for (name, value) in given {
            if let Some(value) = value {
                repository.set(name, Node::text(value));
            }
        }
        document.set("workdir", repository);
    }

    /// Each field of `resources` that is set or taken away: all of its names, the one to write first.
    fn needs(&self) -> Vec<(&'static [&'static str], Option<Node>)> {
        let texts: [(&[&str], &Option<String>); 6] = [
            (&["cpus"], &self.cpus),
            (&["memory"], &self.memory),
            (&["accelerators", "gpus"], &self.gpus),
            (&["image_id"], &self.image_id),
            (&["infra", "cloud", "region", "zone"], &self.infra),
            (&["disk_size", "ephemeral_storage"], &self.disk_size),
        ];
        let text = |text: &String| if is_none(text) { None } else { Some(Node::text(text)) };
        let mut all: Vec<_> =
            texts.into_iter().filter_map(|(names, given)| given.as_ref().map(|given| (names, text(given)))).collect();
        if let Some(spot) = self.use_spot {
            all.push((&["use_spot"], Some(Node::new(Value::Bool(spot)))));
        }
        match &self.ports[..] {
            [] => {}
            [only] if is_none(only) => all.push((&["ports"], None)),
            ports => all.push((&["ports"], Some(Node::new(Value::List(ports.iter().map(Node::text).collect()))))),
        }
        all
    }
}

fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case("none")
}

/// From the fields around the alternatives, and from each of them: an alternative would win over what is around it.
fn remove_everywhere(resources: &mut Node, names: &[&str]) {
    for name in names {
        resources.remove(name);
        for list in ["any_of", "ordered"] {
            if let Some(Value::List(entries)) = resources.get_mut(list).map(|node| &mut node.value) {
                for entry in entries {
                    entry.remove(name);
                }
            }
        }
    }
}

/// Whether a document has the secret, with or without a value, in a mapping or a list.
fn declares_secret(document: &Node, name: &str) -> bool {
    let names = |text: &str| text == name || text.strip_prefix("secrets:") == Some(name);
    match document.get("secrets").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().any(|(key, _)| key.as_text().is_some_and(names)),
        Some(Value::List(items)) => items.iter().any(|item| item.as_text().is_some_and(names)),
        _ => false,
    }
}

fn set_envs(document: &mut Node, given: &BTreeMap<String, String>) {
    let mut envs = match document.get("envs") {
        Some(envs) if envs.as_map().is_some() => envs.clone(),
        None => Node::new(Value::Map(Vec::new())),
        Some(envs) if envs.is_null() => Node::new(Value::Map(Vec::new())),
        // No mapping: left as it is, and refused.
        Some(_) => return,
    };
    for (name, value) in given {
        envs.set(name, Node::text(value.clone()));
    }
    document.set("envs", envs);
}
