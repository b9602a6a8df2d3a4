//! Every expectation here was recorded from Python 3.11's `json` through FastAPI.

use proptest::prelude::*;

use super::*;

#[test]
fn errors_have_pythons_words_and_positions() {
    let name = "Expecting property name enclosed in double quotes";
    for (text, position, message) in [
        ("{", 1, name),
        ("{\"a\":1,}", 7, name),
        ("{,}", 1, name),
        ("{run: 1}", 1, name),
        ("{'a':1}", 1, name),
        ("[1,]", 3, "Expecting value"),
        ("[,]", 1, "Expecting value"),
        ("[", 1, "Expecting value"),
        ("nul", 0, "Expecting value"),
        ("-", 0, "Expecting value"),
        ("   ", 3, "Expecting value"),
        ("{\"a\":tru}", 5, "Expecting value"),
        ("{\"run\":\"x\", \"éé\": }", 18, "Expecting value"),
        ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
        ("{\"a\"", 4, "Expecting ':' delimiter"),
        ("{\"a\":1 \"b\":2}", 7, "Expecting ',' delimiter"),
        ("{\"a\":1.5.5}", 8, "Expecting ',' delimiter"),
        ("[1", 2, "Expecting ',' delimiter"),
        ("{\"run\":\"x\"} x", 12, "Extra data"),
        ("01", 1, "Extra data"),
        ("1.", 1, "Extra data"),
        ("1e", 1, "Extra data"),
        ("\"abc", 0, "Unterminated string starting at"),
        ("\"abc\\", 0, "Unterminated string starting at"),
        ("\"a\nb\"", 2, "Invalid control character at"),
        ("\"\\x\"", 1, "Invalid \\escape"),
        ("\"\\u12\"", 2, "Invalid \\uXXXX escape"),
        ("\"\\u12g4\"", 2, "Invalid \\uXXXX escape"),
    ] {
        assert_eq!(Json::parse(text.as_bytes()), Err(JsonError::Syntax { position, message }), "{text}");
    }
}

#[test]
fn what_python_cannot_read_at_all() {
    let deep = "[".repeat(100_000);
    let long = "9".repeat(4301);
    for body in [b"\xff".as_slice(), b"\"\xff\"", deep.as_bytes(), long.as_bytes()] {
        assert_eq!(Json::parse(body), Err(JsonError::Unreadable));
    }
}

#[test]
fn what_python_reads_beyond_json() {
    assert!(matches!(Json::parse(b"NaN"), Ok(Json::Float(x)) if x.is_nan()));
    assert_eq!(Json::parse(b"-Infinity"), Ok(Json::Float(f64::NEG_INFINITY)));
    assert_eq!(Json::parse(b"\xef\xbb\xbf1"), Ok(Json::Int("1".to_owned())));
    let digits = "9".repeat(30);
    assert_eq!(Json::parse(digits.as_bytes()), Ok(Json::Int(digits)));
}

#[test]
fn strings_and_repeated_keys() {
    assert_eq!(Json::parse(b"\"\\ud83d\\ude00\\n\""), Ok(Json::Text("😀\n".to_owned())));
    assert_eq!(Json::parse(b"\"\\ud800x\""), Ok(Json::Text("\u{fffd}x".to_owned())));
    let twice = Json::parse(b"{\"a\":1,\"b\":2,\"a\":3}").unwrap();
    assert_eq!(serde_json::to_string(&twice).unwrap(), "{\"a\":3,\"b\":2}");
}

#[test]
fn numbers_become_pythons_text() {
    for (json, text) in [
        ("1", "1"),
        ("1.0", "1.0"),
        ("0.5", "0.5"),
        ("1e3", "1000.0"),
        ("1e30", "1e+30"),
        ("1e16", "1e+16"),
        ("0.0001", "0.0001"),
        ("1.5e-5", "1.5e-05"),
        ("true", "True"),
    ] {
        assert_eq!(python_text(&Json::parse(json.as_bytes()).unwrap()).unwrap(), text);
    }
}

proptest! {
    #[test]
    fn agrees_with_serde_where_both_read(text in "[\\[\\]{}:,0-9\"a-c\\\\ .eE+-]{0,24}") {
        let strict: Result<serde_json::Value, _> = serde_json::from_str(&text);
        let ours = Json::parse(text.as_bytes());
        if let Ok(strict) = strict {
            prop_assert_eq!(serde_json::to_value(ours.unwrap()).unwrap(), strict);
        }
    }

    #[test]
    fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Json::parse(&body);
    }
}
