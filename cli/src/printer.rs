//! The only place that decides what goes where: standard output or error, colour or none, table or data.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::{args::Format, error::Error, table::Table, text};

/// How a piece of text looks on a terminal that shows colours.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// It worked.
    Good,
    /// It failed.
    Bad,
    /// Nothing there, or interrupted.
    Note,
    /// Ids and names.
    Id,
    /// Headings.
    Bold,
    /// What may be overlooked.
    Dim,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Note => "33",
            Self::Id => "36",
            Self::Bold => "1",
            Self::Dim => "2",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    terminal: bool,
    colour: bool,
}

/// Where and how output appears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    format: Format,
    stdout: Stream,
    stderr: Stream,
}

// Callers print through the printer, whether or not a method needs its settings today.
#[allow(clippy::unused_self)]
impl Printer {
    pub(crate) fn new(format: Format) -> Self {
        // https://no-color.org: any value but the empty one.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let stream = |terminal: bool| Stream { terminal, colour: terminal && wanted };
        Self { format, stdout: stream(io::stdout().is_terminal()), stderr: stream(io::stderr().is_terminal()) }
    }

    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// True if the answer is read by a program: then it is alone on standard output.
    pub(crate) fn is_data(self) -> bool {
        matches!(self.format, Format::Json | Format::Yaml | Format::Name)
    }

