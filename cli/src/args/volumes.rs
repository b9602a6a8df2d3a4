//! `k8s-cli volumes …`

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

use super::{List, Output};
use crate::complete;

#[derive(Debug, Subcommand)]
pub(crate) enum Volumes {
    /// Create a new volume (PVC)
    Create(CreateVolume),
    /// Create the volumes of files, unless they are there already
    Apply(ApplyVolume),
    /// List all volumes
    #[command(after_help = "\
Examples:
  k8s-cli volumes list
  k8s-cli volumes list -o wide
  k8s-cli volumes list -o name")]
    List(List),
    /// Delete a volume
    Delete(DeleteVolume),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  k8s-cli volumes create data 10Gi
  k8s-cli volumes create data 5Gi --storage-class fast-ssd
  k8s-cli volumes create shared 20Gi -a ReadWriteMany")]
pub(crate) struct CreateVolume {
    /// Volume name
    pub(crate) name: String,
    /// Volume size (e.g., '10Gi', '1Ti')
    pub(crate) size: String,
    /// Storage class name
    #[arg(short, long, value_name = "CLASS")]
    pub(crate) storage_class: Option<String>,
    /// Access modes (comma-separated)
    #[arg(short, long, value_name = "MODES", default_value = "ReadWriteOnce")]
    pub(crate) access_modes: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A file is one volume: as SkyPilot writes it, or with the fields of `volumes create`. A volume of
yours that has its name and is as the file says is left alone; one that is different is an error:
no volume is changed.

  name: data                            name: data
  type: k8s-pvc                         size: 10Gi
  size: 10Gi                            storage_class: fast-ssd
  config:                               access_modes: [ReadWriteMany]
    storage_class_name: fast-ssd
    access_mode: ReadWriteMany

Examples:
  k8s-cli volumes apply -f data.yaml
  k8s-cli volumes apply -f data.yaml -f models.yaml
  k8s-cli volumes apply -f - < data.yaml")]
pub(crate) struct ApplyVolume {
    /// Volume YAML file; `-` reads standard input; repeatable
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The data are lost. A volume that a task uses is not deleted.

Examples:
  k8s-cli volumes delete abc12345
  k8s-cli volumes delete abc12345 --force")]
pub(crate) struct DeleteVolume {
    /// Volume ID to delete
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::volumes())]
    pub(crate) volume_id: String,
    /// Skip confirmation
    #[arg(short, long)]
    pub(crate) force: bool,
}
