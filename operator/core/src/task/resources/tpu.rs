//! TPUs, by GKE's names of kinds and by Google Cloud's names of slices.

use k8s_openapi::api::core::v1::NodeSelectorTerm;

use super::label::{GKE_TPU, is_one_of, term};

const GKE_TPU_TOPOLOGY: &str = "cloud.google.com/gke-tpu-topology";

/// GKE's kind of the slices whose names begin so (SkyPilot's `normalize_tpu_accelerator_name`).
const KINDS: [(&str, &str); 5] = [
    ("tpu-v6e-", "tpu-v6e-slice"),
    ("tpu-v5p-", "tpu-v5p-slice"),
    ("tpu-v5litepod-", "tpu-v5-lite-podslice"),
    ("tpu-v5lite-", "tpu-v5-lite-device"),
    ("tpu-v4-", "tpu-v4-podslice"),
];

/// How many TPUs are asked for, and the term of a machine that has them. Slices that span machines have a topology per
/// machine count, which nobody asked for here.
pub(super) fn tpu(name: &str, count: u32) -> (u32, NodeSelectorTerm) {
    let name = name.to_ascii_lowercase();
    let (kind, count) = slice(&name).map_or((name.as_str(), count), |(kind, of_slice)| (kind, of_slice * count));
    let flat = ["tpu-v5-lite-podslice", "tpu-v5-lite-device", "tpu-v6e-slice"].contains(&kind);
    let topology = match (flat, count) {
        (true, 1) => Some("1x1"),
        (true, 4) => Some("2x2"),
        (true, 8) => Some("2x4"),
        (false, 4) => Some("2x2x1"),
        _ => None,
    };
    let topology = topology.map(|topology| is_one_of(GKE_TPU_TOPOLOGY, vec![topology.to_owned()]));
    let needs = std::iter::once(is_one_of(GKE_TPU, vec![kind.to_owned()])).chain(topology);
    (count, term(needs.collect()))
}

/// GKE's kind, and the TPUs, of a slice: `tpu-v6e-8` has 8 of `tpu-v6e-slice`.
fn slice(name: &str) -> Option<(&'static str, u32)> {
    let of = |(prefix, kind): (&str, &'static str)| {
        let count = name.strip_prefix(prefix)?.parse::<u32>().ok();
        count.filter(|count| (1..=1024).contains(count)).map(|count| (kind, count))
    };
    KINDS.into_iter().find_map(of)
}
