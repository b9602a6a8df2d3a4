//! Compares what the command line prints: words and values, line by line, without the box characters of tables.

use serde_json::Value;

use super::masks;

/// The recorded lines that are not printed, in that order, on stdout or stderr. More lines may be between them.
pub(super) fn missing(recorded: &str, stdout: &str, stderr: &str) -> Vec<String> {
    let streams = [lines(stdout), lines(stderr)];
    let mut next = [0; 2];
    let mut missing = Vec::new();
    for line in lines(recorded) {
        let found = (0..streams.len()).find_map(|stream| {
            let at = streams[stream].iter().skip(next[stream]).position(|printed| masks::fits(&line, printed))?;
            Some((stream, next[stream] + at + 1))
        });
        match found {
            Some((stream, after)) => next[stream] = after,
            None => missing.push(line),
        }
    }
    missing
}

/// The names of the commands in a help text of the original, or nothing if it is no help text. The words of help are ours.
pub(super) fn commands(recorded: &str) -> Option<Vec<String>> {
    let (_, table) = recorded.split_once("─ Commands ")?;
    let rows = table.lines().filter_map(|row| row.strip_prefix("│ "));
    Some(rows.filter_map(|row| Some(row.split_whitespace().next()?.to_owned())).collect())
}

/// The commands that no line of our help begins with, in that order.
pub(super) fn missing_commands(commands: Vec<String>, help: &str) -> Vec<String> {
    let mut first = help.lines().filter_map(|line| line.split_whitespace().next());
    commands.into_iter().filter(|command| !first.any(|word| word == command)).collect()
}

/// Lines as words with one space between them, without box characters and empty lines.
fn lines(text: &str) -> Vec<String> {
    let plain = |line: &str| line.replace(|char| ('\u{2500}'..='\u{257f}').contains(&char), " ");
    let words = |line: &str| plain(line).split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).filter(|line| !line.is_empty()).collect()
}

/// The text with its lines in alphabetical order.
pub(super) fn sorted(text: &str) -> String {
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// The text with the lines of each node together, in their order; other lines stay before and after them.
pub(super) fn by_node(text: &str) -> String {
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    for run in lines.chunk_by_mut(|one, other| node(one).is_some() && node(other).is_some()) {
        run.sort_by_key(|line| node(line));
    }
    lines.concat()
}

fn node(line: &str) -> Option<u32> {
    line.strip_prefix("node-")?.split_once(" | ")?.0.parse().ok()
}

/// A value for a message; the middle of a long one is cut out.
pub(super) fn short(value: &Value) -> String {
    const SIDE: usize = 250;
    let text: Vec<char> = value.to_string().chars().collect();
    if text.len() <= 2 * SIDE {
        return text.into_iter().collect();
    }
    let side = |chars: &[char]| chars.iter().collect::<String>();
    format!("{} […{} characters…] {}", side(&text[..SIDE]), text.len() - 2 * SIDE, side(&text[text.len() - SIDE..]))
}

#[test]
fn lines_are_found_in_order_on_either_stream() {
    let recorded = "┏━━┓\n┃ A  ┃ B ┃\n│ 1 │ 2 │\n\nTotal: <id>\n";
    assert!(missing(recorded, "A   B\n1   2\n", "Total: 00000000\n").is_empty());
    assert_eq!(missing(recorded, "1   2\nA   B\n", ""), ["1 2", "Total: <id>"]);
    assert_eq!(commands("╭─ Commands ──╮\n│ auth  Log in │\n│ jobs  Run │\n╰──╯\n").expect("help"), ["auth", "jobs"]);
}
