//! The objects of one kind as the watch tells them, with our own writes laid over until the watch has caught up.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use kube::{ResourceExt as _, runtime::watcher::Event};
use sky_crd::TaskId;
use tokio::{sync::watch, time::Instant};

use super::cached::{Cached, is_alive};

/// How long a write of ours is believed without the watch having shown it. A watch lags by less than a second; after
/// this the object may have been deleted by somebody else before the watch saw it.
const OVERLAY: Duration = Duration::from_secs(10);

/// The cache of one kind. All methods are short and never wait for anything but each other.
#[derive(Debug)]
pub struct Cache<K> {
    inner: RwLock<Inner<K>>,
}

#[derive(Debug)]
struct Inner<K> {
    ready: bool,
    /// By object name: what the watch has shown.
    objects: HashMap<String, Arc<K>>,
    /// By object name: what the watch is listing anew, until it has finished.
    relist: HashMap<String, Arc<K>>,
    /// By object name: what we created and the watch has not shown yet, with the time until which that is believed.
    created: HashMap<String, (Arc<K>, Instant)>,
    /// By UID: what has been deleted, by us (the watch may still show it) or as the watch has told.
    deleted: HashMap<String, Instant>,
    /// Names by owner and id, of both `objects` and `created`.
    index: HashMap<String, HashMap<TaskId, BTreeSet<String>>>,
    /// By object name: those who want to know every change of one object.
    followers: HashMap<String, watch::Sender<Option<Arc<K>>>>,
}

impl<K: Cached> Default for Cache<K> {
    fn default() -> Self {
        Self {
            inner: RwLock::new(Inner {
                ready: false,
                objects: HashMap::new(),
                relist: HashMap::new(),
                created: HashMap::new(),
                deleted: HashMap::new(),
                index: HashMap::new(),
                followers: HashMap::new(),
            }),
        }
    }
}

impl<K: Cached> Cache<K> {
    /// Whether the watch has listed everything once.
    pub fn is_ready(&self) -> bool {
        self.read().ready
    }

    /// How many objects the watch has shown.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether the watch has shown none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects of one owner, or of all, in no order.
    pub fn list(&self, owner: Option<&str>) -> Vec<Arc<K>> {
        let inner = self.read();
        if let Some(owner) = owner {
            let names = inner.index.get(owner).into_iter().flat_map(HashMap::values).flatten();
            return names.filter_map(|name| inner.visible(name)).cloned().collect();
        }
        let names: BTreeSet<_> = inner.objects.keys().chain(inner.created.keys()).collect();
        names.into_iter().filter_map(|name| inner.visible(name)).cloned().collect()
    }

    /// The objects that this owner has under this id: one, unless somebody wrote the same id twice.
    pub fn find(&self, owner: &str, id: &TaskId) -> Vec<Arc<K>> {
        let inner = self.read();
        let names = inner.index.get(owner).and_then(|ids| ids.get(id)).into_iter().flatten();
        names.filter_map(|name| inner.visible(name)).cloned().collect()
    }

    /// Every state of this object from now on; `None` once it is gone. `live` is what the API server has just shown: it
    /// counts while the watch has not shown the object.
    pub fn follow(&self, live: &K) -> watch::Receiver<Option<Arc<K>>> {
        let mut inner = self.write();
        let name = live.name_any();
        let is_deleted = live.meta().uid.as_ref().is_some_and(|uid| inner.deleted.contains_key(uid));
        let now = inner.visible(&name).cloned().or_else(|| (!is_deleted).then(|| Arc::new(live.clone())));
        let sender = inner.followers.entry(name).or_insert_with(|| watch::Sender::new(None));
        let receiver = sender.subscribe();
        sender.send_replace(now);
        receiver
    }

    /// We have created this object.
    pub fn created(&self, mut object: K, now: Instant) {
        object.slim();
        let mut inner = self.write();
        let name = object.name_any();
        let known = inner.objects.get(&name).is_some_and(|seen| seen.uid() == object.uid());
        let gone = object.meta().uid.as_ref().is_some_and(|uid| inner.deleted.contains_key(uid));
        if !known && !gone {
            inner.created.insert(name.clone(), (Arc::new(object), now + OVERLAY));
            inner.index_add(&name);
            inner.tell(&name);
        }
        inner.expire(now);
    }

    /// We have deleted the object with this name and UID.
    pub fn deleted(&self, name: &str, uid: &str, now: Instant) {
        let mut inner = self.write();
        inner.deleted.insert(uid.to_owned(), now + OVERLAY);
        inner.tell(name);
        inner.expire(now);
    }

