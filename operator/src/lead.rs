//! Leader election: of several operators one works, the others wait.
//!
//! The rules are in [`sky_operator_core::lease`]; here are the requests and the clock. Why not kube-lease-manager, which
//! fits kube 5: it frees an expired lease by a patch without a version, so that a candidate who read just before a
//! renewal takes the lease from a live holder; it compares the clocks of two machines; and a holder that cannot reach the
//! API server goes on believing in its lease for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{api::coordination::v1::Lease, jiff::Timestamp};
use kube::{Api, Client, ResourceExt as _, api::PostParams};
use sky_operator_core::lease::{self, Terms, Watched};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long giving the lease back may take when the process ends.
const RELEASE: Duration = Duration::from_secs(3);

/// Why the process may not go on working.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// Somebody else has it.
    #[error("the lease {lease} was taken over by {holder}; this process ends and, started again, waits for its turn")]
    Taken { lease: String, holder: String },
    /// The API server did not take a renewal in time, or the process was stopped for that long.
    #[error(
        "the lease {lease} was not renewed for {seconds} s ({why}); this process ends, since another may have taken over"
    )]
    Expired { lease: String, seconds: u64, why: String },
    /// Somebody has deleted it.
    #[error("the lease {lease} was deleted; this process ends and, started again, makes a new one")]
    Deleted { lease: String },
}

/// Until when this process may write; cheap to clone, all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    begin: Instant,
    until: Arc<AtomicU64>,
}

impl Hold {
    fn none() -> Self {
        Self { begin: Instant::now(), until: Arc::default() }
    }

    /// Whether the lease is held at this moment.
    pub(crate) fn is_valid(&self) -> bool {
        millis(self.begin.elapsed()) < self.until.load(Ordering::Acquire)
    }

    /// Held for `terms` from `start`, when the request was sent that renewed it.
    fn extend(&self, start: Instant, terms: Terms) {
        let until = start.duration_since(self.begin) + terms.patience();
        self.until.store(millis(until), Ordering::Release);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Release);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One process that wants the lease, or has it.
pub(crate) struct Candidate {
    api: Api<Lease>,
    namespace: String,
    name: String,
    me: String,
    terms: Terms,
    hold: Hold,
    clock: fn() -> Timestamp,
}

impl Candidate {
    /// A candidate for the lease of this namespace and name, as which it is `me`.
    pub(crate) fn new(
        client: &Client,
        (namespace, name): (&str, &str),
        me: String,
        terms: Terms,
        clock: fn() -> Timestamp,
    ) -> Self {
        let api = Api::namespaced(client.clone(), namespace);
        Self { api, namespace: namespace.to_owned(), name: name.to_owned(), me, terms, hold: Hold::none(), clock }
    }

    /// Until when this process may write.
    pub(crate) fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// Waits for the lease, cancels `elected` once it is held, and holds it until `shutdown`; the lease then stays until
    /// [`Self::release`] or its end, for the passes that are still on their way.
    pub(crate) async fn lead(
        &self,
        standing_by: impl Fn(),
        elected: CancellationToken,
        shutdown: CancellationToken,
    ) -> Result<(), Lost> {
        let leading = async {
            let (lease, since) = self.acquire(standing_by).await;
            tracing::info!(lease = self.lease(), me = self.me, "leading");
            elected.cancel();
            self.keep(lease, since).await
        };
        tokio::select! {
            lost = leading => {
                self.hold.end();
                Err(lost)
            }
            () = shutdown.cancelled() => Ok(()),
        }
    }

    /// Gives the lease back if this process has it, so that the next one need not wait for its end.
    pub(crate) async fn release(&self) {
        self.hold.end();
        let release = async {
            let lease = self.api.get_opt(&self.name).await?;
            let Some(mine) = lease.filter(|lease| lease::holder(lease) == Some(&self.me)) else { return Ok(()) };
            self.write(&lease::released(mine, (self.clock)())).await?;
            tracing::info!(lease = self.lease(), "the lease is given back");
            Ok::<_, kube::Error>(())
        };
        match timeout(RELEASE, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, lease = self.lease(), "the lease ends by itself"),
            Err(_) => tracing::warn!(lease = self.lease(), "the lease ends by itself: no answer in time"),
        }
    }

