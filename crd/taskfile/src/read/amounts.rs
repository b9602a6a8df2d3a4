//! Cores, memory, disk, ports: numbers with their units.

use sky_crd::quantity::Amount;

use crate::{
    fields::{Read, list},
    task::{PortRange, Quantity},
    yaml::{Node, Value},
};

const GIB: f64 = 1_073_741_824.0;

/// SkyPilot's units, which count in steps of 1024 with and without an `i`.
const UNITS: [(&str, f64); 10] = [
    ("kb", 1024.0 / GIB),
    ("ki", 1024.0 / GIB),
    ("mb", 1_048_576.0 / GIB),
    ("mi", 1_048_576.0 / GIB),
    ("gb", 1.0),
    ("gi", 1.0),
    ("tb", 1024.0),
    ("ti", 1024.0),
    ("pb", 1_048_576.0),
    ("pi", 1_048_576.0),
];

/// Cores: `4`, `0.5`, `4+`, and Kubernetes' `500m`.
pub(super) fn cpus(node: &Node) -> Read<Quantity> {
    quantity(node, |text| Amount::cpus(text).map(|_| Quantity::Kubernetes(text.to_owned())).map_err(|e| e.to_string()))
}

/// Memory: gigabytes as SkyPilot counts them, `4x` for as many per core, or a Kubernetes quantity.
pub(super) fn memory(node: &Node) -> Read<Quantity> {
    quantity(node, |text| {
        let refuse = || format!("`{text:.40}` is not an amount of memory: write for example `8Gi` or `512Mi`");
        if text.parse::<Amount>().is_ok_and(|amount| amount.value() >= 1.0) {
            return Ok(Quantity::Kubernetes(text.to_owned()));
        }
        let counts = |value: &f64| *value > 0.0 && value.is_finite();
        if let Some(gigabytes) = text.strip_suffix('x').and_then(python_float).filter(counts) {
            return Ok(Quantity::PerCore { gigabytes });
        }
        let (number, at_least) = plus(text);
        let value = with_unit(number).filter(counts).ok_or_else(refuse)?;
        Ok(Quantity::Number { value, at_least })
    })
}

/// A number, perhaps with a plus; everything else is text for `other`.
fn quantity(node: &Node, other: impl FnOnce(&str) -> Read<Quantity>) -> Read<Quantity> {
    let (value, at_least) = match &node.value {
        Value::Int(_) | Value::Float(_) => (crate::fields::number(node)?, false),
        Value::Text(text) => {
            let (number, at_least) = plus(text);
            match python_float(number) {
                Some(value) => (value, at_least),
                None => return other(text.trim()),
            }
        }
        _ => return Err(format!("must be a number or text, not {}", node.kind())),
    };
    if value > 0.0 && value.is_finite() {
        Ok(Quantity::Number { value, at_least })
    } else {
        Err(format!("must be greater than zero, not `{:.40}`", node.to_text()))
    }
}

/// Whether there is a plus at the end, and what is before it.
fn plus(text: &str) -> (&str, bool) {
    text.trim().strip_suffix('+').map_or((text.trim(), false), |number| (number, true))
}

/// Gigabytes of a number with a unit.
fn with_unit(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    UNITS.iter().find_map(|(unit, factor)| Some(python_float(lower.strip_suffix(unit)?)? * factor))
}

/// As Python's `float()` reads text: blanks around it, underscores between digits.
pub(super) fn python_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let separates = |at: usize| digit(at.checked_sub(1)) && digit(Some(at + 1));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'_' && !separates(at)) {
        return None;
    }
    if text.contains('_') { text.replace('_', "").parse().ok() } else { text.parse().ok() }
}

/// Whole gigabytes: `256`, `256GB`, `1TB`.
pub(super) fn disk_size(node: &Node) -> Read<i64> {
    let refuse =
        || format!("`{:.40}` is no whole number of gigabytes: write for example `100` or `100GB`", node.to_text());
    let text = match &node.value {
        Value::Int(_) | Value::Text(_) => node.to_text(),
        _ => return Err(format!("must be a whole number of gigabytes, not {}", node.kind())),
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refuse());
    }
    let number: i64 = digits.parse().map_err(|_| refuse())?;
    let (factor, divisor) = match unit.as_str() {
        "kb" | "ki" => (1, 1 << 20),
        "mb" | "mi" => (1, 1 << 10),
        "" | "gb" | "gi" => (1, 1),
        "tb" | "ti" => (1 << 10, 1),
        "pb" | "pi" => (1 << 20, 1),
        _ => return Err(refuse()),
    };
    let size = number.checked_mul(factor).filter(|size| size % divisor == 0).ok_or_else(refuse)? / divisor;
    if size > 0 { Ok(size) } else { Err(refuse()) }
}

/// `8080`, `"8080"`, `8080-8090`, `"80,443"`, and lists of these; sorted and merged.
pub(super) fn ports(node: &Node) -> Read<Vec<PortRange>> {
    let mut ranges = match node.value {
        Value::List(_) => list(node, one_port)?.concat(),
        _ => one_port(node)?,
    };
    ranges.sort_unstable();
    let mut merged: Vec<PortRange> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(before) if u32::from(range.first) <= u32::from(before.last) + 1 => {
                before.last = before.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    Ok(merged)
}

fn one_port(node: &Node) -> Read<Vec<PortRange>> {
    match &node.value {
        Value::Int(_) => port_range(&node.to_text()).map(|range| vec![range]),
        Value::Text(text) => text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(port_range).collect(),
        _ => Err(format!("must be a port, a range such as `8080-8090` or a list of them, not {}", node.kind())),
    }
}

fn port_range(text: &str) -> Read<PortRange> {
    let digits = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
    let port = |text: &str| Some(text).filter(digits)?.parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(PortRange { first, last }),
        _ => Err(format!("`{text:.40}` is no port from 1 to 65535 and no range of them")),
    }
}

/// A disk of the machine itself: `nvme:1000+`, `ssd`, `500`; with its kind and size.
pub(super) fn local_disk(node: &Node) -> Read<String> {
    let given = crate::fields::text(node)?.trim().to_ascii_lowercase();
    let refuse = || format!("`{given:.40}` is no local disk: write for example `nvme:1000+`, `ssd` or `500`");
    let is_size = |size: &str| {
        let number = python_float(size.trim_end_matches('+'));
        number.is_some_and(|gigabytes| gigabytes > 0.0 && gigabytes.is_finite())
    };
    match given.split_once(':') {
        None if matches!(given.as_str(), "nvme" | "ssd") => Ok(format!("{given}:100+")),
        None if is_size(&given) => Ok(format!("nvme:{given}")),
        Some(("nvme" | "ssd", size)) if is_size(size) => Ok(given),
        _ => Err(refuse()),
    }
}
