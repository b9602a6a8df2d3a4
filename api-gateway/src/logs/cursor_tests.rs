use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// A line of a log file: nanoseconds since the epoch, and text without newline.
type Line = (i64, Vec<u8>);

/// What a kubelet answers: the stamped lines from a second on.
fn answer(lines: &[Line], since: Option<i64>, last_newline: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, (nanos, text)) in lines.iter().enumerate() {
        if since.is_some_and(|second| *nanos < second * 1_000_000_000) {
            continue;
        }
        let stamp = Timestamp::from_nanosecond(i128::from(*nanos)).unwrap();
        bytes.extend_from_slice(stamp.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string().as_bytes());
        bytes.extend_from_slice(text);
        if last_newline || index + 1 < lines.len() {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn prefixed(prefix: &str) -> Style {
    Style { prefix: Some(prefix.to_owned()), timestamps: false }
}

/// What is passed on: whole lines, also the last one.
fn expected(lines: &[Line], prefix: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (_, text) in lines {
        bytes.extend_from_slice(prefix.as_bytes());
        bytes.extend_from_slice(text);
        bytes.push(b'\n');
    }
    bytes
}

fn lines_strategy() -> impl Strategy<Value = Vec<Line>> {
    // Stamps go forward in steps of up to two seconds, with jitter: two streams are stamped apart.
    let text = prop_oneof![
        8 => proptest::collection::vec(any::<u8>().prop_filter("no newline", |byte| *byte != b'\n'), 0..12),
        1 => Just(Vec::new()),
    ];
    proptest::collection::vec((0i64..2_000_000_000, -900_000i64..900_000, text), 1..40).prop_map(|steps| {
        let mut now = 1_700_000_000_000_000_000i64;
        steps
            .into_iter()
            .map(|(step, jitter, text)| {
                // Half of the lines share their second with the one before.
                now += if step % 2 == 0 { step / 1000 } else { step };
                (now + jitter, text)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bytes(lines in lines_strategy(), sizes in proptest::collection::vec(1usize..50, 1..50), newline: bool) {
        let bytes = answer(&lines, None, newline);
        for (style, prefix) in [(Style::default(), ""), (prefixed("node-1 | "), "node-1 | ")] {
            let mut cursor = Cursor::new(style, Start::default());
            let (mut out, mut rest, mut sizes) = (Vec::new(), bytes.as_slice(), sizes.iter().cycle());
            while !rest.is_empty() {
                let (chunk, tail) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                cursor.feed(chunk, &mut out);
                rest = tail;
            }
            cursor.finish(&mut out);
            prop_assert_eq!(&out, &expected(&lines, prefix));
        }
    }

    #[test]
    fn any_cuts_lose_nothing_and_repeat_nothing(lines in lines_strategy(), cuts in proptest::collection::vec(0usize..400, 0..20)) {
        let mut cursor = Cursor::new(Style::default(), Start::default());
        let mut out = Vec::new();
        for cut in cuts {
            let bytes = answer(&lines, cursor.reconnect(), true);
            cursor.feed(&bytes[..cut.min(bytes.len())], &mut out);
        }
        let bytes = answer(&lines, cursor.reconnect(), true);
        cursor.feed(&bytes, &mut out);
        cursor.finish(&mut out);
        let expected = expected(&lines, "");
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
    }
}

proptest! {
    /// The last lines and what follows them, over any cuts: `written` of the lines are there when the reader comes.
    #[test]
    fn a_tail_loses_nothing_and_repeats_nothing(
        lines in lines_strategy(), written in 1usize..40, tail in 1usize..10,
        cuts in proptest::collection::vec(40usize..400, 0..20),
    ) {
        // Without jitter: of lines that are out of order and hidden, the oldest ones may be taken for others.
        let mut lines = lines;
        lines.sort();
        lines.dedup_by_key(|line| line.0);
        let start = written.min(lines.len()).saturating_sub(tail);
        let shown = &lines[start..];
        let mut cursor = Cursor::new(Style::default(), Start { midway: true, since: None });
        let mut out = Vec::new();
        let answer = |since: Option<i64>| if since.is_none() { answer(shown, None, true) } else { answer(&lines, since, true) };
        for cut in cuts {
            let bytes = answer(cursor.reconnect());
            cursor.feed(&bytes[..cut.min(bytes.len())], &mut out);
        }
        let bytes = answer(cursor.reconnect());
        cursor.feed(&bytes, &mut out);
        cursor.finish(&mut out);
        let expected = expected(shown, "");
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
    }

    /// Lines since a time within a second, over any cuts and with jitter.
    #[test]
    fn a_beginning_within_a_second_is_kept(
        lines in lines_strategy(), from in 0usize..40, cuts in proptest::collection::vec(0usize..400, 0..20),
    ) {
        let since = lines[from.min(lines.len() - 1)].0;
        let shown: Vec<Line> = lines.iter().filter(|line| line.0 >= since).cloned().collect();
        let since = Timestamp::from_nanosecond(i128::from(since)).unwrap();
        let mut cursor = Cursor::new(Style::default(), Start { since: Some(since), midway: false });
        let mut out = Vec::new();
        for cut in cuts {
            let second = cursor.reconnect().unwrap_or(since.as_second());
            let bytes = answer(&lines, Some(second), true);
            cursor.feed(&bytes[..cut.min(bytes.len())], &mut out);
        }
        let second = cursor.reconnect().unwrap_or(since.as_second());
        let bytes = answer(&lines, Some(second), true);
        cursor.feed(&bytes, &mut out);
        cursor.finish(&mut out);
        let expected = expected(&shown, "");
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
    }
}

#[test]
fn stamps_are_passed_on_behind_the_prefix_as_the_kubelet_wrote_them() {
    let lines = [line(0, "a"), line(1, ""), line(2, "c")];
    for prefix in [None, Some("node-0 | ".to_owned())] {
        let head = prefix.clone().unwrap_or_default();
        let mut cursor = Cursor::new(Style { prefix, timestamps: true }, Start::default());
        let mut out = Vec::new();
        let bytes = answer(&lines, None, true);
        cursor.feed(&bytes[..40], &mut out);
        let bytes = answer(&lines, cursor.reconnect(), true);
        cursor.feed(&bytes, &mut out);
        let stamp = |second: u32| format!("{head}2023-11-14T22:13:{second}.000000000Z ");
        let expected = format!("{}a\n{}\n{}c\n", stamp(20), stamp(21), stamp(22));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn a_tail_whose_file_was_rotated_leaves_a_visible_gap() {
    let mut cursor = Cursor::new(Style::default(), Start { midway: true, since: None });
    let mut out = Vec::new();
    cursor.feed(&answer(&[line(0, "a")], None, true), &mut out);
    cursor.reconnect();
    cursor.feed(&answer(&[line(60, "z")], None, true), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("a\n[k8s-cli: lines may be missing") && text.ends_with("\nz\n"), "{text}");
}

fn line(second: i64, text: &str) -> Line {
    (1_700_000_000_000_000_000 + second * 1_000_000_000, text.as_bytes().to_vec())
}

#[test]
fn a_very_long_line_is_passed_on_in_pieces_and_resumed_in_its_middle() {
    let long = "x".repeat(3 * LONGEST_WHOLE_LINE);
    let lines = [line(0, "a"), line(1, &long), line(2, "b")];
    let bytes = answer(&lines, None, true);
    let mut cursor = Cursor::new(Style::default(), Start::default());
    let mut out = Vec::new();
    cursor.feed(&bytes[..2 * LONGEST_WHOLE_LINE], &mut out);
    assert!(out.len() > LONGEST_WHOLE_LINE && cursor.pending.len() <= LONGEST_WHOLE_LINE);
    let again = answer(&lines, cursor.reconnect(), true);
    cursor.feed(&again, &mut out);
    assert!(out == expected(&lines, ""));
}

#[test]
fn a_very_long_line_among_nodes_becomes_several_lines_and_loses_no_byte() {
    let lines = [line(0, &"x".repeat(2 * LONGEST_WHOLE_LINE)), line(1, "b")];
    let mut cursor = Cursor::new(prefixed("n | "), Start::default());
    let mut out = Vec::new();
    for chunk in answer(&lines, None, true).chunks(1000) {
        cursor.feed(chunk, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.starts_with("n | ")));
    assert_eq!(text.matches('x').count(), 2 * LONGEST_WHOLE_LINE);
    assert!(text.ends_with("\nn | b\n"));
}

#[test]
fn a_rotated_file_leaves_a_visible_gap() {
    let mut cursor = Cursor::new(Style::default(), Start::default());
    let mut out = Vec::new();
    cursor.feed(&answer(&[line(0, "a"), line(1, "b")], None, true), &mut out);
    cursor.reconnect();
    cursor.feed(&answer(&[line(5, "f"), line(6, "g")], None, true), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("a\nb\n[k8s-cli: lines may be missing") && text.ends_with("]\nf\ng\n"), "{text}");
}

#[test]
fn a_rotated_file_that_still_has_our_last_line_loses_nothing() {
    let mut cursor = Cursor::new(Style::default(), Start::default());
    let mut out = Vec::new();
    cursor.feed(&answer(&[line(0, "a"), line(1, "b")], None, true), &mut out);
    cursor.reconnect();
    cursor.feed(&answer(&[line(1, "b"), line(6, "g")], None, true), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "a\nb\ng\n");
}

#[test]
fn what_the_kubelet_says_without_a_stamp_is_passed_on() {
    let mut cursor = Cursor::new(Style::default(), Start::default());
    let mut out = Vec::new();
    cursor.feed(b"failed to create fsnotify watcher: too many open files\n", &mut out);
    let mut text = String::new();
    write!(text, "{}", String::from_utf8_lossy(&out)).unwrap();
    assert_eq!(text, "failed to create fsnotify watcher: too many open files\n");
}