    /// The watch has something to tell; `now` is the time at which it does.
    pub fn apply(&self, event: Event<K>, now: Instant) {
        let mut inner = self.write();
        match event {
            Event::Init => inner.relist = HashMap::new(),
            Event::InitApply(mut object) => {
                object.slim();
                inner.relist.insert(object.name_any(), Arc::new(object));
            }
            Event::InitDone => inner.replace_all(now),
            Event::Apply(mut object) => {
                object.slim();
                inner.put(object);
            }
            Event::Delete(object) => inner.remove(&object, now),
        }
        inner.expire(now);
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner<K>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<K>> {
        // A panic inside is a bug that may leave one object unindexed; the next event of it mends that.
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Cached> Inner<K> {
    /// The object as users may see it.
    fn visible(&self, name: &str) -> Option<&Arc<K>> {
        let object = self.created.get(name).map(|(object, _)| object).or_else(|| self.objects.get(name))?;
        let deleted = object.meta().uid.as_ref().is_some_and(|uid| self.deleted.contains_key(uid));
        (!deleted && is_alive(object.as_ref())).then_some(object)
    }

    fn put(&mut self, object: K) {
        let name = object.name_any();
        self.index_remove(&name);
        self.created.remove(&name);
        self.objects.insert(name.clone(), Arc::new(object));
        self.index_add(&name);
        self.tell(&name);
    }

    fn remove(&mut self, object: &K, now: Instant) {
        let name = object.name_any();
        let same = |other: &Arc<K>| other.meta().uid == object.meta().uid;
        self.index_remove(&name);
        if self.objects.get(&name).is_some_and(same) {
            self.objects.remove(&name);
        }
        if self.created.get(&name).is_some_and(|(created, _)| same(created)) {
            self.created.remove(&name);
        }
        self.index_add(&name);
        if let Some(uid) = object.uid() {
            self.deleted.insert(uid, now + OVERLAY);
        }
        self.tell(&name);
    }

    fn replace_all(&mut self, now: Instant) {
        let before = std::mem::replace(&mut self.objects, std::mem::take(&mut self.relist));
        let there: HashSet<_> = self.objects.values().filter_map(|object| object.uid()).collect();
        let missed = before.values().filter_map(|object| object.uid()).filter(|uid| !there.contains(uid));
        self.deleted.extend(missed.map(|uid| (uid, now + OVERLAY)));
        let objects = &self.objects;
        self.created
            .retain(|name, (created, _)| objects.get(name).is_none_or(|seen| seen.meta().uid != created.meta().uid));
        self.index = HashMap::new();
        let names: Vec<_> = self.objects.keys().chain(self.created.keys()).cloned().collect();
        for name in &names {
            self.index_add(name);
        }
        let followed: Vec<_> = self.followers.keys().cloned().collect();
        for name in &followed {
            self.tell(name);
        }
        self.ready = true;
    }

    fn expire(&mut self, now: Instant) {
        self.deleted.retain(|_, until| *until > now);
        let stale: Vec<_> =
            self.created.iter().filter(|(_, (_, until))| *until <= now).map(|(name, _)| name.clone()).collect();
        for name in stale {
            self.index_remove(&name);
            self.created.remove(&name);
            self.index_add(&name);
            self.tell(&name);
        }
    }

    /// Both places of a name are indexed: after a name was given twice, the two may differ in owner and id.
    fn keys_of(&self, name: &str) -> Vec<(String, TaskId)> {
        let created = self.created.get(name).map(|(object, _)| object);
        created
            .into_iter()
            .chain(self.objects.get(name))
            .map(|object| (object.owner().to_owned(), object.id()))
            .collect()
    }

    fn index_add(&mut self, name: &str) {
        for (owner, id) in self.keys_of(name) {
            self.index.entry(owner).or_default().entry(id).or_default().insert(name.to_owned());
        }
    }

    fn index_remove(&mut self, name: &str) {
        for (owner, id) in self.keys_of(name) {
            let Some(ids) = self.index.get_mut(&owner) else { continue };
            if let Some(names) = ids.get_mut(&id) {
                names.remove(name);
                if names.is_empty() {
                    ids.remove(&id);
                }
            }
            if ids.is_empty() {
                self.index.remove(&owner);
            }
        }
    }

    fn tell(&mut self, name: &str) {
        let now = self.visible(name).cloned();
        if let Some(sender) = self.followers.get(name)
            && sender.send(now).is_err()
        {
            // Nobody listens any more.
            self.followers.remove(name);
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
