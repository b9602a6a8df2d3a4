//! Accelerators as text: `1`, `V100:2`, `H100`.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many devices of one model on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// Model, such as `H100`. Without it, any GPU will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// Devices per node.
    #[schemars(range(min = 1, max = 1024))]
    pub count: u32,
}

/// The text names no accelerator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no accelerator: write a count (`1`), a model (`H100`) or both (`H100:8`)")]
pub struct InvalidAccelerator(String);

impl FromStr for Accelerator {
    type Err = InvalidAccelerator;

    /// The specification's `"1"` is one GPU of any model; SkyPilot's `"H100"` and `"H100:8"` name the model.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || InvalidAccelerator(text.to_owned());
        let count = |digits: &str| digits.parse::<u32>().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(refuse);
        let model = |name: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let valid = !name.is_empty() && name.len() <= 63 && name.chars().all(fits);
            if valid { Ok(Some(name.to_owned())) } else { Err(refuse()) }
        };
        match text.trim().split_once(':') {
            Some((name, number)) => Ok(Self { name: model(name.trim())?, count: count(number.trim())? }),
            None if text.trim().bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Self { name: None, count: count(text.trim())? })
            }
            None => Ok(Self { name: model(text.trim())?, count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_languages() {
        for (text, name, count) in [("1", None, 1), ("V100:2", Some("V100"), 2), ("H100", Some("H100"), 1)] {
            assert_eq!(text.parse(), Ok(Accelerator { name: name.map(str::to_owned), count }), "{text}");
        }
        for bad in ["", "0", "V100:", ":2", "V100:0", "V100:x", "a b:1", "99999999999"] {
            assert!(bad.parse::<Accelerator>().is_err(), "{bad}");
        }
    }
}
