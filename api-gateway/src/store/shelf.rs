//! One kind: its cache, and the calls on single objects, which end at the API server.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
    core::DeserializeGuard,
    runtime::{WatchStreamExt as _, watcher},
};
use sky_crd::{TaskId, User};
use sky_runtime::admin::ReadyFlag;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    cache::Cache,
    cached::{Cached, is_alive, tracked_by},
    fault,
};
use crate::error::ApiError;

/// How long one call to the API server may take, its own retries included.
pub(super) const CALL: Duration = Duration::from_secs(15);
/// Name of our writes in `managedFields`.
pub(super) const FIELD_MANAGER: &str = "sky-api-gateway";
/// A fresh id is taken by chance once in billions of tries; twice in a row means that something else is wrong.
const ID_TRIES: usize = 3;

/// One kind of object.
#[derive(Debug)]
pub struct Shelf<K> {
    api: Api<K>,
    cache: Arc<Cache<K>>,
}

impl<K: Cached> Shelf<K> {
    /// The objects behind `api`.
    pub fn new(api: Api<K>) -> Self {
        Self { api, cache: Arc::new(Cache::default()) }
    }

    /// The cache.
    pub fn cache(&self) -> &Arc<Cache<K>> {
        &self.cache
    }

    /// Keeps the cache as the API server has it, until `shutdown`.
    pub async fn watch(
        self: Arc<Self>,
        ready: ReadyFlag,
        shutdown: CancellationToken,
    ) -> Result<(), std::convert::Infallible> {
        let client = self.api.clone().into_client();
        let namespace = self.api.namespace().unwrap_or_default().to_owned();
        let guarded: Api<DeserializeGuard<K>> = Api::namespaced(client, &namespace);
        let events = watcher(guarded, watcher::Config::default()).default_backoff().take_until(shutdown.cancelled());
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.apply(event, &ready),
                Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted, going on"),
            }
        }
        Ok(())
    }

    fn apply(&self, event: watcher::Event<DeserializeGuard<K>>, ready: &ReadyFlag) {
        use watcher::Event;
        let is_done = matches!(event, Event::InitDone);
        let event = match event {
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
            Event::Apply(DeserializeGuard(Ok(object))) => Event::Apply(object),
            Event::Delete(DeserializeGuard(Ok(object))) => Event::Delete(object),
            Event::InitApply(DeserializeGuard(Ok(object))) => Event::InitApply(object),
            Event::Apply(guard) | Event::Delete(guard) | Event::InitApply(guard) => {
                // Users of the API do not see it; everybody else's objects go on.
                let name = guard.name_any();
                if let DeserializeGuard(Err(error)) = guard {
                    tracing::warn!(kind = %K::kind(&()), name, %error, "object cannot be read, skipped");
                }
                return;
            }
        };
        self.cache.apply(event, Instant::now());
        if is_done {
            ready.set_ready();
        }
    }

    /// The objects of a user, or of all, newest first. Those of other replicas' last second may be missing.
    pub fn list(&self, user: Option<&User>) -> Result<Vec<Arc<K>>, ApiError> {
        self.require_ready()?;
        let mut objects = self.cache.list(user.map(User::as_str));
        objects.sort_by(|a, b| {
            let key = |object: &Arc<K>| object.creation_timestamp();
            key(b).cmp(&key(a)).then_with(|| a.name_any().cmp(&b.name_any()))
        });
        Ok(objects)
    }

    /// The user's object with this id, as the API server has it now.
    pub async fn get(&self, user: &User, id: &str) -> Result<K, ApiError> {
        let missing = || ApiError::NotFound { thing: K::THING, id: id.to_owned() };
        let Ok(task_id) = id.parse::<TaskId>() else { return Err(missing()) };
        let is_it = |object: &K| is_alive(object) && object.owner() == user.as_str() && object.id() == task_id;
        let known = self.cache.find(user.as_str(), &task_id);
        if known.len() > 1 {
            let names: Vec<_> = known.iter().map(|object| object.name_any()).collect();
            let kind = K::kind(&());
            return Err(ApiError::Conflict(format!(
                "Id {id} belongs to several objects: {}. Use kubectl to delete all but one {kind}",
                names.join(", ")
            )));
        }
        if let Some(object) = known.first() {
            let live = self.call(self.api.get_opt(&object.name_any())).await?;
            return live.filter(is_it).ok_or_else(missing);
        }
        // Created through another replica a moment ago, perhaps: its label finds it, its specification decides.
        let by_id = ListParams::default().labels(&format!("{}={task_id}", K::ID_LABEL));
        let found = self.call(self.api.list(&by_id)).await?.items.into_iter().find(is_it);
        match found {
            Some(object) => Ok(object),
            None => self.require_ready().and(Err(missing())),
        }
    }

    /// Creates what `make` makes of a fresh id. Returns it as the API server has it.
    pub async fn create(
        &self,
        fresh_id: impl Fn() -> TaskId,
        make: impl Fn(&TaskId) -> Result<K, ApiError>,
    ) -> Result<K, ApiError> {
        for _ in 0..ID_TRIES {
            let id = fresh_id();
            let object = make(&id)?;
            let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            let created = match timeout(CALL, self.api.create(&params, &object)).await {
                Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => self.ours_already(&object).await?,
                Ok(result) => Some(result.map_err(fault::from_kube)?),
                Err(_) => return Err(fault::timed_out()),
            };
            if let Some(created) = created {
                audit("create", &created);
                self.cache.created(created.clone(), Instant::now());
                return Ok(created);
            }
        }
        Err(ApiError::Conflict("No free id was found: try again".to_owned()))
    }

    /// Creates this object unless it is there, which its name decides: of two requests at one moment one creates it and
    /// the other finds it. Returns it as the API server has it, and whether it is new.
    ///
    /// # Errors
    /// A conflict, if what is there asks for something else or is being deleted.
    pub async fn create_once(&self, object: K) -> Result<(K, bool), ApiError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match timeout(CALL, self.api.create(&params, &object)).await {
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => {}
            Ok(result) => {
                let created = result.map_err(fault::from_kube)?;
                audit("create", &created);
                self.cache.created(created.clone(), Instant::now());
                return Ok((created, true));
            }
            Err(_) => return Err(fault::timed_out()),
        }
        let name = object.name_any();
        match self.call(self.api.get_opt(&name)).await? {
            Some(there) if is_alive(&there) && there.same_spec(&object) => Ok((there, false)),
            Some(there) if is_alive(&there) => {
                Err(ApiError::Conflict(format!("{} {name} is there and asks for something else", K::THING.noun())))
            }
            _ => Err(ApiError::Conflict(format!("{} {name} is being deleted: try again", K::THING.noun()))),
        }
    }

    /// The client repeats a POST whose answer was lost; the second one finds the first one's object.
    async fn ours_already(&self, object: &K) -> Result<Option<K>, ApiError> {
        let there = self.call(self.api.get_opt(&object.name_any())).await?;
        Ok(there.filter(|there| is_alive(there) && there.same_spec(object)))
    }

    /// Deletes this very object, its children in the background. An object that is gone is no longer found.
    pub async fn delete(&self, object: &K) -> Result<(), ApiError> {
        if let Some(tool) = tracked_by(object) {
            let noun = K::THING.noun();
            let (id, name) = (object.id(), object.name_any());
            return Err(ApiError::Conflict(format!(
                "{noun} {id} ({name}) is managed by {tool}: suspend or delete it at its source"
            )));
        }
        let uid = object.uid().unwrap_or_default();
        let preconditions = Preconditions { uid: Some(uid.clone()), resource_version: None };
        let params = DeleteParams::background().preconditions(preconditions);
        let name = object.name_any();
        match timeout(CALL, self.api.delete(&name, &params)).await {
            Ok(Ok(_)) => {
                audit("delete", object);
                self.cache.deleted(&name, &uid, Instant::now());
                Ok(())
            }
            // Another UID under this name is another object: ours is gone.
            Ok(Err(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => {
                self.cache.deleted(&name, &uid, Instant::now());
                Err(ApiError::NotFound { thing: K::THING, id: object.id().to_string() })
            }
            Ok(Err(error)) => Err(fault::from_kube(error)),
            Err(_) => Err(fault::timed_out()),
        }
    }

    async fn call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, ApiError> {
        match timeout(CALL, call).await {
            Ok(result) => result.map_err(fault::from_kube),
            Err(_) => Err(fault::timed_out()),
        }
    }

    fn require_ready(&self) -> Result<(), ApiError> {
        if self.cache.is_ready() {
            return Ok(());
        }
        let cause = format!("the cache of {} has not been filled yet", K::kind(&()));
        Err(ApiError::Unavailable { public: "The gateway is starting: try again", cause })
    }
}

fn audit<K: Cached>(verb: &str, object: &K) {
    tracing::info!(
        verb,
        kind = %K::kind(&()),
        name = object.name_any(),
        uid = object.uid(),
        user = object.owner(),
        "write"
    );
}
