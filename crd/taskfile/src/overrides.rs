//! Overrides are written into the document before it is read, so that they are checked as the file is.

use crate::{
    Overrides,
    yaml::{Node, Value},
};

impl Overrides {
    /// Variables are for every task of a file; a name or a number of nodes only for one that is alone.
    pub(crate) fn apply(self, documents: &mut [Node], warnings: &mut Vec<String>) {
        if let [document] = documents {
            if let Some(name) = self.name {
                document.set("name", Node::text(name));
            }
            if let Some(count) = self.num_nodes {
                document.set("num_nodes", Node::new(Value::Int(count.into())));
            }
        } else if self.name.is_some() || self.num_nodes.is_some() {
            warnings
                .push("a name or a number of nodes from the command line has no effect on several tasks".to_owned());
        }
        if self.envs.is_empty() {
            return;
        }
        let is_alone = documents.len() == 1;
        for document in documents {
            // What holds neither is the head of a pipeline.
            if is_alone || document.get("run").is_some() || document.get("setup").is_some() {
                set_envs(document, &self.envs);
            }
        }
    }
}

fn set_envs(document: &mut Node, given: &std::collections::BTreeMap<String, String>) {
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
