//! What holds for the planner whatever has happened before.

use proptest::prelude::*;
use sky_crd::task::{SkyTask, SkyTaskStatus};

use super::{
    ObservedTask,
    fixture::{apply, at, collect_garbage, pod, stored, task, valid},
    is_finished, plan,
};
use crate::plan::{Plan, Write};

/// What may happen to one node's Job between two passes.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Nothing,
    Runs,
    Succeeds,
    Fails(i32),
    Deleted,
    Stolen,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Nothing),
        4 => Just(Fate::Runs),
        3 => Just(Fate::Succeeds),
        2 => (1..255).prop_map(Fate::Fails),
        1 => Just(Fate::Deleted),
        1 => Just(Fate::Stolen),
    ]
}

fn befall(observed: &mut ObservedTask, name: &str, fate: Fate, second: i64) {
    let Some(position) = observed.jobs.iter().position(|job| job.metadata.name.as_deref() == Some(name)) else {
        return;
    };
    let job = observed.jobs[position].clone();
    let end = |code: i32| serde_json::json!({"terminated": {"exitCode": code, "finishedAt": at(second).to_string()}});
    let new = match fate {
        Fate::Nothing => return,
        Fate::Runs => pod(&job, "Running", serde_json::json!({"running": {"startedAt": at(second).to_string()}})),
        Fate::Succeeds => pod(&job, "Succeeded", end(0)),
        Fate::Fails(code) => pod(&job, "Failed", end(code)),
        Fate::Deleted => {
            observed.jobs.remove(position);
            return;
        }
        Fate::Stolen => {
            observed.jobs[position].metadata.owner_references.as_mut().unwrap()[0].uid = "another".to_owned();
            return;
        }
    };
    observed.pods.retain(|known| known.metadata.name != new.metadata.name);
    observed.pods.push(new);
}

/// One pass; `None` when it would create a Job whose name a foreign object has (the API server refuses that).
fn pass(task: &mut SkyTask, observed: &mut ObservedTask, second: i64) -> Option<Plan<SkyTaskStatus>> {
    let mut next = plan(&valid(task), observed, at(second));
    if next.doubt {
        observed.jobs_are_live = true;
        next = plan(&valid(task), observed, at(second));
    }
    for write in &next.writes {
        if let Write::CreateJob(job) = write
            && observed.jobs.iter().any(|known| known.metadata.name == job.metadata.name)
        {
            return None;
        }
    }
    apply(observed, &next);
    if !next.writes.is_empty() {
        next = plan(&valid(task), observed, at(second));
    }
    observed.jobs_are_live = false;
    if let Some(status) = &next.status {
        task.status = Some(status.clone());
    }
    Some(next)
}

proptest! {
    /// A pass that changed something is followed by one that changes nothing, if nothing happens in between.
    #[test]
    fn comes_to_rest(nodes in 1u32..6, fates in prop::collection::vec((0u32..6, fate()), 0..24)) {
        let (mut task, mut observed) = (task(nodes), ObservedTask::default());
        for (step, (index, fate)) in (0i64..).zip(fates) {
            if pass(&mut task, &mut observed, step * 10).is_none() { return Ok(()); }
            let names = task.names();
            befall(&mut observed, &names.job(index % nodes, 0), fate, step * 10 + 1);
        }
        observed.noticed = Some(at(0));
        // A task of which one node has failed takes some, in which the others are ended.
        for second in (1000..3000).step_by(100) {
            if pass(&mut task, &mut observed, second).is_none() { return Ok(()); }
            collect_garbage(&mut observed);
        }
        let rest = plan(&valid(&task), &observed, at(4000));
        prop_assert!(rest.is_empty(), "{rest:?}");
    }

    /// From every set of Jobs that a crash can leave behind, exactly the missing ones are made.
    #[test]
    fn completes_every_partial_creation(nodes in 1u32..20, made in prop::collection::vec(any::<bool>(), 20)) {
        let (task, mut observed) = (task(nodes), ObservedTask::default());
        let all: Vec<_> = plan(&valid(&task), &observed, at(0)).writes.into_iter().filter_map(|write| match write {
            Write::CreateJob(job) => Some(*job),
            _ => None,
        }).collect();
        observed.jobs = all.iter().zip(&made).filter(|(_, made)| **made).map(|(job, _)| stored(job)).collect();
        let missing = nodes as usize - observed.jobs.len();
        let next = plan(&valid(&task), &observed, at(0));
        let jobs = next.writes.iter().filter(|write| matches!(write, Write::CreateJob(_))).count();
        prop_assert_eq!(jobs, missing);
    }

    /// No write ever names or changes an object that another object controls, and a finished task is never touched.
    #[test]
    fn never_touches_what_is_not_its_own(nodes in 1u32..6, fates in prop::collection::vec((0u32..6, fate()), 0..24)) {
        let (mut task, mut observed) = (task(nodes), ObservedTask::default());
        for (step, (index, fate)) in (0i64..).zip(fates) {
            let finished = task.status.as_ref().is_some_and(is_finished);
            let next = plan(&valid(&task), &observed, at(step * 10));
            prop_assert!(!finished || next.is_empty());
            for write in &next.writes {
                let owners = match write {
                    Write::CreateJob(job) | Write::CreateChangedJob { job, .. } => &job.metadata.owner_references,
                    Write::PutService(service) => &service.metadata.owner_references,
                    Write::PutIngress(ingress) => &ingress.metadata.owner_references,
                    Write::CreateNetwork { service, token } => {
                        prop_assert_eq!(&token.metadata.owner_references, &None, "the Service's, once that has a UID");
                        &service.metadata.owner_references
                    }
                    Write::CreateScripts(scripts) => &scripts.metadata.owner_references,
                    Write::DeleteJob { uid, .. } => {
                        let job = observed.jobs.iter().find(|job| job.metadata.uid.as_ref() == Some(uid)).unwrap();
                        prop_assert!(task.status.as_ref().unwrap().ending.is_some(), "nobody asked for an end");
                        &job.metadata.owner_references
                    }
                    Write::DeleteAddress { .. } | Write::DeleteExtras { .. } | Write::DeleteTask { .. } => return Err(TestCaseError::fail("nobody asked for an end")),
                    Write::CreateClaim(_) | Write::GrowClaim { .. } | Write::SetClaimOwners { .. } => return Err(TestCaseError::fail("a claim is no child of a task")),
                };
                prop_assert_eq!(owners.as_ref().unwrap()[0].uid.as_str(), task.metadata.uid.as_deref().unwrap());
            }
            if pass(&mut task, &mut observed, step * 10).is_none() { return Ok(()); }
            befall(&mut observed, &task.names().job(index % nodes, 0), fate, step * 10 + 1);
        }
    }

    /// A node that has ended keeps its end.
    #[test]
    fn ends_are_final(nodes in 1u32..5, fates in prop::collection::vec((0u32..5, fate()), 1..24)) {
        let (mut task, mut observed) = (task(nodes), ObservedTask::default());
        let mut ends = std::collections::BTreeMap::new();
        for (step, (index, fate)) in (0i64..).zip(fates) {
            if pass(&mut task, &mut observed, step * 10).is_none() { return Ok(()); }
            for node in &task.status.as_ref().unwrap().nodes {
                if node.phase.is_final() {
                    let known = ends.entry(node.index).or_insert_with(|| node.clone());
                    prop_assert_eq!(&*known, node);
                }
            }
            befall(&mut observed, &task.names().job(index % nodes, 0), fate, step * 10 + 1);
        }
    }
}
