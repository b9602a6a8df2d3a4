//! `volumes apply`: the volumes of files exist afterwards, however often it is called. Nothing of one that exists is
//! changed but its size, which can grow.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::json;
use sky_crd::{
    api::{VolumeRequest, VolumeView},
    quantity,
};
use sky_taskfile::parse_new_volume;

use crate::{
    api::Api,
    args::ApplyVolume,
    commands::Context,
    entry::Entry,
    error::Error,
    printer::{Printer, Style},
};

/// Access mode of a volume of which none is said.
const DEFAULT_MODE: &str = "ReadWriteOnce";

pub(crate) fn apply(context: &Context, args: &ApplyVolume) -> Result<(), Error> {
    let printer = context.printer;
    let mut wanted = Vec::new();
    let mut first_refusal = None;
    // All files are read before the first volume is made, and everything that is wrong with any of them is shown.
    for path in &args.files {
        let Entry { text, name } = Entry::of_file(path)?;
        match (parse_new_volume(&text, &name), &first_refusal) {
            (Ok(volume), _) => wanted.push(volume),
            (Err(error), None) => first_refusal = Some(error),
            (Err(error), Some(_)) => printer.explanation(&error.explain()),
        }
    }
    if let Some(error) = first_refusal {
        return Err(Error::VolumeFile(error));
    }
    let api = context.api()?;
    for volume in wanted {
        for warning in &volume.warnings {
            printer.warning(warning);
        }
        one(&api, printer, &volume.request)?;
    }
    Ok(())
}

/// One of two calls at the same moment creates the volume, the other finds it.
fn one(api: &Api, printer: Printer, wanted: &VolumeRequest) -> Result<(), Error> {
    let mine = api.volumes(false)?.view.volumes;
    let named: Vec<&VolumeView> = mine.iter().filter(|volume| volume.name == wanted.name).collect();
    let Some(newest) = named.first() else {
        let answer = api.create_volume_once(wanted)?;
        if answer.view.status == "exists" {
            return unchanged(printer, &wanted.name, &answer.view.volume_id);
        }
        if printer.is_data() {
            return printer.data(&answer.raw, &[&answer.view.volume_id]);
        }
        printer.line(&printer.styled(Style::Good, "✓ Volume created successfully"))?;
        return about(printer, &answer.view.volume_id, &answer.view.status);
    };
    if let Some(same) = named.iter().find(|volume| difference(volume, wanted).is_none()) {
        return unchanged(printer, &wanted.name, &same.volume_id);
    }
    match difference(newest, wanted) {
        Some(Difference::Larger) => grow(api, printer, newest, wanted),
        Some(Difference::Other(difference)) => {
            Err(Error::VolumeDiffers { name: wanted.name.clone(), id: newest.volume_id.clone(), difference })
        }
        None => unchanged(printer, &wanted.name, &newest.volume_id),
    }
}

/// The storage class decides whether it gets what is asked for; the volume then says so.
fn grow(api: &Api, printer: Printer, volume: &VolumeView, wanted: &VolumeRequest) -> Result<(), Error> {
    let answer = api.grow_volume(&volume.volume_id, &wanted.size)?;
    if answer.view.status == "unchanged" {
        return unchanged(printer, &wanted.name, &volume.volume_id);
    }
    if printer.is_data() {
        return printer.data(&answer.raw, &[&answer.view.volume_id]);
    }
    let grows = format!("✓ Volume grows from {} to {}", volume.size, wanted.size);
    printer.line(&printer.styled(Style::Good, &grows))?;
    about(printer, &answer.view.volume_id, &answer.view.status)
}

fn unchanged(printer: Printer, name: &str, id: &str) -> Result<(), Error> {
    let status = "unchanged";
    if printer.is_data() {
        let message = format!("Volume {name} exists with ID: {id}");
        return printer.data(&json!({"volume_id": id, "status": status, "message": message}), &[id]);
    }
    printer.line(&printer.styled(Style::Good, "✓ Volume is there already"))?;
    about(printer, id, status)
}

fn about(printer: Printer, id: &str, status: &str) -> Result<(), Error> {
    printer.pair("Volume ID", id)?;
    printer.pair("Status", status)
}

/// In what a volume is not as it should be.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    /// It should be larger, and is right in everything else.
    Larger,
    /// What is never changed, as words.
    Other(String),
}

/// A storage class that is not asked for is the cluster's default, whichever.
fn difference(volume: &VolumeView, wanted: &VolumeRequest) -> Option<Difference> {
    if let Some(class) = wanted.storage_class.as_ref().filter(|class| volume.storage_class.as_ref() != Some(*class)) {
        let found = volume.storage_class.as_deref().unwrap_or("the default");
        return Some(Difference::Other(format!("its storage class is {found}, not {class}")));
    }
    let default = [DEFAULT_MODE.to_owned()];
    let modes = wanted.access_modes.as_deref().unwrap_or(&default);
    let set = |modes: &[String]| modes.iter().cloned().collect::<BTreeSet<_>>();
    if set(&volume.access_modes) != set(modes) {
        let (found, wanted) = (volume.access_modes.join(", "), modes.join(", "));
        return Some(Difference::Other(format!("its access modes are {found}, not {wanted}")));
    }
    match quantity::compare(&wanted.size, &volume.size) {
        Some(Ordering::Equal) => None,
        Some(Ordering::Greater) => Some(Difference::Larger),
        _ => {
            let (found, wanted) = (&volume.size, quantity::canonical(&wanted.size));
            Some(Difference::Other(format!("its size is {found}, not {wanted}, and a volume cannot shrink")))
        }
    }
}
