//! Models of GPUs, as users and machines write them.
//!
//! SkyPilot has a list of canonical names and patterns; here a name is taken apart instead, so that a model that came
//! after this was written is known too, and `L4`, `L40` and `L40S` are three words and never parts of each other.

/// A model, from either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The words that tell models apart, in capitals: `H100`; `RTX6000`, `ADA`.
    words: Vec<String>,
    /// Gigabytes that the name speaks of.
    memory: Option<u32>,
    /// Whether the name says Quadro, which most people leave out.
    quadro: bool,
    /// How much of a device one unit is.
    pub(super) part: Part,
}

/// How much of a device one unit of the resource is: all of it unless something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// An instance of this MIG profile, such as `1g.5gb`.
    pub(super) profile: Option<String>,
    /// A share of its time.
    pub(super) shared: bool,
}

impl Part {
    /// All of a device.
    pub(super) const WHOLE: Self = Self { profile: None, shared: false };
}

/// Makers, and words about how a device is built in: two of one model differ in them.
const NOISE: [&str; 19] = [
    "NVIDIA", "TESLA", "GEFORCE", "AMD", "INSTINCT", "PCIE", "PCI", "NVLINK", "SXM", "SXM2", "SXM3", "SXM4", "SXM5",
    "SXM6", "HBM2", "HBM2E", "HBM3", "HBM3E", "OAM",
];
/// Words at the end of product names that say nothing.
const EMPTY: [&str; 6] = ["GENERATION", "SERVER", "EDITION", "BLACKWELL", "GPU", "ACCELERATOR"];

/// Gigabytes of a model whose name does not say them, the smallest where there are several. Two words before one.
const GIGABYTES: [(&str, u32); 55] = [
    ("H100-NVL", 94),
    ("RTX6000-ADA", 48),
    ("RTX5000-ADA", 32),
    ("RTX4500-ADA", 24),
    ("RTX4000-ADA", 20),
    ("RTX2000-ADA", 16),
    ("GB300", 288),
    ("GB200", 186),
    ("B300", 288),
    ("B200", 180),
    ("B100", 192),
    ("GH200", 96),
    ("H200", 141),
    ("H100", 80),
    ("H800", 80),
    ("H20", 96),
    ("A100", 40),
    ("A800", 80),
    ("A10G", 24),
    ("A10", 24),
    ("A16", 16),
    ("A2", 16),
    ("A30", 24),
    ("A40", 48),
    ("RTX6000", 24),
    ("RTXPRO6000", 96),
    ("L40S", 48),
    ("L40", 48),
    ("L4", 24),
    ("A6000", 48),
    ("A5000", 24),
    ("A4000", 16),
    ("RTX3090", 24),
    ("RTX4090", 24),
    ("RTX5090", 32),
    ("V100", 16),
    ("P100", 16),
    ("P40", 24),
    ("P4000", 8),
    ("P4", 8),
    ("T4G", 16),
    ("T4", 16),
    ("K80", 12),
    ("M60", 8),
    ("MI25", 16),
    ("MI50", 16),
    ("MI60", 32),
    ("MI100", 32),
    ("MI210", 64),
    ("MI250", 128),
    ("MI250X", 128),
    ("MI300A", 128),
    ("MI300X", 192),
    ("MI325X", 256),
    ("MI355X", 288),
];

