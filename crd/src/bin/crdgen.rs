//! Writes the CustomResourceDefinitions into a directory, and their reference: `crdgen DIRECTORY REFERENCE.md`.

use std::{error::Error, fs, path::Path};

use sky_crd::{reference, schema};

const HEADER: &str = "# Generated from the Rust types in crd/ by `make generate`. Do not edit.\n";

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: crdgen DIRECTORY REFERENCE.md";
    let mut arguments = std::env::args().skip(1);
    let (directory, reference) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    fs::create_dir_all(&directory)?;
    let crds = [schema::task_crd(), schema::volume_crd()];
    fs::write(reference, reference::markdown(&crds))?;
    for crd in crds {
        let name = crd["spec"]["names"]["plural"].as_str().ok_or("a CRD without a name")?;
        let path = Path::new(&directory).join(format!("{name}.yaml"));
        fs::write(path, format!("{HEADER}{}", serde_yaml::to_string(&crd)?))?;
    }
    Ok(())
}
