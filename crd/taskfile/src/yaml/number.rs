//! Numbers of YAML 1.1: octal `012`, `0b101`, `0x1F`, `1_000`, base 60 (`12:30`), and floats with a point in them.

use std::borrow::Cow;

use super::Value;

/// Python refuses to print longer numbers, so nobody has them.
const MAX_DIGITS: usize = 4300;

/// An integer, if the text is one; an error if its form is that of an integer but no number is in it.
pub(crate) fn integer(text: &str) -> Option<Result<Value, String>> {
    let (negative, digits) = signed(text);
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'b', rest @ ..] if all(rest, |b| matches!(b, b'0' | b'1')) => (2, &digits[2..]),
        [b'0', b'x', rest @ ..] if all(rest, |b| b.is_ascii_hexdigit()) => (16, &digits[2..]),
        [b'0'] => (10, digits),
        [b'0', rest @ ..] if all(rest, |b| (b'0'..=b'7').contains(&b)) => (8, digits),
        [b'1'..=b'9', ..] if digits.contains(':') => return sexagesimal(negative, digits).map(Ok),
        [b'1'..=b'9', rest @ ..] if rest.is_empty() || all(rest, |b| b.is_ascii_digit()) => (10, digits),
        _ => return None,
    };
    let digits = if digits.contains('_') { Cow::Owned(digits.replace('_', "")) } else { Cow::Borrowed(digits) };
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return Some(Err(format!("`{text:.20}` is no number that can be used: write it in quotes")));
    }
    Some(Ok(match i128::from_str_radix(&digits, base) {
        Ok(value) => Value::Int(if negative { -value } else { value }),
        Err(_) => Value::BigInt(format!("{}{}", if negative { "-" } else { "" }, decimal(&digits, base))),
    }))
}

/// A float, if the text is one.
pub(crate) fn float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let (negative, digits) = signed(text);
    let (whole, rest) = digits.split_once('.')?;
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let sign_given = digits.len() != text.len();
    let has_form = match whole.as_bytes() {
        // Without digits before the point there must be one behind it, and no sign.
        [] => !sign_given && fraction.starts_with(|c: char| c.is_ascii_digit()),
        [first, rest @ ..] => {
            first.is_ascii_digit() && (all(rest, |b| b.is_ascii_digit() || b == b':') || rest.is_empty())
        }
    };
    let exponent_fits = |text: &str| text.strip_prefix(['+', '-']).is_some_and(|n| !n.is_empty() && plain(n));
    if !has_form || !(fraction.is_empty() || all(fraction.as_bytes(), |b| b.is_ascii_digit())) {
        return None;
    }
    if !exponent.is_none_or(exponent_fits) {
        return None;
    }
    let value = if whole.contains(':') {
        if exponent.is_some() {
            return None;
        }
        let last = format!("{}.{}", whole.rsplit(':').next()?, fraction.replace('_', ""));
        base_sixty(whole, last.parse().ok()?)?
    } else {
        digits.replace('_', "").parse().ok()?
    };
    Some(if negative { -value } else { value })
}

/// From the last part to the first, as Python adds them up: rounding is the same then.
fn base_sixty(whole: &str, last: f64) -> Option<f64> {
    let mut parts = whole.split(':');
    let first: f64 = parts.next()?.replace('_', "").parse().ok()?;
    let parts = parts.map(sixtieth).collect::<Option<Vec<_>>>()?;
    let above = parts.iter().rev().skip(1).copied().chain([first]);
    Some(above.fold((last, 60.0), |(sum, base), part| (sum + part * base, base * 60.0)).0)
}

/// `1:30:00` and the like, where every part but the first is below 60.
fn sexagesimal(negative: bool, digits: &str) -> Option<Value> {
    let mut parts = digits.split(':');
    let first: i128 =
        parts.next().filter(|part| all(part.as_bytes(), |b| b.is_ascii_digit()))?.replace('_', "").parse().ok()?;
    let value = parts.try_fold(first, |sum, part| {
        #[allow(clippy::cast_possible_truncation, reason = "a whole number below 60")]
        let part = sixtieth(part)? as i128;
        sum.checked_mul(60)?.checked_add(part)
    })?;
    Some(Value::Int(if negative { -value } else { value }))
}

fn sixtieth(part: &str) -> Option<f64> {
    part.parse().ok().filter(|value: &u8| *value < 60 && part.len() <= 2 && plain(part)).map(f64::from)
}

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Bytes that are all of one kind or `_`; at least one.
fn all(bytes: &[u8], fits: impl Fn(u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| *b == b'_' || fits(*b))
}

fn signed(text: &str) -> (bool, &str) {
    (text.starts_with('-'), text.strip_prefix(['-', '+']).unwrap_or(text))
}

/// Nine decimal digits.
const GROUP: u64 = 1_000_000_000;

/// Digits of any base as decimal digits, however many: school arithmetic in groups of nine.
fn decimal(digits: &str, base: u32) -> String {
    if base == 10 {
        return digits.trim_start_matches('0').to_owned();
    }
    let mut groups: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(base)) {
        let mut carry = u64::from(digit);
        for group in &mut groups {
            let value = *group * u64::from(base) + carry;
            (*group, carry) = (value % GROUP, value / GROUP);
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let rest = groups.iter().rev().skip(1).map(|group| format!("{group:09}"));
    groups.last().map(u64::to_string).into_iter().chain(rest).collect()
}
