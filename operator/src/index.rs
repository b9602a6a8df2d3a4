//! Caches that find objects by what they belong to, so that a pass costs what the task has, not what the cluster has.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kube::{
    Resource, ResourceExt as _,
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher::Event as Seen,
    },
};

/// What objects of a kind are found by, besides their name: any number of texts.
pub(crate) type Keys<K> = fn(&K) -> Vec<String>;

/// A cache with its index; cheap to clone, all clones are one.
pub(crate) struct Shelf<K: Cached> {
    store: Store<K>,
    keys: Keys<K>,
    names: Arc<RwLock<Names>>,
}

/// Names of objects by namespace and key.
type Names = HashMap<(String, String), BTreeSet<String>>;

/// What can be on a shelf: any namespaced kind.
pub(crate) trait Cached: Resource<DynamicType = ()> + Clone + 'static {}
impl<K: Resource<DynamicType = ()> + Clone + 'static> Cached for K {}

impl<K: Cached> Clone for Shelf<K> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), keys: self.keys, names: self.names.clone() }
    }
}

impl<K: Cached> Shelf<K> {
    /// An empty shelf, and the end of its cache to write to.
    pub(crate) fn new(keys: Keys<K>) -> (Self, Writer<K>) {
        let writer = Writer::default();
        (Self { store: writer.as_reader(), keys, names: Arc::default() }, writer)
    }

    /// The cache itself.
    pub(crate) fn store(&self) -> &Store<K> {
        &self.store
    }

    /// The object of this name.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// The objects that have this key, by name.
    pub(crate) fn find(&self, namespace: &str, key: &str) -> Vec<Arc<K>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let found = names.get(&(namespace.to_owned(), key.to_owned())).into_iter().flatten();
        // An object whose label was changed by hand is still listed under its old key until the next listing.
        let has = |object: &Arc<K>| (self.keys)(object).iter().any(|has| has == key);
        found.filter_map(|name| self.get(namespace, name)).filter(has).collect()
    }

    /// Keeps the index in step. Called after the cache has taken the change in, so that what is listed can be found.
    pub(crate) fn note(&self, seen: &Seen<K>) {
        match seen {
            Seen::Apply(object) => self.change(|names| self.list(names, object)),
            Seen::Delete(object) => self.change(|names| self.strike(names, object)),
            Seen::InitDone => {
                let mut all = Names::new();
                self.store.state().iter().for_each(|object| self.list(&mut all, object));
                self.change(|names| *names = all);
            }
            Seen::Init | Seen::InitApply(_) => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Names)) {
        change(&mut self.names.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn list(&self, names: &mut Names, object: &K) {
        for entry in self.entries(object) {
            names.entry(entry).or_default().insert(object.name_any());
        }
    }

    fn strike(&self, names: &mut Names, object: &K) {
        for entry in self.entries(object) {
            if let Some(listed) = names.get_mut(&entry) {
                listed.remove(&object.name_any());
                if listed.is_empty() {
                    names.remove(&entry);
                }
            }
        }
    }

    fn entries(&self, object: &K) -> impl Iterator<Item = (String, String)> + use<K> {
        let namespace = object.namespace().unwrap_or_default();
        (self.keys)(object).into_iter().map(move |key| (namespace.clone(), key))
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
