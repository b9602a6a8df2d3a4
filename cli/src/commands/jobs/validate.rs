//! `jobs validate`: what is wrong with task files, and volume files, all of it at once.

use std::process::ExitCode;

use serde_json::{Value, json};
use sky_taskfile::{Problem, TaskFileError, is_volume, parse_new_volume, parse_with_secrets};

use crate::{
    args::{Format, Validate},
    commands::Context,
    entry::Entry,
    error::Error,
    given,
    printer::{Printer, Style},
};

/// What was found in one file.
type Finding = (String, Result<Right, TaskFileError>);

/// A file with which nothing is wrong.
struct Right {
    /// What can be done with it.
    use_: &'static str,
    warnings: Vec<String>,
}

pub(crate) fn validate(context: &Context, args: Validate) -> Result<ExitCode, Error> {
    let (overrides, secrets) = given::resolve(args.changes)?;
    let mut findings = Vec::new();
    for path in &args.files {
        let Entry { text, name } = Entry::of_file(path)?;
        let read = if is_volume(&text, &name) {
            parse_new_volume(&text, &name).map(|volume| Right { use_: "applied", warnings: volume.warnings })
        } else {
            let task = parse_with_secrets(&text, &name, overrides.clone(), &secrets);
            task.map(|task| Right { use_: "submitted", warnings: task.warnings })
        };
        findings.push((name, read));
    }
    show(context.printer, &findings)?;
    let all_right = findings.iter().all(|(_, read)| read.is_ok());
    Ok(if all_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(printer: Printer, findings: &[Finding]) -> Result<(), Error> {
    if printer.is_data() {
        let list: Vec<Value> = findings.iter().map(entry).collect();
        let right: Vec<&str> =
            findings.iter().filter(|(_, read)| read.is_ok()).map(|(name, _)| name.as_str()).collect();
        printer.data(&list.into(), &right)?;
        // The names alone do not say why others are missing.
        if printer.format() != Format::Name {
            return Ok(());
        }
    }
    for (name, read) in findings {
        match read {
            Ok(file) => {
                for warning in &file.warnings {
                    printer.warning(&format!("{name}: {warning}"));
                }
                if !printer.is_data() {
                    printer.line(&printer.styled(Style::Good, &format!("✓ {name} can be {}", file.use_)))?;
                }
            }
            Err(error) => printer.explanation(&error.explain()),
        }
    }
    Ok(())
}

/// A file's entry in the list that is data.
fn entry((name, read): &Finding) -> Value {
    let (problems, warnings) = match read {
        Ok(file) => (Vec::new(), file.warnings.clone()),
        Err(TaskFileError::Fields { problems, .. }) => (problems.iter().map(problem).collect(), Vec::new()),
        Err(error) => {
            let (line, column) = match error {
                TaskFileError::Syntax { position: Some(position), .. } => (Some(position.line), Some(position.column)),
                _ => (None, None),
            };
            (vec![json!({"field": null, "line": line, "column": column, "message": error.to_string()})], Vec::new())
        }
    };
    json!({"file": name, "valid": read.is_ok(), "problems": problems, "warnings": warnings})
}

/// Line and column are null for what is not in the file.
fn problem(problem: &Problem) -> Value {
    let position = problem.place.as_ref().map(|place| place.position);
    json!({
        "field": problem.path,
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "message": problem.kind.to_string(),
    })
}
