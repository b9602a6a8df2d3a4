//! `volumes`: create, apply, list, delete.

mod apply;

use std::io;

use sky_crd::api::{VolumeRequest, VolumeView};

pub(super) use apply::apply;

use super::{Context, to_seconds};
use crate::{
    args::{CreateVolume, DeleteVolume, Format, List},
    error::Error,
    printer::Style,
    table::Table,
};

pub(super) fn create(context: &Context, args: CreateVolume) -> Result<(), Error> {
    let modes = args.access_modes.split(',').map(|mode| mode.trim().to_owned()).collect();
    let answer = context.api()?.create_volume(&VolumeRequest {
        name: args.name,
        size: args.size,
        storage_class: args.storage_class.filter(|class| !class.is_empty()),
        access_modes: Some(modes).filter(|_| !args.access_modes.is_empty()),
    })?;
    let printer = context.printer;
    if printer.is_data() {
        return printer.data(&answer.raw, &[&answer.view.volume_id]);
    }
    printer.line(&printer.styled(Style::Good, "✓ Volume created successfully"))?;
    printer.pair("Volume ID", &answer.view.volume_id)?;
    printer.pair("Status", &answer.view.status)
}

pub(super) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let answer = context.api()?.volumes(args.all_users)?;
    let (printer, volumes) = (context.printer, &answer.view.volumes);
    if printer.is_data() {
        return printer.data(&answer.raw, &volumes.iter().map(|volume| volume.volume_id.as_str()).collect::<Vec<_>>());
    }
    if volumes.is_empty() {
        return printer.line(&printer.styled(Style::Note, "No volumes found"));
    }
    let details = args.details || printer.format() == Format::Wide;
    let mut head = vec!["Volume ID", "Name", "Size", "Status", "Created"];
    if args.all_users {
        head.push("User");
    }
    if details {
        head.extend(["Storage Class", "Access Modes", "PVC Name"]);
    }
    let mut table = Table::new("Volumes", head);
    for volume in volumes {
        table.row(&row(volume, args.all_users, details));
    }
    printer.table(&table)?;
    printer.line(&format!("\nTotal volumes: {}", volumes.len()))
}

fn row(volume: &VolumeView, all_users: bool, details: bool) -> Vec<String> {
    let mut cells = vec![
        volume.volume_id.clone(),
        volume.name.clone(),
        volume.size.clone(),
        volume.status.clone(),
        to_seconds(&volume.created_at),
    ];
    if all_users {
        cells.push(volume.username.clone());
    }
    if details {
        let class = volume.storage_class.clone().unwrap_or_default();
        cells.extend([class, volume.access_modes.join(", "), volume.metadata.pvc_name.clone()]);
    }
    cells
}

pub(super) fn delete(context: &Context, args: &DeleteVolume) -> Result<(), Error> {
    let printer = context.printer;
    if !args.force && !confirmed(context, &args.volume_id)? {
        return printer.line(&printer.styled(Style::Note, "Cancelled"));
    }
    let answer = context.api()?.delete_volume(&args.volume_id)?;
    printer.line(&printer.styled(Style::Good, "✓ Volume deleted successfully"))?;
    printer.pair("Volume ID", &answer.view.volume_id)?;
    printer.pair("Status", &answer.view.status)
}

/// Asks until the answer is yes or no; the end of the input is neither.
fn confirmed(context: &Context, volume_id: &str) -> Result<bool, Error> {
    loop {
        context.printer.question(&format!("Are you sure you want to delete volume {volume_id}? [y/N]: "))?;
        let mut answer = String::new();
        if io::stdin().read_line(&mut answer)? == 0 {
            context.printer.line("")?;
            return Err(Error::Aborted);
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => context.printer.line("Error: invalid input")?,
        }
    }
}
