//! Starts everything: one controller per kind and watched namespace, the admin port, and the supervisor over them.

use std::{collections::BTreeSet, convert::Infallible, io, sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedReceiver, unbounded},
    future, stream,
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Client,
    runtime::{
        Controller, controller,
        reflector::{ObjectRef, Store},
    },
};
use prometheus_client::registry::Registry;
use sky_crd::task::ExposeType;
use sky_operator_core::{
    lease::Terms,
    task::{Policy, resources},
};
use sky_runtime::{
    admin::{self, Readiness},
    client::{self, ClientOptions},
    supervise::{SuperviseError, Supervisor},
    telemetry,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Args, UnknownImage,
    fence::fenced,
    kinds::Kind,
    lead::Candidate,
    machines::{self, Machines},
    memory::Memory,
    metrics::Metrics,
    own_image::agent_image,
    reconcile::{reconcile, retry},
    scope::Scope,
    stores::{Stores, Writers},
    watch::{Triggers, Watch, Watched, without_managed_fields, without_spec, without_template, words_only},
};

/// How long passes in flight may take once the operator is asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the operator ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Logs cannot be written.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// There is no cluster.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// There is no image to bring the agent in.
    #[error(transparent)]
    AgentImage(#[from] UnknownImage),
    /// The admin port cannot be opened.
    #[error("cannot listen on {address}: {source}; choose another with --admin-address")]
    Admin {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A part that runs for ever has ended.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
}

/// Runs the operator until it is asked to stop.
///
/// # Errors
/// When it cannot start, or a part that should run for ever ends.
pub async fn run(args: Args) -> Result<(), RunError> {
    telemetry::init(args.log_format)?;
    let client = client::connect(ClientOptions::new(concat!("sky-operator/", env!("CARGO_PKG_VERSION")))).await?;
    let agent_image = agent_image(&client, &args).await?;
    let placement = resources::Policy {
        spot_marks: args.spot_labels.clone(),
        priority_classes: args.priority_classes.clone(),
        gpu_resources: args.gpu_resources.clone(),
    };
    let policy = Policy {
        default_image: args.default_image.clone(),
        agent_image,
        git_image: args.git_image.clone(),
        placement,
        pod_config: args.allow_pod_config.clone(),
        pod_security: args.pod_security.into(),
        expose: args.expose.policy(),
    };
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let readiness = Readiness::new();
    let mut supervisor = Supervisor::new(DRAIN);
    let elected = CancellationToken::new();
    let candidate = args.leader_election.then(|| stand(&mut supervisor, &client, &args, &readiness, &elected));
    let client = if let Some(candidate) = &candidate {
        fenced(client, candidate.hold())
    } else {
        elected.cancel();
        client
    };
    let machines = read_machines(&mut supervisor, &client, args.read_machines, &elected, &metrics);
    for namespace in namespaces(&args.namespaces) {
        watch_namespace(
            &mut supervisor,
            &client,
            namespace.as_ref(),
            (args.concurrency, &policy, &machines),
            &metrics,
            &readiness,
            &elected,
        );
    }
    let address = args.admin_address;
    let listener = TcpListener::bind(address).await.map_err(|source| RunError::Admin { address, source })?;
    let shutdown = supervisor.shutdown_token();
    supervisor.spawn("admin port", admin::serve(listener, Arc::new(registry), readiness, shutdown));
    let outcome = supervisor.run().await;
    if let Some(candidate) = candidate {
        // Only now: no pass is on its way any more.
        candidate.release().await;
    }
    Ok(outcome?)
}

/// Stands for election; `elected` is cancelled once this process leads.
fn stand(
    supervisor: &mut Supervisor,
    client: &Client,
    args: &Args,
    readiness: &Readiness,
    elected: &CancellationToken,
) -> Arc<Candidate> {
    // A container that is started again in its pod keeps the host name, and is another process all the same.
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "sky-operator".to_owned());
    let me = format!("{host}_{:08x}", rand::random::<u32>());
    let terms = Terms::new(args.lease_duration);
    let namespace = args.lease_namespace.as_deref().unwrap_or(client.default_namespace());
    let candidate = Arc::new(Candidate::new(client, (namespace, &args.lease_name), me, terms, Timestamp::now));
    let (standing, elected, shutdown) = (candidate.clone(), elected.clone(), supervisor.shutdown_token());
    let ready = readiness.component("lease");
    supervisor.spawn("leader election", async move { standing.lead(|| ready.set_ready(), elected, shutdown).await });
    candidate
}

