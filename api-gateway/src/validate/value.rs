//! What is left of a body once it was checked.

use std::collections::{BTreeMap, HashMap};

use sky_crd::api::MountRequest;

use super::{json::Json, since::Since};

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Texts by key, in the client's order.
    TextMap(Vec<(String, String)>),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// A nested object.
    Object(Fields),
    /// Nested objects.
    Objects(Vec<Fields>),
    /// Volumes by path, one of which is not just a name.
    Volumes(BTreeMap<String, MountRequest>),
    /// An object as it was sent.
    Any(Json),
    /// A point in time.
    Since(Since),
}

/// The checked fields of an object; absent and null ones are not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(HashMap<&'static str, Value>);

impl Fields {
    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }
}
