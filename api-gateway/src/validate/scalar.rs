//! pydantic's coercions of single values (lax mode).

use super::json::Json;

/// Why a value is no integer: pydantic's type and message.
pub type Refusal = (&'static str, &'static str);

const INT_TYPE: Refusal = ("int_type", "Input should be a valid integer");
const INT_PARSING: Refusal = ("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
const INT_SIZE: Refusal = ("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size");
const INT_FRACTION: Refusal =
    ("int_from_float", "Input should be a valid integer, got a number with a fractional part");
const INT_FINITE: Refusal = ("finite_number", "Input should be a finite number");
const BOOL_TYPE: Refusal = ("bool_type", "Input should be a valid boolean");
const BOOL_PARSING: Refusal = ("bool_parsing", "Input should be a valid boolean, unable to interpret input");

/// Longest text that is read as a number, in bytes.
const MAX_DIGITS: usize = 4300;

/// A value as pydantic's `int`. Integers beyond 64 bits come back as the nearest that we have: no bound holds for them.
///
/// # Errors
/// pydantic's type and message.
pub fn int(value: &Json) -> Result<i64, Refusal> {
    match value {
        Json::Bool(value) => Ok(i64::from(*value)),
        Json::Int(digits) => Ok(saturating(digits)),
        Json::Float(number) => int_from_float(*number),
        Json::Text(text) => int_from_text(text),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(INT_TYPE),
    }
}

/// A JSON value as pydantic's `bool`.
///
/// # Errors
/// pydantic's type and message.
pub fn boolean(value: &Json) -> Result<bool, Refusal> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Int(digits) => digits.parse().map_err(|_| BOOL_TYPE).and_then(boolean_number),
        Json::Float(number) => int_from_float(*number).map_err(|_| BOOL_TYPE).and_then(boolean_number),
        Json::Text(text) => boolean_text(text),
        _ => Err(BOOL_TYPE),
    }
}

fn boolean_number(number: i64) -> Result<bool, Refusal> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(BOOL_PARSING),
    }
}

/// A text as pydantic's `bool`, as in a query.
///
/// # Errors
/// pydantic's type and message.
pub fn boolean_text(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "0" | "off" | "f" | "false" | "n" | "no" => Ok(false),
        "1" | "on" | "t" | "true" | "y" | "yes" => Ok(true),
        _ => Err(BOOL_PARSING),
    }
}

fn saturating(digits: &str) -> i64 {
    digits.parse().unwrap_or(if digits.starts_with('-') { i64::MIN } else { i64::MAX })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the bounds are checked before")]
fn int_from_float(number: f64) -> Result<i64, Refusal> {
    if !number.is_finite() {
        Err(INT_FINITE)
    } else if number.fract() != 0.0 {
        Err(INT_FRACTION)
    } else if number <= i64::MIN as f64 || number >= i64::MAX as f64 {
        Err(INT_SIZE)
    } else {
        Ok(number as i64)
    }
}

fn int_from_text(text: &str) -> Result<i64, Refusal> {
    if text.len() > MAX_DIGITS {
        return Err(INT_SIZE);
    }
    let trimmed = text.trim();
    let (sign, rest) = match trimmed.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let whole = match rest.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return Err(INT_PARSING),
        None => rest,
    };
    let broken = whole.is_empty() || whole.starts_with('_') || whole.ends_with('_') || whole.contains("__");
    if broken || !whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return Err(INT_PARSING);
    }
    Ok(saturating(&format!("{sign}{}", whole.replace('_', ""))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Json {
        Json::Text(value.to_owned())
    }

    #[test]
    fn integers() {
        for (value, number) in [
            (text("2"), 2),
            (text(" 2 "), 2),
            (text("1_0"), 10),
            (text("+3"), 3),
            (text("-3"), -3),
            (text("1.0"), 1),
            (text("007"), 7),
            (Json::Bool(true), 1),
            (Json::Float(1.0), 1),
            (Json::Int("9".repeat(30)), i64::MAX),
        ] {
            assert_eq!(int(&value), Ok(number), "{value:?}");
        }
    }

    #[test]
    fn no_integers() {
        for (value, kind) in [
            (text("two"), "int_parsing"),
            (text(""), "int_parsing"),
            (text("0x1"), "int_parsing"),
            (text("1e3"), "int_parsing"),
            (text("2.5"), "int_parsing"),
            (text("1."), "int_parsing"),
            (text("1__0"), "int_parsing"),
            (text(&"9".repeat(5000)), "int_parsing_size"),
            (Json::Float(1e30), "int_parsing_size"),
            (Json::Float(1.5), "int_from_float"),
            (Json::Float(f64::NAN), "finite_number"),
            (Json::Null, "int_type"),
            (Json::Array(Vec::new()), "int_type"),
        ] {
            assert_eq!(int(&value).unwrap_err().0, kind, "{value:?}");
        }
    }

    #[test]
    fn booleans_in_all_spellings() {
        for yes in ["1", "true", "TRUE", "TrUe", "t", "T", "on", "oN", "y", "Y", "yes"] {
            assert_eq!(boolean_text(yes), Ok(true), "{yes}");
        }
        for no in ["0", "false", "FALSE", "f", "off", "n", "no", "NO"] {
            assert_eq!(boolean_text(no), Ok(false), "{no}");
        }
        for bad in ["", "null", "maybe", " true", "2", "1.0", "true;x"] {
            assert_eq!(boolean_text(bad).unwrap_err().0, "bool_parsing", "{bad}");
        }
        assert_eq!(boolean(&Json::Float(1.0)), Ok(true));
        assert_eq!(boolean(&Json::Int("2".to_owned())).unwrap_err().0, "bool_parsing");
        assert_eq!(boolean(&Json::Float(2.0)).unwrap_err().0, "bool_parsing");
        assert_eq!(boolean(&Json::Int("9".repeat(30))).unwrap_err().0, "bool_type");
        assert_eq!(boolean(&Json::Float(0.5)).unwrap_err().0, "bool_type");
        assert_eq!(boolean(&Json::Null).unwrap_err().0, "bool_type");
    }
}