/// Machines are read once for all namespaces, if they are to be.
fn read_machines(
    supervisor: &mut Supervisor,
    client: &Client,
    read: bool,
    elected: &CancellationToken,
    metrics: &Metrics,
) -> Machines {
    let (machines, readers) = machines::machines(read);
    if let Some(readers) = readers {
        let (client, metrics, shutdown) = (client.clone(), metrics.clone(), supervisor.shutdown_token());
        let elected = elected.clone();
        let reading = async move {
            // Who stands by keeps no caches.
            elected.cancelled().await;
            readers.run(client, metrics).await;
        };
        supervisor.spawn("machines", async move {
            tokio::select! {
                () = reading => Err("the stream of events ended"),
                () = shutdown.cancelled() => Ok(()),
            }
        });
    }
    machines
}

/// Every namespace once; `None`, all of them, when none is named.
fn namespaces(named: &[String]) -> Vec<Option<String>> {
    let trimmed = named.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    let each_once: BTreeSet<_> = trimmed.map(str::to_owned).collect();
    if each_once.is_empty() { vec![None] } else { each_once.into_iter().map(Some).collect() }
}

/// The watches of a namespace and the two controllers that they trigger.
fn watch_namespace(
    supervisor: &mut Supervisor,
    client: &Client,
    namespace: Option<&String>,
    (concurrency, policy, machines): (u16, &Policy, &Machines),
    metrics: &Metrics,
    readiness: &Readiness,
    elected: &CancellationToken,
) {
    let (stores, writers) = Stores::new();
    let (task_sender, task_queue) = unbounded();
    let (volume_sender, volume_queue) = unbounded();
    let scope = Arc::new(Scope {
        client: client.clone(),
        namespace: namespace.cloned(),
        stores,
        memory: Memory::default(),
        policy: policy.clone(),
        machines: machines.clone(),
        metrics: metrics.clone(),
        clock: Timestamp::now,
        jitter: rand::random,
    });
    let triggers = Triggers { tasks: task_sender, volumes: volume_sender };
    start_watches(supervisor, &scope, &triggers, elected, writers);
    let place = namespace.map_or_else(|| "all namespaces".to_owned(), Clone::clone);
    let ready = readiness.component(format!("caches of {place}"));
    if !elected.is_cancelled() {
        // Who stands by keeps no caches and takes over at any time: a rolling update must not wait for more.
        ready.set_ready();
    }
    let (elected, token) = (elected.clone(), supervisor.shutdown_token());
    supervisor.spawn("controllers", async move {
        let leading = async {
            elected.cancelled().await;
            ready.set_not_ready();
            tracing::info!(namespace = place, "watching");
            // One waiter for all: kube wakes only the last that waits for a store.
            tokio::join!(scope.stores.filled(), scope.machines.read());
        };
        tokio::select! {
            () = leading => {}
            () = token.cancelled() => return Ok::<_, Infallible>(()),
        }
        ready.set_ready();
        let tasks = control(scope.clone(), scope.stores.tasks.store().clone(), task_queue, concurrency, token.clone());
        let volumes =
            control(scope.clone(), scope.stores.volumes.store().clone(), volume_queue, concurrency, token.clone());
        tokio::join!(tasks, volumes);
        Ok(())
    });
}

