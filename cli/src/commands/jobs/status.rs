//! `jobs status`: everything about one task.

use serde_json::Value;
use sky_crd::{api::NodeView, task::Endpoint};

use crate::{
    args::Status,
    commands::Context,
    error::Error,
    printer::{Printer, Style},
    python, text,
    waiting::state_word,
};

pub(crate) fn status(context: &Context, args: &Status) -> Result<(), Error> {
    let answer = context.api()?.task(&args.task_id)?;
    let (printer, task) = (context.printer, &answer.view);
    if printer.is_data() {
        return printer.data(&answer.raw, &[&task.task_id]);
    }
    printer.line(&printer.styled(Style::Bold, "Task Details"))?;
    printer.pair("Task ID", &task.task_id)?;
    printer.pair("Name", &task.name)?;
    printer.pair("Status", state_word(task.status))?;
    printer.pair("Created", &task.created_at)?;
    printer.pair("Updated", &task.updated_at)?;
    printer.line(&format!("\n{}", printer.styled(Style::Bold, "Metadata")))?;
    // From the answer as it came: what a newer gateway adds is shown too, in its order.
    let metadata = answer.raw.get("metadata").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in metadata.filter(|(key, _)| !["endpoints", "last_lines", "nodes"].contains(&key.as_str())) {
        printer.pair(&text::one_line(key), &python::display(value))?;
    }
    endpoints(printer, &task.metadata.endpoints)?;
    nodes(printer, &task.metadata.nodes)?;
    last_lines(printer, &task.metadata.last_lines)
}

/// What the node that failed said last.
fn last_lines(printer: Printer, lines: &[String]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    printer.line(&format!("\n{}", printer.styled(Style::Bold, "Last lines of the log")))?;
    lines.iter().try_for_each(|line| printer.line(&format!("  {}", text::visible(line))))
}

/// Where each port is reached.
fn endpoints(printer: Printer, endpoints: &[Endpoint]) -> Result<(), Error> {
    if endpoints.is_empty() {
        return Ok(());
    }
    printer.line(&format!("\n{}", printer.styled(Style::Bold, "Ports")))?;
    for endpoint in endpoints {
        let told = [Some(&endpoint.address).filter(|address| !address.is_empty()), endpoint.message.as_ref()];
        let told: Vec<_> = told.into_iter().flatten().map(String::as_str).collect();
        printer.pair(&endpoint.ports.join(", "), &format!("{}: {}", endpoint.kind, told.join("; ")))?;
    }
    Ok(())
}

/// One line per node; the original has none of this.
fn nodes(printer: Printer, nodes: &[NodeView]) -> Result<(), Error> {
    if nodes.is_empty() {
        return Ok(());
    }
    printer.line(&format!("\n{}", printer.styled(Style::Bold, "Nodes")))?;
    for node in nodes {
        let machine = node.machine.as_ref().map(|machine| format!(" on {machine}")).unwrap_or_default();
        let code = node.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
        let why = [&node.reason, &node.message].into_iter().flatten().map(|text| format!(": {text}"));
        let line = format!("{}{machine}{code}{}", state_word(node.status), why.collect::<String>());
        printer.pair(&format!("node-{}", node.index), &line)?;
    }
    Ok(())
}