impl Model {
    /// Takes a name apart: `NVIDIA-H100-80GB-HBM3`, `h100`, `A100_NVLINK_80GB`, `A100-MIG-1g.5gb`.
    pub(super) fn read(text: &str) -> Self {
        let upper = text.trim().to_ascii_uppercase();
        let mut model = Self { words: Vec::new(), memory: None, quadro: false, part: Part::WHOLE };
        let words = upper.split(['-', '_', ' ', '/']);
        let mut words = words.filter(|word| !matches!(*word, "" | "MIG")).peekable();
        while let Some(word) = words.next() {
            if is_profile(word) {
                model.part.profile = Some(word.to_ascii_lowercase());
            } else if word == "SHARED" {
                model.part.shared = true;
            } else if word == "QUADRO" {
                model.quadro = true;
            } else if let Some(gigabytes) = gigabytes_in(word) {
                model.memory = Some(gigabytes);
            } else if word == "RTX" {
                let number = words.next_if(|next| next.starts_with(|c: char| c.is_ascii_digit()) || *next == "PRO");
                match number {
                    Some("PRO") => model.words.push(format!("RTXPRO{}", words.next().unwrap_or_default())),
                    Some(number) => model.words.push(format!("RTX{number}")),
                    // `RTX A6000` is called A6000.
                    None if words.peek().is_some() => {}
                    None => model.words.push(word.to_owned()),
                }
            } else if !NOISE.contains(&word) && !EMPTY.contains(&word) {
                model.words.push(word.to_owned());
            }
        }
        // What a superchip's name speaks of is the processor's memory.
        model.memory = model.memory.filter(|_| model.base() != "GH200");
        if model.words.is_empty() && model.part == Part::WHOLE {
            model.words.push(upper);
        }
        model
    }

