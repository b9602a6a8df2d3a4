//! Overrides are written into the document before it is read, so that they are checked as the file is.

use crate::{Overrides, yaml::Node};

impl Overrides {
    pub(crate) fn apply(self, document: Node) -> Node {
        let Node::Map(mut fields) = document else { return document };
        if let Some(name) = self.name {
            set(&mut fields, "name", Node::Text(name));
        }
        if let Some(count) = self.num_nodes {
            set(&mut fields, "num_nodes", Node::Int(count.into()));
        }
        if !self.envs.is_empty() {
            let mut envs = match fields.iter_mut().find(|(key, _)| key == "envs") {
                Some((_, Node::Map(entries))) => std::mem::take(entries),
                None | Some((_, Node::Null)) => Vec::new(),
                // No mapping: left as it is, and refused.
                Some(_) => return Node::Map(fields),
            };
            self.envs.into_iter().for_each(|(key, value)| set(&mut envs, &key, Node::Text(value)));
            set(&mut fields, "envs", Node::Map(envs));
        }
        Node::Map(fields)
    }
}

fn set(entries: &mut Vec<(String, Node)>, key: &str, value: Node) {
    match entries.iter_mut().find(|(present, _)| present == key) {
        Some((_, place)) => *place = value,
        None => entries.push((key.to_owned(), value)),
    }
}
