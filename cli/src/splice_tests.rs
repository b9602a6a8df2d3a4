use proptest::prelude::*;

use super::*;

/// A line: rank, nanoseconds since the epoch, text without newline.
type Written = (u32, i64, Vec<u8>);

fn stamp_of(nanos: i64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

/// What the gateway answers: the stamped lines from where the resumption wants them.
fn answer(lines: &[Written], several: bool, resume: &Resume) -> Vec<u8> {
    let since = match resume {
        Resume::From(second) => second.parse::<Timestamp>().unwrap().as_nanosecond(),
        _ => i128::MIN,
    };
    let mut bytes = Vec::new();
    for (rank, nanos, text) in lines.iter().filter(|(_, nanos, _)| i128::from(*nanos) >= since) {
        if several {
            bytes.extend_from_slice(format!("node-{rank} | ").as_bytes());
        }
        bytes.extend_from_slice(format!("{} ", stamp_of(*nanos)).as_bytes());
        bytes.extend_from_slice(text);
        bytes.push(b'\n');
    }
    bytes
}

fn shown(lines: &[Written], several: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (rank, _, text) in lines {
        if several {
            bytes.extend_from_slice(format!("node-{rank} | ").as_bytes());
        }
        bytes.extend_from_slice(text);
        bytes.push(b'\n');
    }
    bytes
}

/// The lines of one node, in their order.
fn of_node(bytes: &[u8], rank: u32) -> Vec<Vec<u8>> {
    let prefix = format!("node-{rank} | ");
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(prefix.as_bytes()));
    lines.map(<[u8]>::to_vec).collect()
}

