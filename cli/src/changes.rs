//! What has changed between two looks at a list of tasks, as lines for a program or a file. No IO here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{args::Format, error::Error, printer, table::Lines};

/// The status of a task that is no longer in the list.
const GONE: &str = "gone";

/// A task in one look at the list.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    /// Its row of the table.
    pub(crate) cells: Vec<String>,
    /// As it came from the API.
    pub(crate) raw: Value,
}

/// The last look at each task.
#[derive(Debug)]
pub(crate) struct Changes {
    format: Format,
    lines: Lines,
    /// The table's head, until it was printed.
    head: Option<Vec<String>>,
    status_column: usize,
    known: BTreeMap<String, Seen>,
}

impl Changes {
    pub(crate) fn new(format: Format, head: &[&str], status_column: usize) -> Self {
        let head = Some(head.iter().map(ToString::to_string).collect());
        Self { format, lines: Lines::default(), head, status_column, known: BTreeMap::new() }
    }

    /// The next look: the lines for what is new, different or gone.
    pub(crate) fn next(&mut self, tasks: Vec<Seen>) -> Result<String, Error> {
        let ids: BTreeSet<&String> = tasks.iter().map(|task| &task.id).collect();
        let gone: Vec<String> = self.known.keys().filter(|id| !ids.contains(id)).cloned().collect();
        let mut changed: Vec<Seen> = tasks.into_iter().filter(|task| self.is_news(task)).collect();
        self.known.extend(changed.iter().map(|task| (task.id.clone(), task.clone())));
        let gone: Vec<Seen> = gone.iter().filter_map(|id| self.known.remove(id)).collect();
        changed.extend(gone.into_iter().map(|task| self.gone(task)));
        self.text(changed)
    }

    fn is_news(&self, task: &Seen) -> bool {
        let whole = matches!(self.format, Format::Json | Format::Yaml);
        self.known
            .get(&task.id)
            .is_none_or(|known| if whole { known.raw != task.raw } else { known.cells != task.cells })
    }

    fn gone(&self, mut task: Seen) -> Seen {
        if let Some(status) = task.cells.get_mut(self.status_column) {
            GONE.clone_into(status);
        }
        if let Some(raw) = task.raw.as_object_mut() {
            raw.insert("status".to_owned(), GONE.into());
        }
        task
    }

    fn text(&mut self, tasks: Vec<Seen>) -> Result<String, Error> {
        let tasks = tasks.into_iter();
        match self.format {
            Format::Name => Ok(tasks.map(|task| task.id + "\n").collect()),
            Format::Json => Ok(tasks.flat_map(|task| [task.raw.to_string(), "\n".to_owned()]).collect()),
            Format::Yaml => tasks.map(|task| Ok(format!("---\n{}", printer::yaml(&task.raw)?))).collect(),
            Format::Table | Format::Wide => {
                let head = self.head.take();
                let rows: Vec<_> = head.into_iter().chain(tasks.map(|task| task.cells)).collect();
                Ok(self.lines.of(&rows))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(id: &str, status: &str, updated: u32) -> Seen {
        let cells = [id, status].map(str::to_owned).to_vec();
        Seen { id: id.to_owned(), cells, raw: json!({"task_id": id, "status": status, "updated": updated}) }
    }

    /// Three looks: two tasks, one of them changes, the other goes.
    fn looks(format: Format) -> [String; 3] {
        let mut changes = Changes::new(format, &["Task ID", "Status"], 1);
        [
            vec![seen("b", "running", 1), seen("a", "pending", 1)],
            vec![seen("b", "running", 2), seen("a", "completed", 2)],
            vec![seen("a", "completed", 2)],
        ]
        .map(|tasks| changes.next(tasks).unwrap())
    }

    #[test]
    fn a_line_for_each_change() {
        let table =
            ["Task ID  Status\nb        running\na        pending\n", "a        completed\n", "b        gone\n"];
        assert_eq!(looks(Format::Table), table);
        assert_eq!(looks(Format::Name), ["b\na\n", "a\n", "b\n"]);
        let [first, second, third] = looks(Format::Json);
        assert_eq!(first.lines().count(), 2);
        assert_eq!(second.lines().count(), 2, "what no column shows is a change too");
        assert_eq!(third, "{\"task_id\":\"b\",\"status\":\"gone\",\"updated\":2}\n");
        assert!(looks(Format::Yaml)[2].starts_with("---\ntask_id: b\nstatus: gone\n"));
    }

    #[test]
    fn columns_only_grow() {
        let mut changes = Changes::new(Format::Table, &["Task ID", "Status"], 1);
        assert_eq!(changes.next(vec![]).unwrap(), "Task ID  Status\n");
        assert_eq!(changes.next(vec![seen("a-long-name", "x", 1)]).unwrap(), "a-long-name  x\n");
        assert_eq!(changes.next(vec![seen("a-long-name", "x", 1), seen("b", "y", 1)]).unwrap(), "b            y\n");
    }
}
