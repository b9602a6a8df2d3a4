//! Accelerators as text: `1`, `V100:2`, `H100`, `40GB+:4`, `nvidia:16GB`.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most devices of a node.
const MAX_COUNT: u32 = 1024;

/// So many devices on every node: of one model, of so much memory each, or any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// Model, such as `H100`, `A100-80GB`, `MI300X`, or a part of one, such as `A100-MIG-1g.5gb`. Without name and
    /// memory, any GPU will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// Memory of each device in place of a model: `40GB` for so much, `40GB+` for so much or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), regex(pattern = r"^[0-9]+(\.[0-9]+)?[KMGTkmgt][Bb]\+?$"))]
    pub memory: Option<String>,
    /// Who makes the devices, together with `memory`: `nvidia` or `amd`. Default: `nvidia`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub vendor: Option<String>,
    /// Devices per node.
    #[schemars(range(min = 1, max = 1024))]
    pub count: u32,
}

/// The text names no accelerator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no accelerator: write a count (`1`), a model (`H100`) or both (`H100:8`), or memory (`40GB+:2`)")]
pub struct InvalidAccelerator(String);

/// How much memory a device must have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceMemory {
    /// Gigabytes as makers count them: of 10^9 bytes, or a little more.
    pub gigabytes: f64,
    /// Whether more will do.
    pub at_least: bool,
}

impl FromStr for DeviceMemory {
    type Err = ();

    /// `40GB`, `40gb+`, `1TB`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (amount, at_least) = text.strip_suffix('+').map_or((text, false), |amount| (amount, true));
        let lower = amount.to_ascii_lowercase();
        let units = [("kb", 1e-6), ("mb", 1e-3), ("gb", 1.0), ("tb", 1e3)];
        let found = units.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, factor)));
        let (digits, factor) = found.ok_or(())?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number: f64 = if plain { digits.parse().map_err(|_| ())? } else { return Err(()) };
        if number > 0.0 && number.is_finite() { Ok(Self { gigabytes: number * factor, at_least }) } else { Err(()) }
    }
}

impl Accelerator {
    /// How much memory each device must have, where that is what was asked for.
    pub fn device_memory(&self) -> Option<DeviceMemory> {
        self.memory.as_deref().and_then(|text| text.parse().ok())
    }
}

impl FromStr for Accelerator {
    type Err = InvalidAccelerator;

    /// The specification's `"1"` is one GPU of any model; SkyPilot's `"H100"` and `"H100:8"` name the model, `"40GB+"`
    /// and `"nvidia:40GB:2"` the memory. A part of a device is a whole one, as in SkyPilot.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || InvalidAccelerator(text.chars().take(80).collect());
        let parts: Vec<&str> = text.splitn(4, ':').map(str::trim).collect();
        let is_memory = |part: &str| part.len() <= 16 && part.parse::<DeviceMemory>().is_ok();
        let of_memory = |vendor: Option<&str>, memory: &str| Self {
            memory: Some(memory.to_ascii_uppercase()),
            vendor: vendor.map(str::to_ascii_lowercase),
            ..Self::default()
        };
        let of_model = |name: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let valid = !name.is_empty() && name.len() <= 63 && name.chars().all(fits);
            if valid { Ok(Self { name: Some(name.to_owned()), ..Self::default() }) } else { Err(refuse()) }
        };
        let is_vendor = |part: &str| (1..=32).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let (what, number) = match parts[..] {
            [number] if number.bytes().all(|b| b.is_ascii_digit()) => (Self::default(), number),
            [memory] if is_memory(memory) => (of_memory(None, memory), "1"),
            [name] => (of_model(name)?, "1"),
            [vendor, memory] if is_memory(memory) && is_vendor(vendor) => (of_memory(Some(vendor), memory), "1"),
            [memory, number] if is_memory(memory) => (of_memory(None, memory), number),
            [name, number] => (of_model(name)?, number),
            [vendor, memory, number] if is_memory(memory) && is_vendor(vendor) => {
                (of_memory(Some(vendor), memory), number)
            }
            _ => return Err(refuse()),
        };
        Ok(Self { count: count(number).ok_or_else(refuse)?, ..what })
    }
}

/// Devices of a number, rounded up.
fn count(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = digits.parse().ok().filter(|_| plain)?;
    let whole = number.ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked before")]
    (whole >= 1.0 && whole <= f64::from(MAX_COUNT)).then_some(whole as u32)
}

impl fmt::Display for Accelerator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = [&self.vendor, &self.memory].into_iter().flatten().cloned().collect::<Vec<_>>().join(":");
        match (&self.name, what.as_str()) {
            (Some(name), _) => write!(out, "{name}:{}", self.count),
            (None, "") => write!(out, "{}", self.count),
            (None, what) => write!(out, "{what}:{}", self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(name: &str, count: u32) -> Accelerator {
        Accelerator { name: Some(name.to_owned()), count, ..Accelerator::default() }
    }

    fn memory(vendor: Option<&str>, memory: &str, count: u32) -> Accelerator {
        Accelerator { vendor: vendor.map(str::to_owned), memory: Some(memory.to_owned()), count, name: None }
    }

    #[test]
    fn reads_both_languages() {
        for (text, expected) in [
            ("1", Accelerator { count: 1, ..Accelerator::default() }),
            ("V100:2", model("V100", 2)),
            ("H100", model("H100", 1)),
            ("H100: 8", model("H100", 8)),
            ("H100:0.5", model("H100", 1)),
            ("H100:1.5", model("H100", 2)),
            ("A100-80GB:8", model("A100-80GB", 8)),
            ("A100-MIG-1g.5gb", model("A100-MIG-1g.5gb", 1)),
            ("16GB+", memory(None, "16GB+", 1)),
            ("40gb+:4", memory(None, "40GB+", 4)),
            ("nvidia:40GB", memory(Some("nvidia"), "40GB", 1)),
            ("NVIDIA:40GB:2", memory(Some("nvidia"), "40GB", 2)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for bad in ["", "0", "V100:", ":2", "V100:0", "V100:x", "a b:1", "99999999999", "H100:-1", "H100:nan", "a:b:c"]
        {
            assert!(bad.parse::<Accelerator>().is_err(), "{bad}");
        }
    }

    #[test]
    fn memory_of_a_device() {
        let forty = model("x", 1);
        assert_eq!(forty.device_memory(), None);
        let at_least: DeviceMemory = "40GB+".parse().unwrap();
        assert_eq!((at_least.gigabytes, at_least.at_least), (40.0, true));
        for bad in ["", "GB", "40", "40G", "+", "0GB", ".GB", "1.2.3GB"] {
            assert!(bad.parse::<DeviceMemory>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// No text makes the reader panic, and what it reads reads back as the same.
        #[test]
        fn prints_what_it_reads(text in prop_oneof![".{0,40}", "[a-z0-9A-Z:.+GB -]{0,24}"]) {
            if let Ok(read) = text.parse::<Accelerator>() {
                prop_assert_eq!(read.to_string().parse(), Ok(read));
            }
        }
    }
}
