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
        for (style, prefix) in [(Style::Plain, ""), (Style::Prefixed("node-1 | ".to_owned()), "node-1 | ")] {
            let mut cursor = Cursor::new(style);
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
        let mut cursor = Cursor::new(Style::Plain);
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

fn line(second: i64, text: &str) -> Line {
    (1_700_000_000_000_000_000 + second * 1_000_000_000, text.as_bytes().to_vec())
}

#[test]
fn a_very_long_line_is_passed_on_in_pieces_and_resumed_in_its_middle() {
    let long = "x".repeat(3 * LONGEST_WHOLE_LINE);
    let lines = [line(0, "a"), line(1, &long), line(2, "b")];
    let bytes = answer(&lines, None, true);
    let mut cursor = Cursor::new(Style::Plain);
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
    let mut cursor = Cursor::new(Style::Prefixed("n | ".to_owned()));
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
    let mut cursor = Cursor::new(Style::Plain);
    let mut out = Vec::new();
    cursor.feed(&answer(&[line(0, "a"), line(1, "b")], None, true), &mut out);
    cursor.reconnect();
    cursor.feed(&answer(&[line(5, "f"), line(6, "g")], None, true), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("a\nb\n[k8s-cli: lines may be missing") && text.ends_with("]\nf\ng\n"), "{text}");
}

#[test]
fn a_rotated_file_that_still_has_our_last_line_loses_nothing() {
    let mut cursor = Cursor::new(Style::Plain);
    let mut out = Vec::new();
    cursor.feed(&answer(&[line(0, "a"), line(1, "b")], None, true), &mut out);
    cursor.reconnect();
    cursor.feed(&answer(&[line(1, "b"), line(6, "g")], None, true), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "a\nb\ng\n");
}

#[test]
fn what_the_kubelet_says_without_a_stamp_is_passed_on() {
    let mut cursor = Cursor::new(Style::Plain);
    let mut out = Vec::new();
    cursor.feed(b"failed to create fsnotify watcher: too many open files\n", &mut out);
    let mut text = String::new();
    write!(text, "{}", String::from_utf8_lossy(&out)).unwrap();
    assert_eq!(text, "failed to create fsnotify watcher: too many open files\n");
}
