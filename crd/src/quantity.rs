//! Amounts of cpu, memory and storage: Kubernetes quantities and SkyPilot's own units.

use std::{cmp::Ordering, fmt, str::FromStr};

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

/// What the API server takes for the size of a volume (a regular expression).
pub(crate) const SIZE_PATTERN: &str = r"^[0-9]+(\.[0-9]+)?([kMGTPE]i?|Ki|m|[eE][0-9]+)?$";

/// Billionths in one: Kubernetes rounds up to them.
const NANO: u128 = 1_000_000_000;
/// Most that Kubernetes counts, in billionths. It takes what is larger for this, which nobody means.
const MOST: u128 = i64::MAX as u128 * NANO;
/// Suffixes that count in steps of 1024, the first one step.
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// Suffixes that count in powers of ten.
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

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
    #[expect(clippy::cast_precision_loss, reason = "approximate")]
    pub fn value(&self) -> f64 {
        Exact::read(&self.0).map_or(0.0, |exact| exact.nano as f64 / NANO as f64)
    }

    /// As Kubernetes has it.
    pub fn to_quantity(&self) -> Quantity {
        Quantity(self.0.clone())
    }
}

impl FromStr for Amount {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Exact::read(text).filter(|exact| exact.nano > 0).map(|_| Self(text.to_owned())).ok_or(())
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

/// A quantity as Kubernetes counts it (k8s.io/apimachinery `resource.ParseQuantity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exact {
    /// Billionths, rounded up.
    nano: u128,
    notation: Notation,
}

/// How a quantity was written, which is how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `1Gi`.
    Binary,
    /// `1G`.
    Decimal,
    /// `1e9`.
    Exponent,
}

impl Exact {
    /// A decimal number, then a suffix or an exponent.
    fn read(text: &str) -> Option<Self> {
        let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let (notation, steps, power) = suffix(unit)?;
        let units = digits.checked_mul(1024u128.checked_pow(steps)?)?;
        let power = power + 9 - i32::try_from(fraction.len()).ok()?;
        let shift = 10u128.checked_pow(power.unsigned_abs());
        let nano = match (power >= 0, shift) {
            (true, shift) => units.checked_mul(shift?)?,
            (false, Some(shift)) => units.div_ceil(shift),
            (false, None) => units.min(1),
        };
        (nano <= MOST).then_some(Self { nano, notation })
    }

    fn shown(self) -> String {
        let (whole, rest) = (self.nano / NANO, self.nano % NANO);
        match self.notation {
            // Below 1024 and between two bytes, the decimal form is the exact one.
            Notation::Binary if rest == 0 && whole >= 1024 => binary_form(whole),
            Notation::Binary | Notation::Decimal => {
                let (digits, power) = in_thousands(self.nano);
                let suffix = DECIMAL.iter().find(|(_, of)| *of == power).map_or("", |(suffix, _)| suffix);
                format!("{digits}{suffix}")
            }
            Notation::Exponent => match in_thousands(self.nano) {
                (digits, 0) => digits.to_string(),
                (digits, power) => format!("{digits}e{power}"),
            },
        }
    }
}

/// What a suffix is worth: steps of 1024, and a power of ten.
fn suffix(unit: &str) -> Option<(Notation, u32, i32)> {
    // Before exponents: `Ei` is none.
    if let Some((_, steps)) = BINARY.iter().zip(1..).find(|(suffix, _)| **suffix == unit) {
        return Some((Notation::Binary, steps, 0));
    }
    if let Some(exponent) = unit.strip_prefix(['e', 'E']).filter(|digits| !digits.is_empty()) {
        let power = exponent.parse().ok().filter(|power: &i32| power.abs() < 19)?;
        return Some((Notation::Exponent, 0, power));
    }
    DECIMAL.iter().find(|(suffix, _)| *suffix == unit).map(|(_, power)| (Notation::Decimal, 0, *power))
}

/// A quantity as the API server shows it: `1.5Gi` is `1536Mi`, `1000000000` is `1G`. What is no quantity, or more than
/// Kubernetes counts, stays as it is.
pub fn canonical(text: &str) -> String {
    Exact::read(text).map_or_else(|| text.to_owned(), Exact::shown)
}

/// Which of two quantities is more; `None` if one of them is none.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(Exact::read(one)?.nano.cmp(&Exact::read(other)?.nano))
}