    /// True if a status line may be drawn: it must never get into a file.
    pub(crate) fn can_draw(self) -> bool {
        self.stderr.terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Text in a style, for standard output.
    pub(crate) fn styled(self, style: Style, content: &str) -> String {
        paint(self.stdout, style, &text::visible(content))
    }

    /// A line on standard output; the caller escapes what is not its own.
    pub(crate) fn line(self, line: &str) -> Result<(), Error> {
        writeln!(io::stdout(), "{line}").map_err(Error::from)
    }

    /// `  Label: value`, the original's form of a result.
    pub(crate) fn pair(self, label: &str, value: &str) -> Result<(), Error> {
        self.line(&format!("  {label}: {}", text::one_line(value)))
    }

    /// A table on standard output.
    pub(crate) fn table(self, table: &Table) -> Result<(), Error> {
        let drawn = if self.stdout.terminal { table.boxed(columns(io::stdout())) } else { table.plain() };
        write!(io::stdout(), "{drawn}").map_err(Error::from)
    }

    /// True if standard output can show a table that is drawn again and again.
    pub(crate) fn can_redraw(self) -> bool {
        self.stdout.terminal && !self.is_data() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Draws the table, and a line below it, on a screen of its own, cut so that nothing wraps or scrolls. The last
    /// column stays free: clearing the rest of a full line would clear its last character.
    pub(crate) fn screen(self, table: &Table, below: &str) -> Result<(), Error> {
        let (width, height) = size(io::stdout());
        let drawn = table.boxed(width.saturating_sub(1));
        let room = height.saturating_sub(2);
        let more = drawn.lines().count().saturating_sub(room);
        let more = if more > 0 { format!("{more} more lines below. ") } else { String::new() };
        let below = text::one_line(&(more + below)).into_owned();
        let lines =
            drawn.lines().take(room).chain([below.as_str()]).map(|line| text::cut(line, width.saturating_sub(1)));
        let text: String = lines.flat_map(|line| [line, "\x1b[K\n".to_owned()]).collect();
        let text = format!("\x1b[?1049h\x1b[?25l\x1b[H{text}\x1b[J");
        self.raw(text.as_bytes())
    }

    /// Goes back from the screen of [`Printer::screen`] to what was there before.
    pub(crate) fn leave_screen(self) -> Result<(), Error> {
        self.raw(b"\x1b[?25h\x1b[?1049l")
    }

    /// One document as YAML, or as JSON if that is asked for.
    pub(crate) fn document(self, document: &Value) -> Result<(), Error> {
        match self.format {
            Format::Json => self.data(document, &[]),
            _ => self.raw(yaml(document)?.as_bytes()),
        }
    }

    /// The API's answer as data. `ids` is what [`Format::Name`] prints.
    pub(crate) fn data(self, answer: &Value, ids: &[&str]) -> Result<(), Error> {
        let text = match self.format {
            Format::Yaml => yaml(answer)?,
            Format::Name => ids.iter().flat_map(|id| [id, "\n"]).collect(),
            _ => format!("{}\n", serde_json::to_string_pretty(answer).map_err(io::Error::other)?),
        };
        self.raw(text.as_bytes())
    }

    /// Bytes of a log or of a script, unchanged and at once.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush().map_err(Error::from)
    }

    /// A question on standard output, which waits for its answer on the same line.
    pub(crate) fn question(self, question: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        write!(out, "{}", text::one_line(question))?;
        out.flush().map_err(Error::from)
    }

    /// An error and what helps. The original writes its errors to standard output, and scripts read them there; where
    /// standard output is data, they go to standard error.
    pub(crate) fn error(self, error: &Error) {
        if matches!(error, Error::ReaderGone) {
            return;
        }
        let words = text::visible(&error.to_string()).into_owned();
        // Nothing can be done about an error that cannot be told.
        let _ = if words.is_empty() {
            Ok(())
        } else if self.is_data() || matches!(error, Error::Output(_) | Error::Aborted) {
            writeln!(io::stderr(), "{}", paint(self.stderr, Style::Bad, &words))
        } else {
            writeln!(io::stdout(), "{}", paint(self.stdout, Style::Bad, &words))
        };
        if let Some(explanation) = error.explanation() {
            self.explanation(&explanation);
        }
        for hint in error.hints() {
            self.hint(&hint);
        }
    }

    /// What is wrong with a file, with its lines, on standard error.
    pub(crate) fn explanation(self, lines: &str) {
        self.remark(&text::visible(lines));
    }

    /// What helps, on standard error.
    pub(crate) fn hint(self, hint: &str) {
        self.remark(&format!("{} {}", paint(self.stderr, Style::Id, "hint:"), text::one_line(hint)));
    }

    /// What is accepted and will not be done, on standard error.
    pub(crate) fn warning(self, warning: &str) {
        self.remark(&format!("{} {}", paint(self.stderr, Style::Note, "warning:"), text::one_line(warning)));
    }

    /// A line on standard error that says how it went.
    pub(crate) fn verdict(self, style: Style, sentence: &str) {
        self.remark(&paint(self.stderr, style, &text::one_line(sentence)));
    }

    fn remark(self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Draws the status line, cut so that it does not wrap, over one of `before` columns. Returns how many it has.
    pub(crate) fn draw_status(self, line: &str, before: usize) -> usize {
        let line = text::cut(&text::one_line(line), self.status_columns());
        let mut err = io::stderr().lock();
        let _ = write!(err, "{}{}", wipe(before), paint(self.stderr, Style::Dim, &line));
        let _ = err.flush();
        text::width(&line)
    }

    /// Removes a status line of so many columns.
    pub(crate) fn erase_status(self, drawn: usize) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{}", wipe(drawn));
        let _ = err.flush();
    }

    /// Columns that a status line may have: the terminal shows Ctrl-C as `^C`, which must not go to the next row.
    pub(crate) fn status_columns(self) -> usize {
        columns(io::stderr()).saturating_sub("^C".len() + 1)
    }
}

/// Clears the status line; all of its rows, if the terminal has become narrower and has wrapped it.
fn wipe(drawn: usize) -> String {
    match drawn.saturating_sub(1) / columns(io::stderr()).max(1) {
        0 => "\r\x1b[K".to_owned(),
        rows => format!("\r\x1b[{rows}A\x1b[J"),
    }
}

fn paint(stream: Stream, style: Style, text: &str) -> String {
    if stream.colour { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
}

/// The value as a YAML document.
pub(crate) fn yaml(value: &Value) -> Result<String, Error> {
    Ok(serde_yaml::to_string(value).map_err(io::Error::other)?)
}

fn columns(stream: impl std::os::fd::AsFd) -> usize {
    size(stream).0
}

/// Columns and rows.
fn size(stream: impl std::os::fd::AsFd) -> (usize, usize) {
    terminal_size::terminal_size_of(stream)
        .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)))
}
