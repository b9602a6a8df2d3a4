//! What strangers write, read by our own parsers. Each harness is a unit test here, and a target for `cargo bolero test`
//! with a fuzzer behind it.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use sky_api_gateway::{
    identity,
    logs::cursor::{Cursor, Start, Style},
    validate::{
        check, convert,
        json::Json,
        model::{TASK, VOLUME},
        query, since,
    },
};

/// Whatever serde reads as JSON we read too, and as the same; nothing that we read breaks the checks behind it.
#[test]
fn bodies() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let ours = Json::parse(bytes);
        if let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(bytes) {
            let ours = ours.as_ref().expect("serde reads it");
            let (ours, theirs) = (serde_json::to_string(ours).unwrap(), theirs.to_string());
            // Numbers may be written in another way; everything else is compared.
            if !theirs.contains(|c: char| c.is_ascii_digit()) {
                assert_eq!(ours, theirs);
            }
        }
        if let Ok(body) = ours {
            let _ = check::body(&TASK, &body).map(convert::task);
            let _ = check::body(&VOLUME, &body).map(convert::volume);
        }
    });
}

/// A name that we take is one that a log line and a resource can hold, and nothing but blanks around it is dropped.
#[test]
fn user_headers() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
        let headers = HeaderMap::from_iter([("x-user".parse().unwrap(), value)]);
        match identity::user(&headers) {
            Ok(user) => {
                let name = user.as_str();
                assert_eq!(name.as_bytes(), bytes.trim_ascii());
                assert!((1..=253).contains(&name.len()) && name.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            }
            Err(entries) => assert_eq!(entries.len(), 1),
        }
    });
}

#[test]
fn queries() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let _ = query::read(query::LOGS, &text).map(convert::logs);
        let _ = since::parse(&text).map(|since| since.at("2026-11-24T10:00:00Z".parse().unwrap()));
    });
}

/// The bytes of a log mean the same however they are cut into chunks, and none of them is lost.
#[test]
fn log_lines() {
    bolero::check!().with_type::<(Vec<u8>, Vec<u8>, bool, bool)>().for_each(|(log, sizes, many, timestamps)| {
        let style = Style { prefix: many.then(|| "node-0 | ".to_owned()), timestamps: *timestamps };
        let mut whole = Vec::new();
        let mut cursor = Cursor::new(style.clone(), Start::default());
        cursor.feed(log, &mut whole);
        cursor.finish(&mut whole);

        let mut pieces = Vec::new();
        let mut cursor = Cursor::new(style, Start::default());
        let (mut rest, mut sizes) = (log.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let size = usize::from(sizes.next().copied().unwrap_or(1)).clamp(1, rest.len());
            cursor.feed(&rest[..size], &mut pieces);
            rest = &rest[size..];
        }
        cursor.finish(&mut pieces);
        assert_eq!(whole, pieces);

        let count = |bytes: &[u8]| {
            bytes.iter().fold(BTreeMap::new(), |mut all: BTreeMap<u8, usize>, byte| {
                *all.entry(*byte).or_default() += 1;
                all
            })
        };
        if !many && *timestamps {
            let (ours, mut theirs) = (count(&whole), count(log));
            if log.last().is_some_and(|last| *last != b'\n') {
                *theirs.entry(b'\n').or_default() += 1;
            }
            assert_eq!(ours, theirs, "with stamps everything is passed on");
        }
    });
}

/// After a connection has broken, whatever comes in the next one.
#[test]
fn resumed_log_lines() {
    bolero::check!().with_type::<(Vec<u8>, Vec<u8>, bool)>().for_each(|(first, second, midway)| {
        let mut cursor = Cursor::new(Style::default(), Start { midway: *midway, since: None });
        let mut out = Vec::new();
        for log in [first, second, first] {
            cursor.reconnect();
            let stamped: Vec<u8> = log
                .split(|byte| *byte == b'\n')
                .flat_map(|line| [format!("2026-11-24T10:00:0{}Z ", line.len() % 10).as_bytes(), line, b"\n"].concat())
                .collect();
            cursor.feed(&stamped, &mut out);
        }
        cursor.finish(&mut out);
    });
}