    /// The first of its words; empty for a part of any model.
    pub(super) fn base(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Whether it is a part of whatever model.
    pub(super) fn is_of_any(&self) -> bool {
        self.words.is_empty()
    }

    /// The whole device.
    pub(super) fn whole(&self) -> Self {
        Self { part: Part::WHOLE, ..self.clone() }
    }

    /// Gigabytes that the name speaks of.
    pub(super) fn named_gigabytes(&self) -> Option<u32> {
        self.memory
    }

    /// Gigabytes that it has.
    pub(super) fn gigabytes(&self) -> Option<u32> {
        let known = |name: &str| GIGABYTES.iter().find(|(known, _)| *known == name).map(|(_, gigabytes)| *gigabytes);
        let of_two = || known(&self.words.get(..2)?.join("-"));
        self.memory.or_else(of_two).or_else(|| known(self.base()))
    }

    /// Whether this, a machine's, is what `wanted` asks for (SkyPilot's `_accelerator_name_matches`): the same words from
    /// the first on, no less memory than the name asks for, and the same part of a device. SkyPilot
    /// takes a plain `H100` for `H100-MEGA` as well, which nobody asked for.
    pub(super) fn is(&self, wanted: &Self) -> bool {
        let enough = |gigabytes: u32| self.gigabytes().is_some_and(|has| has >= gigabytes);
        self.part == wanted.part
            && self.words.starts_with(&wanted.words)
            && (self.quadro || !wanted.quadro)
            && wanted.memory.is_none_or(enough)
    }
}

/// `80GB`, and `80G` as some write it.
fn gigabytes_in(word: &str) -> Option<u32> {
    word.strip_suffix("GB").or_else(|| word.strip_suffix('G'))?.parse().ok()
}

/// `1g.5gb`, `3g.40gb`, `1g.10gb.me`, `1c.2g.10gb`.
fn is_profile(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let number_and = |part: &str, unit: &str| {
        part.strip_suffix(unit).is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    parts.windows(2).any(|pair| number_and(pair[0], "G") && number_and(pair[1], "GB"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a machine's name for itself is to a request: skypilot.md §3's names and near misses.
    #[test]
    fn requests_and_machines() {
        for (machine, fits, misses) in [
            (
                "NVIDIA-H100-80GB-HBM3",
                "H100 h100 H100-80GB NVIDIA-H100-80GB-HBM3",
                "H10 H200 H100-MEGA H100-94GB GH200",
            ),
            ("NVIDIA-H100-PCIe", "H100 H100-80GB", "H100-NVL"),
            ("NVIDIA-H100-NVL", "H100 H100-NVL H100-80GB H100-94GB", "H200"),
            ("NVIDIA-A100-SXM4-40GB", "A100 A100-40GB", "A100-80GB A10 A10G A16"),
            ("NVIDIA-A100-SXM4-80GB", "A100 A100-80GB a100-80gb", "A10"),
            ("NVIDIA-A100-80GB-PCIe", "A100 A100-80GB A100-80G", ""),
            ("NVIDIA-A10", "A10", "A10G A100"),
            ("NVIDIA-A10G", "A10G", "A10 A100"),
            ("Tesla-T4", "T4 t4", "T4g K80"),
            ("NVIDIA-T4G", "T4g", "T4"),
            ("Tesla-T4-SHARED", "T4-SHARED", "T4"),
            ("Tesla-V100-SXM2-32GB", "V100 V100-32GB", "V100-64GB"),
            ("Tesla-V100-SXM2-16GB", "V100 V100-16GB", "V100-32GB"),
            ("NVIDIA-L4", "L4", "L40 L40S"),
            ("NVIDIA-L40", "L40", "L4 L40S"),
            ("NVIDIA-L40S", "L40S", "L4 L40"),
            ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100-MIG-1g.5gb MIG-1g.5gb 1g.5gb", "A100 A100-MIG-2g.10gb"),
            ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED", "A100-MIG-1g.5gb-SHARED", "A100-MIG-1g.5gb A100-SHARED A100"),
            ("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb.me", "H100-MIG-1g.10gb.me", "H100 H100-MIG-1g.10gb"),
            ("NVIDIA-RTX-A6000", "A6000 RTX-A6000", "RTX6000 RTX6000-Ada"),
            ("NVIDIA-RTX-6000-Ada-Generation", "RTX6000-Ada RTX6000 RTX-6000-Ada", "A6000 QUADRO-RTX6000"),
            ("Quadro-RTX-6000", "QUADRO-RTX6000 RTX6000 RTX6000-24GB", "RTX6000-Ada A6000 RTX6000-48GB"),
            ("Quadro-P4000", "P4000 QUADRO-P4000", "P4 P40"),
            ("NVIDIA-RTX-5000-Ada-Generation", "RTX5000-Ada RTX5000-Ada-32GB", "RTX5000-Ada-48GB A5000"),
            ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "RTXPRO6000 RTX-PRO-6000", "RTX6000"),
            ("NVIDIA-GeForce-RTX-4090", "RTX4090 RTX-4090", "RTX3090"),
            ("NVIDIA-H20", "H20", "H200"),
            ("NVIDIA-H200", "H200 H200-141GB", "H20"),
            ("NVIDIA-GH200-480GB", "GH200 GH200-480GB", "H200"),
            ("NVIDIA-B200", "B200", "GB200"),
            ("h100", "H100 H100-80GB", "H200"),
            ("nvidia-tesla-a100", "A100", "A100-80GB"),
            ("nvidia-a100-80gb", "A100 A100-80GB", ""),
            ("nvidia-h100-80gb", "H100", "H100-MEGA"),
            ("nvidia-h100-mega-80gb", "H100-MEGA H100", "H200"),
            ("nvidia-tesla-p4", "P4", "P40 P4000"),
            ("H100_NVLINK_80GB", "H100 H100-80GB", "H200"),
            ("A100_PCIE_40GB", "A100", "A100-80GB"),
            ("RTX_A5000", "A5000", "A500"),
            ("AMD_Instinct_MI300X_OAM", "MI300X mi300x", "MI300 MI300A"),
            ("AMD_Instinct_MI210", "MI210 MI210-64GB", "MI250"),
        ] {
            let has = Model::read(machine);
            for wanted in fits.split_whitespace() {
                assert!(has.is(&Model::read(wanted)), "{machine} is {wanted}: {has:?}");
            }
            for wanted in misses.split_whitespace() {
                assert!(!has.is(&Model::read(wanted)), "{machine} is no {wanted}: {has:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_is_itself(text in "[A-Za-z0-9._ -]{0,63}") {
            let model = Model::read(&text);
            prop_assert!(model.is(&model));
        }
    }
}
