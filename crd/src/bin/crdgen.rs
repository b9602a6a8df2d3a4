//! Writes the CustomResourceDefinitions into a directory: `crdgen DIRECTORY`.

use std::{error::Error, fs, path::Path};

use sky_crd::schema;

const HEADER: &str = "# Generated from the Rust types in crd/ by `make generate`. Do not edit.\n";

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: crdgen DIRECTORY")?;
    fs::create_dir_all(&directory)?;
    for crd in [schema::task_crd(), schema::volume_crd()] {
        let name = crd["spec"]["names"]["plural"].as_str().ok_or("a CRD without a name")?;
        let path = Path::new(&directory).join(format!("{name}.yaml"));
        fs::write(path, format!("{HEADER}{}", serde_yaml::to_string(&crd)?))?;
    }
    Ok(())
}
