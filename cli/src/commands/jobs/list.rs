//! `jobs list`: the tasks as a table.

use sky_crd::api::TaskView;

use crate::{
    args::{Format, List},
    commands::{Context, to_seconds},
    error::Error,
    printer::Style,
    table::Table,
    waiting::{state_word, why},
};

pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let answer = context.api()?.tasks(args.all_users)?;
    let (printer, tasks) = (context.printer, &answer.view.tasks);
    if printer.is_data() {
        return printer.data(&answer.raw, &tasks.iter().map(|task| task.task_id.as_str()).collect::<Vec<_>>());
    }
    if tasks.is_empty() {
        return printer.line(&printer.styled(Style::Note, "No tasks found"));
    }
    let wide = printer.format() == Format::Wide;
    let columns = Columns { user: args.all_users, details: args.details || wide, wide };
    let mut table = Table::new("Tasks", columns.head());
    for task in tasks {
        table.row(columns.row(task));
    }
    printer.table(&table)?;
    printer.line(&format!("\nTotal tasks: {}", tasks.len()))
}

/// Which columns there are beside the original's four.
struct Columns {
    user: bool,
    details: bool,
    wide: bool,
}

impl Columns {
    fn head(&self) -> Vec<&'static str> {
        let mut head = vec!["Task ID", "Name", "Status", "Created"];
        if self.user {
            head.push("User");
        }
        if self.details {
            head.extend(["Job Name", "Namespace"]);
        }
        if self.wide {
            head.extend(["Nodes", "Exit Code", "Reason"]);
        }
        head
    }

    fn row(&self, task: &TaskView) -> Vec<String> {
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
            cells.extend([metadata.num_nodes.to_string(), code, why(task).unwrap_or_default()]);
        }
        cells
    }
}