fn written() -> impl Strategy<Value = Vec<Written>> {
    // Stamps go forward in steps of up to two seconds, with jitter: two streams are stamped apart.
    let text = prop_oneof![
        8 => proptest::collection::vec(any::<u8>().prop_filter("no newline", |byte| *byte != b'\n'), 0..12),
        1 => Just(b"[k8s-cli: not really".to_vec()),
        1 => Just(b"2026-11-24T10:00:00.000000000Z own time".to_vec()),
    ];
    let steps = proptest::collection::vec((0u32..3, 0i64..2_000_000_000, -900_000i64..900_000, text), 1..40);
    steps.prop_map(|steps| {
        let mut now = 1_700_000_000_000_000_000i64;
        let line = |(rank, step, jitter, text): (u32, i64, i64, Vec<u8>)| {
            // Half of the lines share their second with the one before.
            now += if step % 2 == 0 { step / 1000 } else { step };
            (rank, now + jitter, text)
        };
        steps.into_iter().map(line).collect()
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bytes(lines in written(), sizes in proptest::collection::vec(1usize..50, 1..50), several: bool) {
        let bytes = answer(&lines, several, &Resume::FromStart);
        let (mut splice, mut out, mut rest) = (Splice::new(false), Vec::new(), bytes.as_slice());
        for size in sizes.iter().cycle() {
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            splice.feed(chunk, &mut out);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        splice.finish(&mut out);
        prop_assert_eq!(out, shown(&lines, several));
    }

    #[test]
    fn any_cuts_of_one_node_lose_nothing_and_repeat_nothing(lines in written(), cuts in proptest::collection::vec(0usize..900, 0..20)) {
        let (mut splice, mut out, mut resume) = (Splice::new(false), Vec::new(), Resume::FromStart);
        for cut in cuts {
            let bytes = answer(&lines, false, &resume);
            splice.feed(&bytes[..cut.min(bytes.len())], &mut out);
            resume = splice.broke(1);
        }
        splice.feed(&answer(&lines, false, &resume), &mut out);
        splice.finish(&mut out);
        prop_assert_eq!(out, shown(&lines, false));
    }

    #[test]
    fn any_cuts_of_several_nodes_keep_the_lines_of_each(lines in written(), cuts in proptest::collection::vec((0usize..900, 0u32..3), 0..20)) {
        let nodes = lines.iter().map(|line| line.0).collect::<std::collections::BTreeSet<_>>().len();
        let (mut splice, mut out, mut resume) = (Splice::new(false), Vec::new(), Resume::FromStart);
        for (cut, ahead) in cuts {
            // Nodes come in another order every time.
            let mut order = lines.clone();
            order.sort_by_key(|line| (line.0 + ahead) % 3);
            let bytes = answer(&order, true, &resume);
            splice.feed(&bytes[..cut.min(bytes.len())], &mut out);
            resume = splice.broke(nodes);
        }
        splice.feed(&answer(&lines, true, &resume), &mut out);
        splice.finish(&mut out);
        for rank in 0..3 {
            prop_assert_eq!(of_node(&out, rank), of_node(&shown(&lines, true), rank));
        }
    }

    #[test]
    fn without_stamps_every_byte_is_passed_on(bytes in proptest::collection::vec(any::<u8>(), 0..300), sizes in proptest::collection::vec(1usize..50, 1..50)) {
        let (mut splice, mut out, mut rest) = (Splice::new(false), Vec::new(), bytes.as_slice());
        for size in sizes.iter().cycle() {
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            splice.feed(chunk, &mut out);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        splice.finish(&mut out);
        prop_assert_eq!(out, bytes);
    }
}

const FIRST: &str = "2026-11-24T10:00:00.100000000Z ";
const LATER: &str = "2026-11-24T10:00:07.500000000Z ";

fn fed(splice: &mut Splice, text: &str) -> String {
    let mut out = Vec::new();
    splice.feed(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_next_connection_begins_a_second_before_the_last_line() {
    let mut splice = Splice::new(false);
    assert_eq!(splice.broke(1), Resume::FromStart);
    fed(&mut splice, &format!("{FIRST}a\n{LATER}b\n"));
    assert_eq!(splice.broke(1), Resume::From("2026-11-24T10:00:06Z".to_owned()));
    assert_eq!(splice.broke(2), Resume::FromStart, "one node has said nothing yet");
}

#[test]
fn lines_without_stamps_cannot_be_resumed_and_are_shown_at_once() {
    let mut splice = Splice::new(false);
    assert_eq!(fed(&mut splice, "2026"), "", "may be a stamp");
    assert_eq!(fed(&mut splice, " steps"), "2026 steps");
    assert_eq!(splice.broke(1), Resume::Impossible);
    assert_eq!(fed(&mut Splice::new(false), "50%"), "50%");
}

#[test]
fn stamps_are_shown_to_those_who_ask() {
    let text = format!("node-0 | {FIRST}a\nnode-1 | {LATER}b\n");
    assert_eq!(fed(&mut Splice::new(true), &text), text);
    assert_eq!(fed(&mut Splice::new(false), &text), "node-0 | a\nnode-1 | b\n");
}

#[test]
fn an_empty_line_keeps_its_blanks() {
    assert_eq!(fed(&mut Splice::new(false), &format!("{FIRST}\n{FIRST}  x\n{}\n", FIRST.trim())), "\n  x\n\n");
}

#[test]
fn what_the_cluster_no_longer_has_leaves_a_mark() {
    let mut splice = Splice::new(false);
    fed(&mut splice, &format!("{FIRST}a\n"));
    splice.broke(1);
    assert_eq!(fed(&mut splice, &format!("{LATER}c\n")).as_bytes(), [GAP, b"c\n"].concat());
}

#[test]
fn lines_before_the_first_one_asked_for_stay_away() {
    let mut splice = Splice::new(false);
    fed(&mut splice, &format!("{FIRST}the last of --tail 1\n"));
    splice.broke(1);
    let earlier = "2026-11-24T10:00:00.000000000Z earlier\n";
    assert_eq!(fed(&mut splice, &format!("{earlier}{FIRST}the last of --tail 1\n{LATER}new\n")), "new\n");
}

#[test]
fn a_line_too_long_to_be_held_goes_on_where_it_was_cut() {
    let long = "x".repeat(3 * LONGEST_WHOLE_LINE);
    let mut splice = Splice::new(false);
    let mut shown = fed(&mut splice, &format!("{FIRST}{}", &long[..2 * LONGEST_WHOLE_LINE]));
    assert!(shown.len() > LONGEST_WHOLE_LINE);
    splice.broke(1);
    shown += &fed(&mut splice, &format!("{FIRST}{long}\n{LATER}y\n"));
    assert!(shown == format!("{long}\ny\n"));
}
