//! Amounts of cpu, memory and storage: Kubernetes quantities and SkyPilot's own units.

use std::{fmt, str::FromStr};

use k8s_openapi::{apimachinery::pkg::api::resource::Quantity, apimachinery::pkg::util::intstr::IntOrString};

/// A Kubernetes quantity that is greater than zero, as text the API server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount(String);

/// The text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: write for example {example}")]
pub struct InvalidAmount {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// Suffixes of Kubernetes quantities, with what one unit is worth.
const UNITS: [(&str, f64); 14] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

impl Amount {
    /// Cores: a number of cores or a Kubernetes quantity (`4`, `0.5`, `500m`); SkyPilot's `4+` means the same as `4`.
    ///
    /// # Errors
    /// When the text is no number greater than zero.
    pub fn cpus(text: &str) -> Result<Self, InvalidAmount> {
        let plain = text.trim().strip_suffix('+').unwrap_or(text.trim());
        let refuse =
            || InvalidAmount { text: text.to_owned(), what: "a number of cores", example: "`4`, `0.5` or `500m`" };
        let amount: Self = plain.parse().map_err(|()| refuse())?;
        if amount.value() < 0.001 { Err(refuse()) } else { Ok(amount) }
    }

    /// Memory: a Kubernetes quantity is taken as it is; a plain number and SkyPilot's `GB`, `MB`, `TB` count as
    /// gigabytes, megabytes, terabytes (`32`, `32GB` are `32G`).
    ///
    /// # Errors
    /// When the text is no amount greater than zero.
    pub fn memory(text: &str) -> Result<Self, InvalidAmount> {
        let refuse =
            || InvalidAmount { text: text.to_owned(), what: "an amount of memory", example: "`8Gi` or `512Mi`" };
        Self::bytes(text, refuse)
    }

    /// Size of a volume: a Kubernetes quantity (`10Gi`, `1Ti`), taken as it is.
    ///
    /// # Errors
    /// When the text is no quantity greater than zero.
    pub fn size(text: &str) -> Result<Self, InvalidAmount> {
        let refuse = || InvalidAmount { text: text.to_owned(), what: "a size", example: "`10Gi` or `1Ti`" };
        let amount: Self = text.parse().map_err(|()| refuse())?;
        if amount.value() < 1.0 { Err(refuse()) } else { Ok(amount) }
    }

    fn bytes(text: &str, refuse: impl Fn() -> InvalidAmount) -> Result<Self, InvalidAmount> {
        let plain = text.trim().strip_suffix('+').unwrap_or(text.trim()).trim();
        let lower = plain.to_ascii_lowercase();
        let with_unit = [("tb", "T"), ("gb", "G"), ("mb", "M"), ("kb", "k")]
            .iter()
            .find_map(|(unit, suffix)| lower.strip_suffix(unit).map(|number| format!("{}{suffix}", number.trim())));
        let is_plain_number = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let quantity = match with_unit {
            Some(quantity) => quantity,
            // A plain number above this cannot be gigabytes: it is Kubernetes' number of bytes.
            None if is_plain_number && plain.parse::<f64>().is_ok_and(|n| n < 100_000.0) => format!("{plain}G"),
            None => plain.to_owned(),
        };
        let amount: Self = quantity.parse().map_err(|()| refuse())?;
        if amount.value() < 1.0 { Err(refuse()) } else { Ok(amount) }
    }

    /// Approximate value in base units (cores, bytes), for comparisons only.
    pub fn value(&self) -> f64 {
        parse(&self.0).unwrap_or(0.0)
    }

