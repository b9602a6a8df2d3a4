//! The one place that touches the YAML library: text in, events with their places out.

use std::borrow::Cow;

use libyaml_safer::{Encoding, Error, Event, EventData, Mark, Parser};

use super::{Broken, Span};

/// `%` at the start of a line begins a directive. The library compares each with all before it, and nobody has many.
const MAX_DIRECTIVES: usize = 100;

/// Calls `take` with every event of the text until one of them fails.
pub(crate) fn each(text: &str, mut take: impl FnMut(Event) -> Result<(), Broken>) -> Result<(), Broken> {
    let begins_line = |at: usize| at == 0 || matches!(text.as_bytes()[at - 1], b'\n' | b'\r');
    if text.match_indices('%').filter(|(at, _)| begins_line(*at)).count() > MAX_DIRECTIVES {
        return Err(Broken { span: None, message: "there are too many lines that begin with `%`".to_owned() });
    }
    refuse_tag_before_comma(text)?;
    run(text, &mut take)
}

fn run(text: &str, take: &mut dyn FnMut(Event) -> Result<(), Broken>) -> Result<(), Broken> {
    // The library does not survive a block scalar whose last line has no line break. The break that we add is taken
    // away again where it would become part of a value (`compose`).
    let ended = if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    let mut bytes = ended.as_bytes();
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input_string(&mut bytes);
    loop {
        let event = parser.parse().map_err(|error| broken(&error, text))?;
        if event.data == EventData::StreamEnd {
            return Ok(());
        }
        take(event)?;
    }
}

/// The library does not survive a tag with a comma right behind it (`[!x, y]`), which nobody writes into a task. Whether
/// such characters are a tag or just text is found out with the commas taken away.
fn refuse_tag_before_comma(text: &str) -> Result<(), Broken> {
    let suspects = tags_before_commas(text);
    if suspects.is_empty() {
        return Ok(());
    }
    let mut harmless = text.as_bytes().to_vec();
    for (_, comma) in &suspects {
        harmless[*comma] = b' ';
    }
    let harmless = String::from_utf8(harmless).unwrap_or_default();
    run(&harmless, &mut |event| {
        let tagged = matches!(
            &event.data,
            EventData::Scalar { tag: Some(_), .. }
                | EventData::SequenceStart { tag: Some(_), .. }
                | EventData::MappingStart { tag: Some(_), .. }
        );
        let span = span(event.start_mark, event.end_mark);
        let first = suspects.partition_point(|(tag, _)| *tag < span.start);
        let hit = suspects.get(first).is_some_and(|(tag, _)| *tag < span.end.max(span.start + 1));
        if tagged && hit { Err(Broken::at(span, super::scalar::NO_TAGS)) } else { Ok(()) }
    })
}

/// Where a `!` is followed by a comma with no blank between, and where that comma is.
fn tags_before_commas(text: &str) -> Vec<(usize, usize)> {
    let mut tag = None;
    let mut found = Vec::new();
    let Some(first) = text.find('!') else { return found };
    for (at, byte) in text.bytes().enumerate().skip(first) {
        match byte {
            b'!' => tag = tag.or(Some(at)),
            b',' => found.extend(tag.map(|start| (start, at))),
            b' ' | b'\t' | b'\n' | b'\r' => tag = None,
            _ => {}
        }
    }
    found
}

pub(crate) fn span(start: Mark, end: Mark) -> Span {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Span {
        start: number(start.index),
        end: number(end.index),
        line: number(start.line).saturating_add(1),
        column: number(start.column).saturating_add(1),
    }
}

/// The library's sentence, as its ancestor in C words it.
fn broken(error: &Error, text: &str) -> Broken {
    let Some(mark) = error.problem_mark() else {
        return Broken { span: unreadable(text), message: error.to_string() };
    };
    let context = match (error.context(), error.context_mark()) {
        (Some(context), Some(place)) if !context.is_empty() => format!(", {context} at {place}"),
        _ => String::new(),
    };
    Broken::at(span(mark, mark), format!("{} at {mark}{context}", error.problem()))
}

/// The first character that YAML forbids: the library's own count of it leaves out the line.
fn unreadable(text: &str) -> Option<Span> {
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{85}') || (c >= ' ' && !('\u{7f}'..'\u{a0}').contains(&c));
    let (start, found) = text.char_indices().find(|(_, c)| !allowed(*c) || matches!(c, '\u{fffe}' | '\u{ffff}'))?;
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Some(Span {
        start,
        end: start + found.len_utf8(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    })
}
