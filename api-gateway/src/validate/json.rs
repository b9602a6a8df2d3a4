//! JSON as Python's `json` module reads it: the same texts accepted, the same message and character position otherwise.
//!
//! serde cannot take its place: clients see Python's wording, positions count characters, and Python accepts what
//! serde refuses (`NaN`, integers of any size, a byte order mark).

use std::{borrow::Cow, collections::HashMap};

use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// A JSON value. Objects keep the order of the client's keys; a repeated key keeps its first place and its last value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent, of any size, as written.
    Int(String),
    /// Any other number, `NaN` and the infinities.
    Float(f64),
    /// A string; lone surrogates have become U+FFFD.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// Why a body is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// The text breaks JSON's grammar.
    Syntax {
        /// Where, in characters from the start.
        position: usize,
        /// Python's message.
        message: &'static str,
    },
    /// Python's parser gives up: not UTF-8, nested too deeply, or a number of more than 4300 digits.
    Unreadable,
}

/// Deeper nesting is refused: Python stops at about a thousand, and our stack must hold.
const MAX_DEPTH: usize = 400;
/// Python refuses to convert longer numbers.
const MAX_DIGITS: usize = 4300;

impl Json {
    /// Reads a whole body.
    ///
    /// # Errors
    /// [`JsonError`], as Python would.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|_| JsonError::Unreadable)?;
        let mut parser = Parser { text, at: 0 };
        parser.skip_blanks();
        let value = parser.value(0)?;
        parser.skip_blanks();
        if parser.at == text.len() { Ok(value) } else { Err(parser.error(parser.at, "Extra data")) }
    }

    /// The value under a key, for objects.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => out.serialize_unit(),
            Self::Bool(value) => out.serialize_bool(*value),
            Self::Int(digits) => match digits.parse::<i64>() {
                Ok(number) => out.serialize_i64(number),
                // Errors show what was sent, as far as a number can be written at all.
                Err(_) => match digits.parse::<i128>() {
                    Ok(number) => out.serialize_i128(number),
                    Err(_) => digits.parse::<f64>().unwrap_or(f64::NAN).serialize(out),
                },
            },
            Self::Float(value) => out.serialize_f64(*value),
            Self::Text(text) => out.serialize_str(text),
            Self::Array(items) => out.collect_seq(items),
            Self::Object(entries) => {
                let mut map = out.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn error(&self, at: usize, message: &'static str) -> JsonError {
        JsonError::Syntax { position: self.text[..at].chars().count(), message }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::Unreadable);
        }
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            _ => self.word().map_or_else(|| self.number(), Ok),
        }
    }

    fn word(&mut self) -> Option<Json> {
        let words = [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ];
        let (word, value) = words.into_iter().find(|(word, _)| self.text[self.at..].starts_with(word))?;
        self.at += word.len();
        Some(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        self.skip_blanks();
        let mut entries: Vec<(String, Json)> = Vec::new();
        // A list alone would be searched once per key: quadratic in a body that strangers send.
        let mut places: HashMap<String, usize> = HashMap::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(entries));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error(self.at, "Expecting property name enclosed in double quotes"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.error(self.at, "Expecting ':' delimiter"));
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            if let Some(&place) = places.get(&key) {
                entries[place].1 = value;
            } else {
                places.insert(key.clone(), entries.len());
                entries.push((key, value));
            }
            if self.ends_with(b'}')? {
                return Ok(Json::Object(entries));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        self.skip_blanks();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends_with(b']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    /// After an element: whether the closing character came, otherwise a comma has been eaten.
    fn ends_with(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_blanks();
        let found = self.peek();
        if found != Some(close) && found != Some(b',') {
            return Err(self.error(self.at, "Expecting ',' delimiter"));
        }
        self.at += 1;
        if found == Some(b',') {
            self.skip_blanks();
        }
        Ok(found == Some(close))
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = match rest.get(sign) {
            Some(b'0') => 1,
            Some(b'1'..=b'9') => digits(sign),
            _ => return Err(self.error(start, "Expecting value")),
        };
        let mut end = sign + whole;
        if rest.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let power = digits((end + 1 + sign).min(rest.len()));
            if power > 0 {
                end += 1 + sign + power;
            }
        }
        self.at = start + end;
        let text = &self.text[start..self.at];
        if end == sign + whole {
            return if whole > MAX_DIGITS { Err(JsonError::Unreadable) } else { Ok(Json::Int(text.to_owned())) };
        }
        text.parse().map(Json::Float).map_err(|_| JsonError::Unreadable)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return Err(self.error(open, "Unterminated string starting at")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape(open)?),
                Some(_) => return Err(self.error(self.at, "Invalid control character at")),
            }
        }
    }

    fn escape(&mut self, open: usize) -> Result<char, JsonError> {
        let backslash = self.at;
        let Some(kind) = self.text[backslash + 1..].chars().next() else {
            return Err(self.error(open, "Unterminated string starting at"));
        };
        self.at += 1 + kind.len_utf8();
        match kind {
            '"' | '\\' | '/' => Ok(kind),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => self.code_unit().map(|unit| self.character(unit)),
            _ => Err(self.error(backslash, "Invalid \\escape")),
        }
    }

    /// Four hex digits; `at` stands behind the `u`.
    fn code_unit(&mut self) -> Result<u16, JsonError> {
        let unit = self.hex_at(self.at);
        // Python wants something behind the four digits, or it says so here and not at the string's start.
        match unit.filter(|_| self.at + 4 < self.text.len()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.error(self.at - 1, "Invalid \\uXXXX escape")),
        }
    }

    fn hex_at(&self, at: usize) -> Option<u16> {
        let digits = self.text.as_bytes().get(at..at + 4)?;
        let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    }

    fn character(&mut self, unit: u16) -> char {
        let low = (self.text[self.at..].starts_with("\\u")).then(|| self.hex_at(self.at + 2)).flatten();
        if let (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) = (unit, low) {
            self.at += 6;
            return char::decode_utf16([unit, low]).next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// A number as Python's `str()` writes it, which is what SkyPilot makes of numbers where it wants text.
pub fn python_text(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::Int(digits) => Some(Cow::Borrowed(digits)),
        Json::Float(number) => Some(Cow::Owned(python_float(*number))),
        Json::Bool(true) => Some(Cow::Borrowed("True")),
        Json::Bool(false) => Some(Cow::Borrowed("False")),
        _ => None,
    }
}

fn python_float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(power) if power < -4 => format!("{mantissa}e-{:02}", -power),
        Ok(power) if power >= 16 => format!("{mantissa}e+{power}"),
        _ => format!("{number:?}"),
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