    /// The lease once it is ours, and since when.
    async fn acquire(&self, standing_by: impl Fn()) -> (Lease, Instant) {
        let mut watched = Watched::default();
        let mut rival = None;
        loop {
            let start = Instant::now();
            match timeout(self.terms.patience(), self.try_acquire(&mut watched)).await {
                Ok(Ok(Attempt::Taken(lease))) => {
                    self.hold.extend(start, self.terms);
                    standing_by();
                    return (*lease, start);
                }
                Ok(Ok(Attempt::HeldBy(holder))) => {
                    standing_by();
                    if rival.as_ref() != Some(&holder) {
                        tracing::info!(lease = self.lease(), holder, me = self.me, "standing by");
                        rival = Some(holder);
                    }
                }
                // Somebody else was quicker.
                Ok(Err(kube::Error::Api(status))) if status.code == 409 => {}
                Ok(Err(error)) => tracing::warn!(%error, lease = self.lease(), "the lease cannot be had; trying again"),
                Err(_) => tracing::warn!(lease = self.lease(), "no answer about the lease in time; trying again"),
            }
            sleep(self.terms.retry()).await;
        }
    }

    async fn try_acquire(&self, watched: &mut Watched) -> Result<Attempt, kube::Error> {
        let now = (self.clock)();
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let new = lease::new(&self.name, &self.me, self.terms, now);
            let created = self.api.create(&PostParams::default(), &new).await?;
            return Ok(Attempt::Taken(Box::new(created)));
        };
        // A write of ours may have been taken although its answer was lost.
        let mine = lease::holder(&lease) == Some(&self.me);
        if !mine && !watched.may_take(&lease, self.hold.begin.elapsed()) {
            return Ok(Attempt::HeldBy(lease::holder(&lease).unwrap_or_default().to_owned()));
        }
        let taken = self.write(&lease::taken(lease, &self.me, self.terms, now)).await?;
        Ok(Attempt::Taken(Box::new(taken)))
    }

    /// Renews the lease until it is lost.
    async fn keep(&self, mut lease: Lease, mut renewed: Instant) -> Lost {
        let stopped = || "the process did not run".to_owned();
        let (mut pause, mut why) = (self.terms.renewal(), stopped());
        loop {
            let end = renewed + self.terms.patience();
            sleep_until(end.min(Instant::now() + pause)).await;
            let start = Instant::now();
            if start >= end {
                return Lost::Expired { lease: self.lease(), seconds: start.duration_since(renewed).as_secs(), why };
            }
            match timeout_at(end, self.renew(&lease)).await {
                Ok(Ok(new)) => {
                    self.hold.extend(start, self.terms);
                    (lease, renewed) = (new, start);
                    (pause, why) = (self.terms.renewal(), stopped());
                }
                Ok(Err(Renewal::Lost(lost))) => return lost,
                Ok(Err(Renewal::Failed(error))) => {
                    tracing::warn!(%error, lease = self.lease(), "the lease could not be renewed; trying again");
                    (pause, why) = (self.terms.retry(), error.to_string());
                }
                Err(_) => "no answer in time".clone_into(&mut why),
            }
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<Lease, Renewal> {
        match self.write(&lease::renewed(lease.clone(), (self.clock)())).await {
            Err(kube::Error::Api(status)) if status.code == 409 => self.renew_newer().await,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                Err(Renewal::Lost(Lost::Deleted { lease: self.lease() }))
            }
            other => other.map_err(Renewal::Failed),
        }
    }

    /// Somebody has changed the lease: a label by hand, or its holder.
    async fn renew_newer(&self) -> Result<Lease, Renewal> {
        let lease = self.api.get(&self.name).await.map_err(Renewal::Failed)?;
        match lease::holder(&lease) {
            Some(holder) if holder == self.me => {
                self.write(&lease::renewed(lease, (self.clock)())).await.map_err(Renewal::Failed)
            }
            holder => {
                let holder = holder.unwrap_or("nobody").to_owned();
                Err(Renewal::Lost(Lost::Taken { lease: self.lease(), holder }))
            }
        }
    }

    /// A write of exactly the version that was read, or 409.
    async fn write(&self, lease: &Lease) -> Result<Lease, kube::Error> {
        self.api.replace(&lease.name_any(), &PostParams::default(), lease).await
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

enum Attempt {
    Taken(Box<Lease>),
    HeldBy(String),
}

enum Renewal {
    Lost(Lost),
    Failed(kube::Error),
}

#[cfg(test)]
#[path = "lead_tests.rs"]
mod tests;