    /// As Kubernetes has it.
    pub fn to_quantity(&self) -> Quantity {
        Quantity(self.0.clone())
    }
}

impl FromStr for Amount {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        parse(text).filter(|value| *value > 0.0 && value.is_finite()).map(|_| Self(text.to_owned())).ok_or(())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The text of a field that may be written as a number or as a string.
pub fn int_or_string_text(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

/// Value of a quantity in Kubernetes' grammar: a decimal number, then a unit or an exponent (`1e3`).
fn parse(text: &str) -> Option<f64> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    if number.is_empty() || number == "." {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    if let Some(exponent) = unit.strip_prefix(['e', 'E']).filter(|digits| !digits.is_empty()) {
        let exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.abs() < 19)?;
        return Some(number * 10f64.powi(exponent));
    }
    UNITS.iter().find(|(suffix, _)| *suffix == unit).map(|(_, factor)| number * factor)
}

/// A quantity as the API server shows it: `1.5Gi` is `1536Mi`, `1000000000` is `1G`. Texts with an exponent, and what is
/// no quantity, stay as they are.
pub fn canonical(text: &str) -> String {
    canonical_amount(text).unwrap_or_else(|| text.to_owned())
}

fn canonical_amount(text: &str) -> Option<String> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let decimals = i32::try_from(fraction.len()).ok()?;
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().zip(1u32..).find(|(suffix, _)| **suffix == unit);
    if let Some((_, power)) = binary {
        let scaled = digits.checked_mul(1024u128.checked_pow(power)?)?;
        let parts = 10u128.checked_pow(decimals.unsigned_abs())?;
        let (bytes, rest) = (scaled / parts, scaled % parts);
        // Below 1024 and between two bytes, the decimal form is the exact one.
        return if rest == 0 && bytes >= 1024 { Some(binary_form(bytes)) } else { decimal_form(scaled, -decimals) };
    }
    let power = [("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
    let (_, power) = power.into_iter().find(|(suffix, _)| *suffix == unit)?;
    decimal_form(digits, power - decimals)
}

/// The largest unit of which it is a whole number.
fn binary_form(mut bytes: u128) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut unit = 0;
    while bytes.is_multiple_of(1024) && unit + 1 < units.len() {
        bytes /= 1024;
        unit += 1;
    }
    format!("{bytes}{}", units[unit])
}

/// `digits` times ten to the `power`, in the largest unit of which it is a whole number.
fn decimal_form(mut digits: u128, mut power: i32) -> Option<String> {
    if digits == 0 {
        return Some("0".to_owned());
    }
    while digits.is_multiple_of(10) {
        digits /= 10;
        power += 1;
    }
    while power.rem_euclid(3) != 0 || power > 18 {
        digits = digits.checked_mul(10)?;
        power -= 1;
    }
    let units = [(-3, "m"), (0, ""), (3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P"), (18, "E")];
    let (_, unit) = units.into_iter().find(|(unit_power, _)| *unit_power == power)?;
    Some(format!("{digits}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus() {
        for (text, quantity) in [("4", "4"), ("0.5", "0.5"), ("500m", "500m"), ("4+", "4"), ("1e1", "1e1")] {
            assert_eq!(Amount::cpus(text).map(|a| a.to_string()), Ok(quantity.to_owned()), "{text}");
        }
        for bad in ["", "0", "-1", "4x", "4-8", "many", "+", "1e400", "1e"] {
            assert!(Amount::cpus(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn memory() {
        for (text, quantity) in [
            ("8Gi", "8Gi"),
            ("512M", "512M"),
            ("32", "32G"),
            ("32GB", "32G"),
            ("32 gb", "32G"),
            ("1.5", "1.5G"),
            ("1TB", "1T"),
            ("128974848", "128974848"),
            ("32+", "32G"),
        ] {
            assert_eq!(Amount::memory(text).map(|a| a.to_string()), Ok(quantity.to_owned()), "{text}");
        }
        for bad in ["", "0", "lots", "1m", "-1Gi", "8GiB"] {
            assert!(Amount::memory(bad).is_err(), "{bad}");
        }
    }

    /// Recorded from an API server.
    #[test]
    fn canonical_forms() {
        for (text, shown) in [
            ("10Gi", "10Gi"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("1000000000", "1G"),
            ("128974848", "128974848"),
            ("10G", "10G"),
            ("1500M", "1500M"),
            ("0.5", "500m"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("x", "x"),
        ] {
            assert_eq!(canonical(text), shown, "{text}");
        }
    }

    #[test]
    fn size() {
        for good in ["10Gi", "1.5Gi", "1000000000", "10G"] {
            assert_eq!(Amount::size(good).map(|a| a.to_string()), Ok(good.to_owned()));
        }
        for bad in ["0", "0Gi", "ten", "10 Gi", "-1Gi"] {
            assert!(Amount::size(bad).is_err(), "{bad}");
        }
    }
}