fn start_watches(
    supervisor: &mut Supervisor,
    scope: &Arc<Scope>,
    triggers: &Triggers,
    elected: &CancellationToken,
    writers: Writers,
) {
    let shelves = &scope.stores;
    let ours = "skypilot-task=true";
    let tasks =
        Watch::of("skytasks", (shelves.tasks.clone(), writers.tasks), without_managed_fields, Triggers::on_task);
    let volumes = Watch::of(
        "skyvolumes",
        (shelves.volumes.clone(), writers.volumes),
        without_managed_fields,
        Triggers::on_volume,
    );
    let claims =
        Watch::of("claims", (shelves.claims.clone(), writers.claims), without_managed_fields, Triggers::on_claim);
    let jobs = Watch::of("jobs", (shelves.jobs.clone(), writers.jobs), without_template, Triggers::on_job);
    let pods = Watch::of("pods", (shelves.pods.clone(), writers.pods), without_spec, Triggers::on_pod);
    let warnings = Watch::of("events", (shelves.warnings.clone(), writers.warnings), words_only, Triggers::on_warning);
    let pulls = Watch::of("pulls", (shelves.pulls.clone(), writers.pulls), words_only, Triggers::on_warning);
    start(supervisor, scope, triggers, elected, tasks);
    start(supervisor, scope, triggers, elected, volumes);
    start(supervisor, scope, triggers, elected, claims);
    start(supervisor, scope, triggers, elected, Watch { labels: ours, ..jobs });
    start(supervisor, scope, triggers, elected, Watch { labels: ours, ..pods });
    start(supervisor, scope, triggers, elected, Watch { fields: "type=Warning", ..warnings });
    // What no task may have needs no right to be watched.
    if scope.policy.expose.allows(ExposeType::LoadBalancer) {
        let cache = (shelves.load_balancers.clone(), writers.load_balancers);
        let watch = Watch::of("services", cache, without_managed_fields, Triggers::on_address);
        start(supervisor, scope, triggers, elected, Watch { labels: ours, fields: "spec.type=LoadBalancer", ..watch });
    }
    if scope.policy.expose.allows(ExposeType::Ingress) {
        let cache = (shelves.ingresses.clone(), writers.ingresses);
        let watch = Watch::of("ingresses", cache, without_managed_fields, Triggers::on_address);
        start(supervisor, scope, triggers, elected, Watch { labels: ours, ..watch });
    }
    // No field tells of a pull that goes on: the kubelet reports a pod only when it has ended.
    start(supervisor, scope, triggers, elected, Watch { fields: "reason=Pulling", ..pulls });
}

fn start<K: Watched>(
    supervisor: &mut Supervisor,
    scope: &Arc<Scope>,
    triggers: &Triggers,
    elected: &CancellationToken,
    watch: Watch<K>,
) {
    let (scope, triggers, shutdown) = (scope.clone(), triggers.clone(), supervisor.shutdown_token());
    let elected = elected.clone();
    supervisor.spawn("watch", async move {
        let memory = scope.clone();
        let gone = move |object: &K| memory.memory.forget(object.meta().uid.as_deref().unwrap_or_default());
        let watching = async {
            elected.cancelled().await;
            let (client, namespace) = (scope.client.clone(), scope.namespace.clone());
            watch.run(client, namespace, scope.stores.clone(), triggers, scope.metrics.clone(), gone).await;
        };
        tokio::select! {
            () = watching => Err("the stream of events ended"),
            () = shutdown.cancelled() => Ok(()),
        }
    });
}

/// Makes the passes that the triggers ask for. Every cache must be filled: what is missing from an unread cache is not
/// missing from the cluster.
async fn control<K: Kind>(
    scope: Arc<Scope>,
    reader: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    concurrency: u16,
    shutdown: CancellationToken,
) {
    tracing::info!(kind = K::NAME, objects = reader.len(), "caches are filled");
    let config = controller::Config::default().concurrency(concurrency);
    Controller::for_stream(stream::pending(), reader)
        .with_config(config)
        .reconcile_on(queue)
        .graceful_shutdown_on(shutdown.cancelled_owned())
        .run(reconcile::<K>, |object, error, scope| retry(&*object, error, &scope), scope)
        .for_each(|result| {
            match result {
                Ok((object, _)) => tracing::debug!(kind = K::NAME, %object, "pass"),
                // Deleted between the trigger and the pass.
                Err(controller::Error::ObjectNotFound(_)) => {}
                Err(controller::Error::ReconcilerFailed(error, object)) => {
                    tracing::warn!(kind = K::NAME, %object, class = error.class().as_str(), %error, "a pass failed and will be tried again");
                }
                Err(error) => tracing::error!(kind = K::NAME, %error, "the controller's queue failed"),
            }
            future::ready(())
        })
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_namespace_is_all_and_none_is_watched_twice() {
        assert_eq!(namespaces(&[]), [None]);
        assert_eq!(namespaces(&[String::new()]), [None]);
        let named = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(namespaces(&named), [Some("a".to_owned()), Some("b".to_owned())]);
    }
}
