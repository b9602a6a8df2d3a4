//! Tables: boxes on a terminal, plain columns for everything that reads lines.

use crate::text;

/// A title, a head and rows. Cells are escaped here.
pub(crate) struct Table {
    title: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &'static str, head: Vec<&'static str>) -> Self {
        Self { title, head, rows: Vec::new() }
    }

    /// Adds a row; an empty cell becomes `-`, so that a line has as many words as columns.
    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|cell| shown(cell)).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(column, head): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| text::width(cell));
            cells.max().unwrap_or(0).max(text::width(head))
        };
        self.head.iter().enumerate().map(width).collect()
    }

    /// Columns separated by two blanks, without a blank at the end.
    pub(crate) fn plain(&self) -> String {
        let widths = self.widths();
        let head: Vec<String> = self.head.iter().map(ToString::to_string).collect();
        let mut text = format!("{}\n", self.title);
        text.extend(std::iter::once(&head).chain(&self.rows).map(|cells| plain_line(cells, &widths)));
        text
    }

    /// The table in a box, or plain where the terminal is too narrow for the box.
    pub(crate) fn boxed(&self, columns: usize) -> String {
        let widths = self.widths();
        let total = widths.iter().map(|width| width + 3).sum::<usize>() + 1;
        if total > columns {
            return self.plain();
        }
        let rule = |left, line: &str, joint: &str, right| {
            let dashes: Vec<String> = widths.iter().map(|width| line.repeat(width + 2)).collect();
            format!("{left}{}{right}\n", dashes.join(joint))
        };
        let cells = |cells: &[String], bar: &str| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!(" {} ", pad(cell, *width))).collect();
            format!("{bar}{}{bar}\n", padded.join(bar))
        };
        let head: Vec<String> = self.head.iter().map(ToString::to_string).collect();
        let mut text = format!("{}{}\n", " ".repeat(total.saturating_sub(self.title.len()) / 2), self.title);
        text += &rule("┏", "━", "┳", "┓");
        text += &cells(&head, "┃");
        text += &rule("┡", "━", "╇", "┩");
        text.extend(self.rows.iter().map(|row| cells(row, "│")));
        text + &rule("└", "─", "┴", "┘")
    }
}

/// Lines of a plain table of which more may come at any time: columns become wider and never narrower.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    widths: Vec<usize>,
}

impl Lines {
    /// The lines, each with its end.
    pub(crate) fn of(&mut self, rows: &[Vec<String>]) -> String {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        for row in &rows {
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = text::width(cell).max(*width);
            }
        }
        rows.iter().map(|row| plain_line(row, &self.widths)).collect()
    }
}

fn shown(cell: &str) -> String {
    if cell.is_empty() { "-".to_owned() } else { text::one_line(cell).into_owned() }
}

fn plain_line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| pad(cell, *width)).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

fn pad(cell: &str, columns: usize) -> String {
    format!("{cell}{}", " ".repeat(columns.saturating_sub(text::width(cell))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("Tasks", vec!["Task ID", "Name"]);
        table.row(&["abc12345".into(), "漢\u{1b}".into()]);
        table.row(&["b".into(), String::new()]);
        table
    }

    #[test]
    fn plain_columns() {
        assert_eq!(table().plain(), "Tasks\nTask ID   Name\nabc12345  漢\\u{1b}\nb         -\n");
    }

    #[test]
    fn a_box_if_it_fits() {
        let expected = "         Tasks
┏━━━━━━━━━━┳━━━━━━━━━━┓
┃ Task ID  ┃ Name     ┃
┡━━━━━━━━━━╇━━━━━━━━━━┩
│ abc12345 │ 漢\\u{1b} │
│ b        │ -        │
└──────────┴──────────┘
";
        assert_eq!(table().boxed(80), expected);
        assert_eq!(table().boxed(10), table().plain());
    }
}
