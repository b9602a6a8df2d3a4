//! What the Python original answered over HTTP and on its command line, replayed against our gateway and our command line.
//!
//! `tests/recordings/recordings.jsonl` has one scenario a line: the steps of a user, each with the answer of the original.
//! [`notes`] says where a recorded answer may vary, [`ours`] where ours differs on purpose; all else must be the same.

mod compare;
mod masks;
mod notes;
mod ours;
mod replay;
mod scenario;
mod text;

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use sky_tests::cluster::room_for;

use self::scenario::{Scenario, Section};

/// How many scenarios are on their way at once. Those with pods wait for room in the cluster besides.
const AT_ONCE: usize = 16;

/// All pods that there may be: who has room for them is alone.
const ALONE: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn over_http() {
    replay_section(Section::Http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_command_line() {
    replay_section(Section::CommandLine).await;
}

/// These list and stop what belongs to anybody, so nobody else may have tasks meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn of_all_users() {
    let _alone = room_for(ALONE).await;
    report(stream::iter(section(Section::AllUsers)).then(replay::replay).collect().await);
}

#[test]
fn every_recording_is_covered() {
    let scenarios = scenario::all();
    let ids: BTreeSet<_> = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    assert_eq!((ids.len(), scenarios.len()), (152, 152), "ids are unique and none is lost");
    let replayed = [Section::Http, Section::CommandLine, Section::AllUsers].into_iter().flat_map(section);
    assert_eq!(replayed.map(|scenario| scenario.id).collect::<BTreeSet<_>>(), ids, "each is in a section");

    let different: BTreeSet<_> =
        scenarios.iter().filter(|scenario| scenario.ours.is_some()).map(|scenario| scenario.id.as_str()).collect();
    let asserted: BTreeSet<_> = ours::ids().collect();
    assert_eq!(different, asserted, "what is ours has an assertion of its own, and nothing else has");
    assert!(ours::elsewhere().all(|id| ids.contains(id)), "the recordings that show their cluster are there");
    for Scenario { id, steps, .. } in &scenarios {
        assert!(ours::changes(id, steps).is_none_or(|changes| !changes.is_empty()), "{id} asserts nothing of its own");
    }
    for scenario in scenarios.iter().filter(|scenario| scenario.ours.is_none()) {
        let note = scenario.note.as_deref();
        assert!(note.is_none_or(notes::is_known), "{}: nothing follows from its note: {note:?}", scenario.id);
    }
}

fn section(section: Section) -> Vec<Scenario> {
    scenario::all().into_iter().filter(|scenario| scenario.section() == section).collect()
}

async fn replay_section(name: Section) {
    let replayed = stream::iter(section(name)).map(|scenario| async {
        let id = scenario.id.clone();
        // A task of its own: a panic is one scenario's failure, not the section's.
        tokio::spawn(replay::with_room(scenario)).await.unwrap_or_else(|error| Err(format!("{id}: {error}")))
    });
    report(replayed.buffer_unordered(AT_ONCE).collect().await);
}

/// Fails with all differences, unless there are none.
fn report(results: Vec<Result<(), String>>) {
    let all = results.len();
    let differences: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(
        differences.is_empty(),
        "{} of {all} scenarios differ:\n\n{}\n",
        differences.len(),
        differences.join("\n\n")
    );
}
