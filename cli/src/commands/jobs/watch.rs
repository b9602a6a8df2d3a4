//! `jobs list --watch`: the tasks as they change. On a terminal the table is drawn anew; elsewhere a change is a line.

use std::{
    process::ExitCode,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use serde_json::Value;
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGWINCH},
    iterator::Signals,
};
use sky_crd::api::TaskView;

use super::list::{Columns, print};
use crate::{
    api::{Answer, Api, TaskList},
    args::List,
    changes::{Changes, Seen},
    commands::Context,
    error::Error,
    follow::INTERRUPTED,
    printer::Printer,
};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Looks in a row that may fail: about a minute, in which a gateway starts.
const MAX_FAILURES: u32 = 60;
/// Exit code of a command that SIGTERM ended, as in a shell.
const TERMINATED: u8 = 143;

enum Event {
    Tasks(Result<Answer<TaskList>, Error>),
    Resize,
    Leave(u8),
}

pub(crate) fn watch(context: &Context, args: &List) -> Result<ExitCode, Error> {
    let (printer, api) = (context.printer, context.api()?);
    let mut view = View::new(printer, Columns::new(printer, args));
    let watched = follow(&mut view, &events(api, args.all_users));
    view.leave()?;
    watched
}

fn follow(view: &mut View, events: &Receiver<Event>) -> Result<ExitCode, Error> {
    let (mut failures, mut seen) = (0, false);
    loop {
        match events.recv() {
            Ok(Event::Tasks(Ok(answer))) => {
                (failures, seen) = (0, true);
                view.show(answer)?;
            }
            Ok(Event::Tasks(Err(error))) if seen && failures < MAX_FAILURES && error.may_pass() => {
                failures += 1;
                view.trouble(&error, failures)?;
            }
            Ok(Event::Tasks(Err(error))) => return Err(error),
            Ok(Event::Resize) => view.resize()?,
            Ok(Event::Leave(code)) => return Ok(ExitCode::from(code)),
            // The threads that send never end.
            Err(_) => return Ok(ExitCode::from(INTERRUPTED)),
        }
    }
}

/// Looks at the tasks and signals, each from a thread of its own: Ctrl-C must not wait for an answer.
fn events(api: Api, all_users: bool) -> Receiver<Event> {
    let (sender, events) = mpsc::channel();
    if let Ok(signals) = Signals::new([SIGINT, SIGTERM, SIGWINCH]) {
        let sender = sender.clone();
        thread::spawn(move || forward(signals, &sender));
    }
    thread::spawn(move || {
        while sender.send(Event::Tasks(api.tasks(all_users))).is_ok() {
            thread::sleep(PERIOD);
        }
    });
    events
}

fn forward(mut signals: Signals, sender: &Sender<Event>) {
    for signal in &mut signals {
        let event = match signal {
            SIGWINCH => Event::Resize,
            SIGTERM => Event::Leave(TERMINATED),
            _ => Event::Leave(INTERRUPTED),
        };
        if sender.send(event).is_err() {
            return;
        }
    }
}

/// How the tasks are shown.
enum View {
    Screen { printer: Printer, columns: Columns, tasks: Option<Vec<TaskView>>, trouble: Option<String> },
    Lines { printer: Printer, columns: Columns, changes: Changes },
}

impl View {
    fn new(printer: Printer, columns: Columns) -> Self {
        if printer.can_redraw() {
            return Self::Screen { printer, columns, tasks: None, trouble: None };
        }
        let changes = Changes::new(printer.format(), &columns.head(), Columns::STATUS);
        Self::Lines { printer, columns, changes }
    }

    fn show(&mut self, answer: Answer<TaskList>) -> Result<(), Error> {
        match self {
            Self::Screen { tasks, trouble, .. } => {
                (*tasks, *trouble) = (Some(answer.view.tasks), None);
                self.resize()
            }
            Self::Lines { printer, columns, changes } => {
                let raw = answer.raw.get("tasks").and_then(Value::as_array).into_iter().flatten();
                let task = |(task, raw): (&TaskView, &Value)| Seen {
                    id: task.task_id.clone(),
                    cells: columns.row(task),
                    raw: raw.clone(),
                };
                let text = changes.next(answer.view.tasks.iter().zip(raw).map(task).collect())?;
                if text.is_empty() { Ok(()) } else { printer.raw(text.as_bytes()) }
            }
        }
    }

    /// The gateway does not answer, for the so-manieth time in a row.
    fn trouble(&mut self, error: &Error, failures: u32) -> Result<(), Error> {
        match self {
            Self::Screen { trouble, .. } => {
                *trouble = Some(format!("{error}; trying again ({failures} of {MAX_FAILURES})"));
                self.resize()
            }
            Self::Lines { printer, .. } => {
                if failures == 1 {
                    printer.hint(&format!("trying again: {error}"));
                }
                Ok(())
            }
        }
    }

    /// Draws what there is for the terminal as it is now.
    fn resize(&mut self) -> Result<(), Error> {
        let Self::Screen { printer, columns, tasks: Some(tasks), trouble } = self else { return Ok(()) };
        let rest = trouble.clone().unwrap_or_else(|| format!("Total tasks: {}", tasks.len()));
        printer.screen(&columns.table(tasks), &rest)
    }

    /// Leaves the last state on the terminal.
    fn leave(self) -> Result<(), Error> {
        let Self::Screen { printer, columns, tasks, .. } = self else { return Ok(()) };
        printer.leave_screen()?;
        match tasks {
            Some(tasks) => print(printer, columns, &tasks),
            None => Ok(()),
        }
    }
}
