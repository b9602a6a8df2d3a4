//! `jobs list`: the tasks as a table.

use sky_crd::{api::TaskView, brief};

use crate::{
    args::{Format, List},
    commands::{Context, to_seconds},
    error::Error,
    printer::{Printer, Style},
    table::Table,
    waiting::{state_word, why},
};

pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let answer = context.api()?.tasks(args.all_users)?;
    let (printer, tasks) = (context.printer, &answer.view.tasks);
    if printer.is_data() {
        return printer.data(&answer.raw, &tasks.iter().map(|task| task.task_id.as_str()).collect::<Vec<_>>());
    }
    print(printer, Columns::new(printer, args), tasks)
}

pub(super) fn print(printer: Printer, columns: Columns, tasks: &[TaskView]) -> Result<(), Error> {
    if tasks.is_empty() {
        return printer.line(&printer.styled(Style::Note, "No tasks found"));
    }
    printer.table(&columns.table(tasks))?;
    printer.line(&format!("\nTotal tasks: {}", tasks.len()))
}

/// Which columns there are beside the original's four.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    user: bool,
    details: bool,
    wide: bool,
}

impl Columns {
    /// Which column holds the status.
    pub(super) const STATUS: usize = 2;

    pub(super) fn new(printer: Printer, args: &List) -> Self {
        let wide = printer.format() == Format::Wide;
        Self { user: args.all_users, details: args.details || wide, wide }
    }

    pub(super) fn table(self, tasks: &[TaskView]) -> Table {
        let mut table = Table::new("Tasks", self.head());
        for task in tasks {
            table.row(&self.row(task));
        }
        table
    }

    pub(super) fn head(self) -> Vec<&'static str> {
        let mut head = vec!["Task ID", "Name", "Status", "Created"];
        if self.user {
            head.push("User");
        }
        if self.details {
            head.extend(["Job Name", "Namespace"]);
        }
        if self.wide {
            head.extend(["Nodes", "Machines", "Image", "Duration", "Exit Code", "Reason"]);
        }
        head
    }

    pub(super) fn row(self, task: &TaskView) -> Vec<String> {
        let metadata = &task.metadata;
        let status = state_word(task.status).to_owned();
        let mut cells = vec![task.task_id.clone(), task.name.clone(), status, to_seconds(&task.created_at)];
        if self.user {
            cells.push(task.username.clone());
        }
        if self.details {
            cells.extend([metadata.job_name.clone(), metadata.namespace.clone()]);
        }
        if self.wide {
            let code = metadata.exit_code.map(|code| code.to_string()).unwrap_or_default();
            // As kubectl counts what is ready: those that run or have succeeded, of all.
            let good = metadata.running_nodes + metadata.succeeded_nodes;
            let nodes = format!("{good}/{}", metadata.num_nodes);
            let [image, duration] = [&metadata.image, &metadata.duration].map(|text| text.clone().unwrap_or_default());
            cells.extend([nodes, machines(task), image, duration, code, why(task).unwrap_or_default()]);
        }
        cells
    }
}

/// The machines that the nodes run on.
fn machines(task: &TaskView) -> String {
    brief::machines(task.metadata.nodes.iter().filter_map(|node| node.machine.as_deref())).unwrap_or_default()
}
