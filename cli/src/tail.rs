//! A task's log on standard output, from the first byte to the last, across connections that break.

use std::{io::Read, thread, time::Duration};

use crate::{
    api::{Api, LogQuery, is_silence, os_reason},
    error::Error,
    follow::Detach,
    printer::{Printer, Style},
    splice::{Resume, Splice},
    waiting::StatusLine,
};

/// How often in a row a connection is opened in vain, with the pauses between: about a minute, in which a gateway starts.
const MAX_TRIES: u32 = 15;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is printed of a log, and how.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) query: LogQuery,
    /// Each line with the time at which it was written.
    pub(crate) timestamps: bool,
    /// The task has just been submitted: a gateway that does not answer now did so a moment ago.
    pub(crate) patient: bool,
}

/// Prints the task's log until it ends.
pub(crate) fn log(api: &Api, printer: Printer, task_id: &str, wish: &Wish, detach: &Detach) -> Result<(), Error> {
    if wish.query.follow {
        printer.line(&format!("\n{}", printer.styled(Style::Id, &format!("Tailing logs for task {task_id}..."))))?;
        printer.line(&format!("{}\n", printer.styled(Style::Dim, "Press Ctrl+C to stop tailing logs")))?;
    }
    let line = StatusLine::new(printer);
    if wish.query.follow {
        line.watch(api, task_id);
    }
    detach.follows(task_id, &line);
    let splice = Splice::new(wish.timestamps);
    let mut tail = Tail { api, printer, task_id, wish, line, splice, at_line_start: true, failures: 0 };
    let ended = tail.run();
    tail.line.erase();
    ended
}

struct Tail<'a> {
    api: &'a Api,
    printer: Printer,
    task_id: &'a str,
    wish: &'a Wish,
    line: StatusLine,
    splice: Splice,
    /// Whether a status line may be drawn without covering what a program has written.
    at_line_start: bool,
    /// Connections in a row that brought nothing new.
    failures: u32,
}

/// How a connection ended that did not break.
enum Close {
    /// With the log.
    End,
    /// It brings nothing, and perhaps never will.
    Silence,
}

impl Tail<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut query = self.wish.query.clone();
        let mut has_been_open = false;
        loop {
            let error = match self.api.logs(self.task_id, &query) {
                Ok(log) => {
                    has_been_open = true;
                    if self.failures > 0 {
                        self.line.erase();
                    }
                    match self.copy(log) {
                        Ok(Close::End) => return Ok(()),
                        Ok(Close::Silence) => {
                            query = self.resume(&query).unwrap_or(query);
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                // Stopped or deleted while the connection was broken: the end of its log.
                Err(Error::Refused { status: 404, .. }) if has_been_open => return Ok(()),
                Err(error) if has_been_open || self.wish.patient => error,
                Err(error) => return Err(error),
            };
            query = self.again(error, &query)?;
        }
    }

    /// Hands every line on as it comes: one that waits in a buffer is one that the user does not see.
    fn copy(&mut self, mut log: impl Read) -> Result<Close, Error> {
        let (mut buffer, mut out) = (vec![0; 64 << 10], Vec::new());
        loop {
            let count = match log.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if !is_silence(&error) => return Err(self.broke(os_reason(&error))),
                Err(_) if self.splice.can_resume() => return Ok(Close::Silence),
                Err(_) => continue,
            };
            match buffer.get(..count) {
                None | Some([]) => {
                    self.splice.finish(&mut out);
                    return self.print(&mut out).map(|()| Close::End);
                }
                Some(bytes) => self.splice.feed(bytes, &mut out),
            }
            self.print(&mut out)?;
        }
    }

    fn print(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(last) = out.last() {
            self.failures = 0;
            self.at_line_start = *last == b'\n';
            self.line.erase();
            self.printer.raw(out)?;
            out.clear();
        }
        Ok(())
    }

    /// After a failure: waits a moment and says how to ask again, unless that is of no use.
    fn again(&mut self, error: Error, query: &LogQuery) -> Result<LogQuery, Error> {
        let reason = match error {
            Error::LogBroke { reason, .. } | Error::Unreachable { reason, .. } => reason,
            // Behind a proxy, a gateway that is away; too many streams, while it has not noticed that ours is gone.
            Error::Refused { status: status @ (429 | 500..), .. } => format!("HTTP {status}"),
            other => return Err(other),
        };
        let Some(query) = self.resume(query) else {
            return Err(self.broke(reason));
        };
        if self.failures == MAX_TRIES {
            return Err(self.broke(reason));
        }
        self.failures += 1;
        if self.at_line_start {
            let count = self.failures;
            self.line.say(&format!("log connection lost, trying again ({count} of {MAX_TRIES}): {reason}"));
        }
        thread::sleep(pause(self.failures));
        Ok(query)
    }

    /// What the next connection asks for, if one can go on.
    fn resume(&mut self, query: &LogQuery) -> Option<LogQuery> {
        match self.splice.broke(self.expected_nodes()) {
            Resume::Impossible => None,
            Resume::FromStart if self.splice.is_empty() => Some(self.wish.query.clone()),
            // The last lines only, of nodes that have written none: those are all of their lines.
            Resume::FromStart => Some(LogQuery { tail: None, ..self.wish.query.clone() }),
            Resume::From(second) => Some(LogQuery { since: Some(second), tail: None, ..query.clone() }),
        }
    }

    /// How many nodes write to this log. Where that cannot be known now, all are asked for from their beginning.
    fn expected_nodes(&self) -> usize {
        match self.wish.query.nodes.len() {
            0 if self.splice.names_nodes() => {
                self.api.task(self.task_id).map_or(usize::MAX, |task| task.view.metadata.num_nodes as usize)
            }
            0 => 1,
            wanted => wanted,
        }
    }

    fn broke(&self, reason: String) -> Error {
        Error::LogBroke { task_id: self.task_id.to_owned(), reason }
    }
}

/// Doubles from one failure to the next.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Format;

    /// Nothing in time, then the end.
    struct Silent {
        reads: u32,
    }

    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.reads += 1;
            let silence = || ureq::Error::Timeout(ureq::Timeout::RecvBody).into_io();
            if self.reads < 3 { Err(silence()) } else { Ok(0) }
        }
    }

    #[test]
    fn silence_is_no_failure() {
        let api = Api::new("http://127.0.0.1:9".to_owned(), "bob".to_owned());
        let printer = Printer::new(Format::Table);
        let query = LogQuery { follow: true, tail: None, since: None, nodes: Vec::new() };
        let wish = Wish { query, timestamps: false, patient: false };
        let mut tail = Tail {
            api: &api,
            printer,
            task_id: "abc12345",
            wish: &wish,
            line: StatusLine::new(printer),
            splice: Splice::new(false),
            at_line_start: true,
            failures: 0,
        };
        let mut log = Silent { reads: 0 };
        assert!(matches!(tail.copy(&mut log), Ok(Close::Silence)), "another connection takes over");
        assert_eq!((log.reads, tail.failures), (1, 0));
        // Lines without stamps: only this connection can go on.
        tail.splice.feed(b"plain\n", &mut Vec::new());
        assert!(matches!(tail.copy(&mut log), Ok(Close::End)));
        assert_eq!(log.reads, 3);
    }

    #[test]
    fn a_gateway_has_a_minute_to_come_back() {
        let total: Duration = (1..=MAX_TRIES).map(pause).sum();
        assert!((45..90).contains(&total.as_secs()), "{total:?}");
        assert_eq!(pause(1), FIRST_PAUSE);
    }
}
