//! Reading the fields of one mapping: each at most once, in the schema's order, the rest unknown.

use std::collections::BTreeMap;

use crate::{Problem, ProblemKind, suggest, yaml::Node};

/// The fields of one mapping and the problems found so far.
pub(crate) struct Fields<'a> {
    prefix: String,
    entries: BTreeMap<&'a str, &'a Node>,
    problems: &'a mut Vec<Problem>,
}

/// The names of a mapping's fields: those that are read, and those that only SkyPilot knows.
pub(crate) struct Names {
    pub(crate) known: &'static [&'static str],
    pub(crate) unsupported: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// `prefix` is the path of the mapping with a dot at its end. Null means that the field is absent.
    pub(crate) fn new(
        prefix: &str,
        entries: &'a [(String, Node)],
        names: &Names,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        for (key, value) in entries {
            let key = key.as_str();
            let kind = if names.known.contains(&key) || (names.unsupported.contains(&key) && *value == Node::Null) {
                continue;
            } else if names.unsupported.contains(&key) {
                ProblemKind::Unsupported
            } else {
                let all = names.known.iter().chain(names.unsupported).copied();
                ProblemKind::Unknown(suggest::nearest(key, all).map(str::to_owned))
            };
            problems.push(Problem { path: format!("{prefix}{key}"), kind });
        }
        let entries = entries.iter().filter(|(_, value)| *value != Node::Null);
        Self { prefix: prefix.to_owned(), entries: entries.map(|(key, node)| (key.as_str(), node)).collect(), problems }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.get(name).copied()
    }

    /// Takes note of a problem with the field `name`.
    pub(crate) fn refuse(&mut self, name: &str, kind: ProblemKind) {
        self.problems.push(Problem { path: format!("{}{name}", self.prefix), kind });
    }

    /// The field's value read by `read`, whose error becomes a problem.
    pub(crate) fn read<T>(&mut self, name: &str, read: impl FnOnce(&Node) -> Result<T, String>) -> Option<T> {
        match read(self.get(name)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(name, ProblemKind::Invalid(message));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, text)
    }

    /// A mapping whose values are read by `read`; keys that it refuses are named in the problem.
    pub(crate) fn map(
        &mut self,
        name: &str,
        read: impl Fn(&Node) -> Result<String, String>,
    ) -> BTreeMap<String, String> {
        let entries = match self.get(name) {
            None => return BTreeMap::new(),
            Some(Node::Map(entries)) => entries,
            Some(other) => {
                self.refuse(name, ProblemKind::Invalid(format!("must be a mapping, not {}", other.kind())));
                return BTreeMap::new();
            }
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            match read(value) {
                Ok(text) => drop(map.insert(key.clone(), text)),
                Err(message) => self.refuse(&format!("{name}.{key}"), ProblemKind::Invalid(message)),
            }
        }
        map
    }

    /// The problems so far, for what is nested.
    pub(crate) fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }
}

/// Text and nothing else: a number there is more often a mistake than a name.
pub(crate) fn text(node: &Node) -> Result<String, String> {
    match node {
        Node::Text(text) => Ok(text.clone()),
        Node::Int(_) | Node::Float(_) | Node::Bool(_) => {
            let shown = node.scalar_text().unwrap_or_default();
            Err(format!("must be text, not {}: write it in quotes, \"{shown}\"", node.kind()))
        }
        other => Err(format!("must be text, not {}", other.kind())),
    }
}
