//! Who of several operators works: the rules by which they share one Lease.
//!
//! As Kubernetes' own programs do it (client-go's leader election): a rival counts as gone when its Lease has stood
//! unchanged for its whole duration *under our eyes*, so no two clocks are ever compared; and every write names the version
//! it was decided on, so that of several candidates one succeeds, and nobody takes a Lease that was renewed in between.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{ResourceExt as _, core::ObjectMeta};

/// How long things take, all of it derived from the duration of the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    seconds: u16,
}

impl Terms {
    /// A Lease that is free after so many seconds without a renewal.
    pub fn new(seconds: u16) -> Self {
        Self { seconds }
    }

    /// After this time without a renewal the Lease may be taken.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// The holder renews this often.
    pub fn renewal(self) -> Duration {
        self.duration() / 3
    }

    /// After this time without a renewal the holder gives up: before anybody else may believe to hold it.
    pub fn patience(self) -> Duration {
        self.duration() * 2 / 3
    }

    /// Candidates look this often, and a holder tries a failed renewal again after this time.
    pub fn retry(self) -> Duration {
        self.duration() / 8
    }
}

/// What a candidate has seen of the Lease so far.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    last: Option<(String, Duration)>,
}

impl Watched {
    /// Whether the Lease may be taken: nobody holds it, or its holder has not renewed it for its whole duration while we
    /// looked. `now` is any clock that never goes back.
    pub fn may_take(&mut self, lease: &Lease, now: Duration) -> bool {
        if holder(lease).is_none() {
            return true;
        }
        let version = lease.resource_version().unwrap_or_default();
        let since = match &self.last {
            Some((seen, since)) if *seen == version => *since,
            _ => now,
        };
        self.last = Some((version, since));
        now.saturating_sub(since) >= promised(lease)
    }
}

/// Who holds the Lease.
pub fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// The time that the holder has promised to renew within. A Lease that says none is free at once.
fn promised(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// A Lease that did not exist, held by `me`.
pub fn new(name: &str, me: &str, terms: Terms, now: Timestamp) -> Lease {
    let lease = Lease { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, spec: None };
    taken(lease, me, terms, now)
}

/// The Lease as `me` takes it from nobody, or from a holder who is gone.
pub fn taken(lease: Lease, me: &str, terms: Terms, now: Timestamp) -> Lease {
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    let spec = LeaseSpec {
        holder_identity: Some(me.to_owned()),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        lease_duration_seconds: Some(terms.seconds.into()),
        lease_transitions: Some(transitions.map_or(0, |before| before.saturating_add(1))),
        ..LeaseSpec::default()
    };
    Lease { spec: Some(spec), ..without_managed_fields(lease) }
}

/// The Lease as its holder renews it.
pub fn renewed(lease: Lease, now: Timestamp) -> Lease {
    let spec = LeaseSpec { renew_time: Some(MicroTime(now)), ..lease.spec.clone().unwrap_or_default() };
    Lease { spec: Some(spec), ..without_managed_fields(lease) }
}

/// The Lease as its holder gives it back: the next one need not wait.
pub fn released(lease: Lease, now: Timestamp) -> Lease {
    let spec = LeaseSpec { holder_identity: Some(String::new()), ..lease.spec.clone().unwrap_or_default() };
    renewed(Lease { spec: Some(spec), ..lease }, now)
}

/// The API server keeps these itself.
fn without_managed_fields(mut lease: Lease) -> Lease {
    lease.metadata.managed_fields = None;
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of(holder: &str, version: &str) -> Lease {
        let mut lease = new("sky-operator", holder, Terms::new(15), at(0));
        lease.metadata.resource_version = Some(version.to_owned());
        lease
    }

    #[test]
    fn a_free_lease_is_taken_at_once() {
        let mut watched = Watched::default();
        assert!(watched.may_take(&Lease::default(), seconds(0)));
        assert!(watched.may_take(&released(of("a", "1"), at(9)), seconds(0)));
    }

    /// However old its renewal claims to be: clocks of two machines are not compared.
    #[test]
    fn a_held_one_only_after_its_duration_unchanged_under_our_eyes() {
        let mut watched = Watched::default();
        let table = [
            ("1", 100, false),
            ("1", 114, false),
            ("2", 114, false),
            ("2", 128, false),
            ("2", 129, true),
            ("3", 130, false),
        ];
        for (version, now, expected) in table {
            assert_eq!(watched.may_take(&of("a", version), seconds(now)), expected, "{version} at {now}");
        }
    }

    #[test]
    fn the_holder_gives_up_before_anybody_may_take_it() {
        for length in [3, 15, 60, 3600] {
            let terms = Terms::new(length);
            assert!(terms.renewal() + terms.retry() < terms.patience(), "one failed renewal is survived");
            assert!(terms.patience() < terms.duration());
        }
    }

    #[test]
    fn a_change_of_holder_is_counted_and_a_renewal_is_not() {
        let first = new("sky-operator", "a", Terms::new(15), at(0));
        let renewed = renewed(first, at(5));
        let spec = renewed.spec.clone().unwrap();
        assert_eq!(
            (spec.lease_transitions, spec.acquire_time, spec.renew_time.unwrap().0),
            (Some(0), Some(MicroTime(at(0))), at(5))
        );
        let second = taken(released(renewed, at(6)), "b", Terms::new(15), at(7));
        assert_eq!((holder(&second), second.spec.as_ref().unwrap().lease_transitions), (Some("b"), Some(1)));
    }
}