/// The largest unit of which it is a whole number.
fn binary_form(mut bytes: u128) -> String {
    let mut steps = 0;
    while bytes.is_multiple_of(1024) && steps < BINARY.len() {
        bytes /= 1024;
        steps += 1;
    }
    format!("{bytes}{}", steps.checked_sub(1).map_or("", |step| BINARY[step]))
}

/// Billionths as a whole number of the largest power of a thousand.
fn in_thousands(nano: u128) -> (u128, i32) {
    let (mut digits, mut power) = (nano, -9);
    while digits > 0 && digits.is_multiple_of(1000) && power < 18 {
        digits /= 1000;
        power += 3;
    }
    (digits, if digits == 0 { 0 } else { power })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Kubernetes' own parser makes of each text: `tests/cluster/internal/quantities` writes this file.
    #[test]
    fn as_kubernetes_reads_them() {
        let recorded = include_str!("../tests/data/quantities.tsv");
        let rows: Vec<Vec<&str>> = recorded.lines().map(|line| line.split('\t').collect()).collect();
        assert!(rows.len() > 200, "{} rows", rows.len());
        for row in rows {
            let (text, read) = (row[0], Exact::read(row[0]));
            match (read, row[1]) {
                (Some(read), shown) => {
                    let (milli, whole) = (read.nano.div_ceil(NANO / 1000), read.nano.div_ceil(NANO));
                    assert_eq!([canonical(text), whole.to_string()], [shown, row[3]], "{text}");
                    // Kubernetes itself counts no more than this in thousandths.
                    assert!(i64::try_from(milli).is_err() || milli.to_string() == row[2], "{text}: {milli}");
                }
                // A sign, nothing, and more than Kubernetes counts, or than it can hold (which it reads as less than
                // nothing), are no amount here.
                (None, shown) => {
                    let none = text.starts_with(['+', '-'])
                        || row[3].starts_with('-')
                        || ["0", "9223372036854775807"].contains(&row[3]);
                    assert!(shown == "refused" || none, "{text}");
                }
            }
        }
    }

    proptest! {
        /// Whatever is accepted is one amount in every form in which it is shown again, and shown the same.
        #[test]
        fn what_is_read_is_shown_and_read_again(
            text in prop_oneof![".{0,12}", r"[0-9]{0,30}\.?[0-9]{0,20}([numkMGTPEKi]{0,2}|[eE][+-]?[0-9]{0,3})\+?", r"[0-9]{1,4}[KMGTP]?i?B?"]
        ) {
            for read in [Amount::cpus, Amount::memory, Amount::size] {
                let Ok(amount) = read(&text) else { continue };
                let exact = Exact::read(&amount.to_string());
                prop_assert!(exact.is_some_and(|exact| exact.nano > 0));
                prop_assert_eq!(amount.to_quantity().0.parse::<Amount>(), Ok(amount.clone()));
                let shown = canonical(&amount.to_string());
                prop_assert_eq!(Exact::read(&shown).map(|again| again.nano), exact.map(|exact| exact.nano));
                prop_assert_eq!(canonical(&shown), shown.clone());
                let value = amount.value();
                prop_assert!(value.is_finite() && value > 0.0);
            }
        }

        /// The same digits by another way: as a decimal number, which a float holds to 15 digits.
        #[test]
        fn as_large_as_the_number_says(number in 1u64..1_000_000_000_000, decimals in 0u32..6, unit in 0usize..16) {
            let factors = [1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e12, 1e15, 1e18];
            let (suffix, factor) = match unit.checked_sub(10) {
                None => (DECIMAL[unit].0, factors[unit]),
                Some(step) => (BINARY[step], 1024f64.powi(i32::try_from(step).unwrap() + 1)),
            };
            let shift = 10u64.pow(decimals);
            let text = format!("{}.{:0width$}{suffix}", number / shift, number % shift, width = decimals as usize);
            #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53")]
            let expected = number as f64 / shift as f64 * factor;
            match text.parse::<Amount>() {
                // Rounded up to a billionth.
                Ok(amount) => prop_assert!((amount.value() - expected).abs() <= expected * 1e-12 + 1e-9, "{}", text),
                Err(()) => prop_assert!(expected > 9.2e18, "{}", text),
            }
        }
    }

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

    #[test]
    fn comparisons() {
        for (one, other, expected) in [
            ("1Gi", "1024Mi", Some(Ordering::Equal)),
            ("9007199254740993", "9007199254740992", Some(Ordering::Greater)),
            ("1G", "1Gi", Some(Ordering::Less)),
            ("1e3", "1k", Some(Ordering::Equal)),
            ("x", "1", None),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
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
            ("1000e3", "1e6"),
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
