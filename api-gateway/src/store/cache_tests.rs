use sky_crd::{TaskId, User, api::TaskRequest, task::SkyTask};

use super::*;

fn task(bits: u32, user: &str, uid: &str) -> SkyTask {
    let user: User = user.parse().unwrap();
    let request = TaskRequest { name: Some("t".to_owned()), run: Some("x".to_owned()), ..TaskRequest::default() };
    let mut task = request.into_task(&TaskId::from_bits(bits), &user, "default").unwrap();
    task.metadata.uid = Some(uid.to_owned());
    task
}

fn listed(cache: &Cache<SkyTask>, user: Option<&str>) -> Vec<String> {
    let mut ids: Vec<_> = cache.list(user).iter().map(|task| task.task_id().to_string()).collect();
    ids.sort();
    ids
}

fn relist(cache: &Cache<SkyTask>, tasks: Vec<SkyTask>, now: Instant) {
    cache.apply(Event::Init, now);
    for task in tasks {
        cache.apply(Event::InitApply(task), now);
    }
    cache.apply(Event::InitDone, now);
}

#[test]
fn lists_by_owner_and_never_by_label() {
    let (cache, now) = (Cache::default(), Instant::now());
    assert!(!cache.is_ready());
    relist(&cache, vec![task(1, "a@b", "1"), task(2, "a-b", "2")], now);
    assert!(cache.is_ready());
    assert_eq!(listed(&cache, Some("a@b")), ["00000001"]);
    assert_eq!(listed(&cache, Some("a-b")), ["00000002"]);
    assert_eq!(listed(&cache, None), ["00000001", "00000002"]);
    assert!(cache.find("a@b", &TaskId::from_bits(2)).is_empty());
    assert!(cache.list(None).iter().all(|task| task.spec.run.is_none()), "scripts are not kept");
}

#[test]
fn own_creates_are_there_at_once_and_only_as_long_as_they_may_be() {
    let (cache, now) = (Cache::default(), Instant::now());
    relist(&cache, vec![], now);
    cache.created(task(1, "u", "1"), now);
    assert_eq!(listed(&cache, Some("u")), ["00000001"]);
    // A list that began before our create does not know it.
    relist(&cache, vec![], now);
    assert_eq!(cache.find("u", &TaskId::from_bits(1)).len(), 1);
    cache.apply(Event::Apply(task(1, "u", "1")), now);
    cache.apply(Event::Delete(task(1, "u", "1")), now);
    assert!(listed(&cache, None).is_empty());
    cache.created(task(1, "u", "1"), now);
    assert!(listed(&cache, None).is_empty(), "the answer to our create came after the delete");
    cache.created(task(2, "u", "2"), now);
    cache.apply(Event::Init, now + OVERLAY);
    assert!(listed(&cache, None).is_empty(), "the watch never showed it");
}

#[test]
fn own_deletes_are_gone_at_once() {
    let (cache, now) = (Cache::default(), Instant::now());
    relist(&cache, vec![task(1, "u", "1"), task(2, "u", "2")], now);
    cache.deleted("t-00000001", "1", now);
    assert_eq!(listed(&cache, Some("u")), ["00000002"]);
    cache.apply(Event::Apply(task(1, "u", "1")), now);
    assert_eq!(listed(&cache, None), ["00000002"]);
    // The same name with another UID is another object.
    cache.apply(Event::Apply(task(1, "u", "9")), now);
    assert_eq!(listed(&cache, None), ["00000001", "00000002"]);
}

#[test]
fn an_object_that_changes_its_owner_leaves_no_trace_behind() {
    let (cache, now) = (Cache::default(), Instant::now());
    relist(&cache, vec![task(1, "u", "1")], now);
    cache.apply(Event::Apply(task(1, "v", "2")), now);
    assert!(listed(&cache, Some("u")).is_empty());
    assert_eq!(listed(&cache, Some("v")), ["00000001"]);
    assert_eq!(cache.read().index.len(), 1);
}

#[test]
fn followers_see_every_end() {
    let (cache, now) = (Cache::default(), Instant::now());
    relist(&cache, vec![task(1, "u", "1")], now);
    let unknown = cache.follow(&task(3, "u", "3"));
    assert!(unknown.borrow().is_some(), "the API server has it, the watch lags");
    let followed = cache.follow(&task(1, "u", "1"));
    assert!(followed.borrow().is_some());
    relist(&cache, vec![], now);
    assert!(followed.borrow().is_none());
    assert!(cache.follow(&task(1, "u", "1")).borrow().is_none(), "the watch knows better than an older answer");
}
