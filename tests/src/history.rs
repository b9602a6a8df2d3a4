//! What happened to the objects of a kind: one watch, started before the act.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use kube::{
    Api, Resource, ResourceExt as _,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::DEADLINE;

/// One change.
#[derive(Clone, Debug)]
pub enum Change<K> {
    /// The object came, or became this.
    Is(K),
    /// The object went.
    Gone(K),
}

/// Everything that a watch has seen.
pub struct History<K> {
    changes: Arc<Mutex<Vec<Change<K>>>>,
    /// When each was seen.
    times: Arc<Mutex<Vec<Instant>>>,
    seen: watch::Receiver<usize>,
    watching: JoinHandle<()>,
}

impl<K> History<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Watches from now on. What is there already is the beginning of the history.
    pub async fn start(api: Api<K>) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let (sender, mut seen) = watch::channel(0);
        let times = Arc::new(Mutex::new(Vec::new()));
        let (kept, kept_times) = (changes.clone(), times.clone());
        let watching = tokio::spawn(async move {
            let mut events = watcher::watcher(api, watcher::Config::default()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                let change = match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => Some(Change::Is(object)),
                    Ok(Event::Delete(object)) => Some(Change::Gone(object)),
                    Ok(Event::Init | Event::InitDone) | Err(_) => None,
                };
                let mut kept = kept.lock().expect("nobody panics with the lock");
                kept_times.lock().expect("nobody panics with the lock").extend(change.iter().map(|_| Instant::now()));
                kept.extend(change);
                sender.send_replace(kept.len() + 1);
            }
        });
        timeout(DEADLINE, seen.changed()).await.expect("the watch begins").expect("the watch goes on");
        Self { changes, times, seen, watching }
    }

    /// All changes so far.
    pub fn changes(&self) -> Vec<Change<K>> {
        self.changes.lock().expect("nobody panics with the lock").clone()
    }

    /// All states so far that an object was in.
    pub fn states(&self) -> Vec<K> {
        let state = |change| if let Change::Is(object) = change { Some(object) } else { None };
        self.changes().into_iter().filter_map(state).collect()
    }

    /// When the first state was seen that fits, if there was one.
    pub fn first_at(&self, fits: impl Fn(&K) -> bool) -> Option<Instant> {
        let index = self.changes().iter().position(|change| matches!(change, Change::Is(object) if fits(object)))?;
        self.times.lock().expect("nobody panics with the lock").get(index).copied()
    }

    /// UIDs of all objects that there ever were.
    pub fn uids(&self) -> std::collections::BTreeSet<String> {
        self.states().iter().filter_map(kube::ResourceExt::uid).collect()
    }

    /// The first state that fits, past or to come.
    pub async fn when(&self, what: &str, fits: impl Fn(&K) -> bool) -> K {
        self.when_within(DEADLINE, what, fits).await
    }

    /// As [`Self::when`], for what may take longer than usual.
    pub async fn when_within(&self, limit: Duration, what: &str, fits: impl Fn(&K) -> bool) -> K {
        self.find_within(limit, what, |changes| {
            changes.iter().find_map(|change| match change {
                Change::Is(object) if fits(object) => Some(object.clone()),
                _ => None,
            })
        })
        .await
    }

    /// Until every object that there ever was is gone.
    pub async fn all_gone(&self, what: &str) {
        self.gone(what, |_| true).await;
    }

    /// Until every object that there ever was of these is gone.
    pub async fn gone(&self, what: &str, of: impl Fn(&K) -> bool) {
        let alive = |changes: &[Change<K>]| {
            let mut alive = std::collections::BTreeSet::new();
            for change in changes {
                match change {
                    Change::Is(object) if of(object) => alive.insert(object.uid()),
                    Change::Is(_) => false,
                    Change::Gone(object) => alive.remove(&object.uid()),
                };
            }
            alive.is_empty().then_some(())
        };
        self.find(what, alive).await;
    }

    /// The first answer that the history gives.
    pub async fn find<T>(&self, what: &str, search: impl Fn(&[Change<K>]) -> Option<T>) -> T {
        self.find_within(DEADLINE, what, search).await
    }

    async fn find_within<T>(&self, limit: Duration, what: &str, search: impl Fn(&[Change<K>]) -> Option<T>) -> T {
        let mut seen = self.seen.clone();
        let search = async {
            loop {
                seen.borrow_and_update();
                if let Some(found) = search(&self.changes.lock().expect("nobody panics with the lock")) {
                    return found;
                }
                seen.changed().await.expect("the watch goes on");
            }
        };
        let found = timeout(limit, search).await;
        found.unwrap_or_else(|_| panic!("not within {limit:?}: {what}; last seen: {:#?}", self.changes().last()))
    }
}

impl<K> Drop for History<K> {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
