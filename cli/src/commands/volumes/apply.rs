//! `volumes apply`: the volumes of files exist afterwards, however often it is called.

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
    let Some(same) = named.iter().find(|volume| difference(volume, wanted).is_none()) else {
        let difference = difference(newest, wanted).unwrap_or_default();
        return Err(Error::VolumeDiffers { name: wanted.name.clone(), id: newest.volume_id.clone(), difference });
    };
    unchanged(printer, &wanted.name, &same.volume_id)
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

/// In what a volume is not as it should be. A storage class that is not asked for is the cluster's default, whichever.
fn difference(volume: &VolumeView, wanted: &VolumeRequest) -> Option<String> {
    let order = quantity::compare(&wanted.size, &volume.size);
    if order != Some(Ordering::Equal) {
        // The API has no right to change a volume.
        let how = if order == Some(Ordering::Greater) {
            ", and grows only by `spec.size` of its SkyVolume: `kubectl edit skyvolume`"
        } else {
            ""
        };
        let size = quantity::canonical(&wanted.size);
        return Some(format!("its size is {}, not {size}{how}", volume.size));
    }
    if let Some(class) = wanted.storage_class.as_ref().filter(|class| volume.storage_class.as_ref() != Some(*class)) {
        let found = volume.storage_class.as_deref().unwrap_or("the default");
        return Some(format!("its storage class is {found}, not {class}"));
    }
    let default = [DEFAULT_MODE.to_owned()];
    let modes = wanted.access_modes.as_deref().unwrap_or(&default);
    let set = |modes: &[String]| modes.iter().cloned().collect::<BTreeSet<_>>();
    if set(&volume.access_modes) == set(modes) {
        None
    } else {
        Some(format!("its access modes are {}, not {}", volume.access_modes.join(", "), modes.join(", ")))
    }
}
