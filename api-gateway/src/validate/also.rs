//! The further forms of [`Also`]: what SkyPilot gives a meaning although the original refuses it.
//!
//! Each reads one form and says nothing of others, so that the original's error stands for what neither knows.

use std::collections::BTreeMap;

use sky_crd::api::MountRequest;

use super::{
    json::{Json, python_text},
    model::Also,
    scalar,
    value::{Fields, Value},
};

/// The resource's schema allows no more ports.
const MAX_PORTS: usize = 256;

/// The value, if it has this form.
pub fn read(form: Also, value: &Json) -> Option<Value> {
    match form {
        // These two are not forms of the whole value; the checker knows them.
        Also::Null | Also::ScalarValues => None,
        Also::Number => number(value).map(Value::Text),
        Also::Accelerators => accelerators(value).map(Value::Text),
        Also::Volumes => volumes(value).map(Value::Volumes),
        Also::SizeWithUnit => size_with_unit(value).map(Value::Int),
        Also::OnePort => ports(value).map(Value::Ints),
        Also::RegionMap => only_entry(value).map(Value::Text),
        Also::OneNumber => one_number(value).map(|number| Value::Ints(vec![number])),
        Also::Strategy => strategy(value).map(Value::Object),
        Also::Repository => repository(value).map(Value::Object),
    }
}

fn number(value: &Json) -> Option<String> {
    match value {
        Json::Int(_) | Json::Float(_) => python_text(value).map(Into::into),
        _ => None,
    }
}

/// `{H100: 8}` is `H100:8`, alternatives are separated by commas; a part of a GPU is a whole one.
fn accelerators(value: &Json) -> Option<String> {
    let alternative = |(model, count): &(String, Json)| match count {
        Json::Null => Some(model.clone()),
        Json::Int(count) => Some(format!("{model}:{count}")),
        Json::Float(count) if count.is_finite() => Some(format!("{model}:{:.0}", count.ceil())),
        _ => None,
    };
    let model = |item: &Json| match item {
        Json::Text(text) => Some(text.clone()),
        _ => None,
    };
    let alternatives: Vec<String> = match value {
        Json::Object(entries) => entries.iter().map(alternative).collect::<Option<_>>()?,
        Json::Array(items) => items.iter().map(model).collect::<Option<_>>()?,
        _ => return None,
    };
    (!alternatives.is_empty()).then(|| alternatives.join(","))
}

/// A mapping of names alone is the original's own form.
fn volumes(value: &Json) -> Option<BTreeMap<String, MountRequest>> {
    let Json::Object(entries) = value else { return None };
    let any_more = entries.iter().any(|(_, mount)| matches!(mount, Json::Object(_)));
    any_more.then(|| serde_json::from_value(serde_json::to_value(value).ok()?).ok()).flatten()
}

fn size_with_unit(value: &Json) -> Option<i64> {
    let Json::Text(text) = value else { return None };
    let upper = text.trim().to_ascii_uppercase();
    let (digits, factor) = match (upper.strip_suffix("GB"), upper.strip_suffix("TB")) {
        (Some(digits), _) => (digits, 1),
        (_, Some(digits)) => (digits, 1024),
        _ => return None,
    };
    digits.trim().parse::<u32>().ok().map(|size| i64::from(size) * factor)
}

/// One port, or a list that has ranges in it. A list of plain numbers is the original's own form.
fn ports(value: &Json) -> Option<Vec<i64>> {
    let items = match value {
        Json::Int(_) | Json::Text(_) => std::slice::from_ref(value),
        Json::Array(items) => items,
        _ => return None,
    };
    let mut ports = Vec::new();
    for item in items {
        match item {
            Json::Int(digits) => ports.push(digits.parse().ok().filter(|port| is_port(*port))?),
            Json::Text(text) => {
                for part in text.split(',') {
                    let (first, last) = part.split_once('-').unwrap_or((part, part));
                    let first: i64 = first.trim().parse().ok().filter(|port| is_port(*port))?;
                    let last: i64 = last.trim().parse().ok().filter(|last| is_port(*last) && *last >= first)?;
                    ports.extend((first..=last).take(MAX_PORTS + 1));
                }
            }
            _ => return None,
        }
        if ports.len() > MAX_PORTS {
            return None;
        }
    }
    Some(ports)
}

fn is_port(number: i64) -> bool {
    (1..=65535).contains(&number)
}

fn only_entry(value: &Json) -> Option<String> {
    match value {
        Json::Object(entries) => match entries.as_slice() {
            [(_, Json::Text(text))] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn one_number(value: &Json) -> Option<i64> {
    if let Json::Int(_) = value { scalar::int(value).ok() } else { None }
}

fn strategy(value: &Json) -> Option<Fields> {
    let Json::Text(name) = value else { return None };
    let mut fields = Fields::default();
    fields.put("strategy", Value::Text(name.clone()));
    Some(fields)
}

/// A git repository; as everywhere in a body, what else stands there is ignored.
fn repository(value: &Json) -> Option<Fields> {
    let (Json::Object(_), Some(Json::Text(url))) = (value, value.get("url")) else { return None };
    let mut fields = Fields::default();
    fields.put("url", Value::Text(url.clone()));
    match value.get("ref") {
        None | Some(Json::Null) => {}
        Some(Json::Text(reference)) => fields.put("ref", Value::Text(reference.clone())),
        Some(_) => return None,
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(form: Also, json: &str) -> Option<Value> {
        read(form, &Json::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn accelerators_in_all_forms() {
        for (json, text) in [
            (r#"{"H100": 8}"#, "H100:8"),
            (r#"{"H100": null}"#, "H100"),
            (r#"{"H100": 0.5}"#, "H100:1"),
            (r#"{"A100:1": null, "H100": 2}"#, "A100:1,H100:2"),
            (r#"["H100:8", "A100"]"#, "H100:8,A100"),
        ] {
            assert_eq!(reads(Also::Accelerators, json), Some(Value::Text(text.to_owned())), "{json}");
        }
        for json in ["{}", "[]", r#"{"H100": "8"}"#, "[1]", "true", "null"] {
            assert_eq!(reads(Also::Accelerators, json), None, "{json}");
        }
    }

    #[test]
    fn volumes_in_all_forms() {
        let json = r#"{"/a": "v", "/b": {"name": "v", "sub_path": "x", "more": 1}, "/c": {"size": 5}}"#;
        let Some(Value::Volumes(read)) = reads(Also::Volumes, json) else { panic!("not read") };
        let written = serde_json::json!({"/a": "v", "/b": {"name": "v", "sub_path": "x"}, "/c": {"size": "5"}});
        assert_eq!(serde_json::json!(read), written);
        for json in [
            r#"{"/a": "v"}"#,
            "{}",
            "[]",
            r#"{"/a": {}}"#,
            r#"{"/a": {"name": 1}}"#,
            r#"{"/a": {"name": "v"}, "/b": 1}"#,
        ] {
            assert_eq!(reads(Also::Volumes, json), None, "{json}");
        }
    }

    #[test]
    fn ports_in_all_forms() {
        for (json, ports) in [
            ("8080", vec![8080]),
            (r#""8080""#, vec![8080]),
            (r#"["80", 81, "90-92"]"#, vec![80, 81, 90, 91, 92]),
            (r#""80,90-91""#, vec![80, 90, 91]),
        ] {
            assert_eq!(reads(Also::OnePort, json), Some(Value::Ints(ports)), "{json}");
        }
        for json in ["0", "70000", r#""x""#, r#""9-8""#, r#""1-65535""#, "[null]", "true"] {
            assert_eq!(reads(Also::OnePort, json), None, "{json}");
        }
    }

    #[test]
    fn sizes_numbers_and_maps() {
        assert_eq!(reads(Also::SizeWithUnit, r#""1TB""#), Some(Value::Int(1024)));
        assert_eq!(reads(Also::SizeWithUnit, r#""100+""#), None);
        assert_eq!(reads(Also::Number, "0.5"), Some(Value::Text("0.5".to_owned())));
        assert_eq!(reads(Also::Number, "true"), None);
        assert_eq!(reads(Also::RegionMap, r#"{"null": "i"}"#), Some(Value::Text("i".to_owned())));
    }

    #[test]
    fn repositories() {
        let text = |name, value: &str| (name, Value::Text(value.to_owned()));
        for (json, expected) in [
            (r#"{"url": "u", "ref": "v1", "x": 1}"#, vec![text("url", "u"), text("ref", "v1")]),
            (r#"{"url": "u", "ref": null}"#, vec![text("url", "u")]),
        ] {
            let mut fields = Fields::default();
            for (name, value) in expected {
                fields.put(name, value);
            }
            assert_eq!(reads(Also::Repository, json), Some(Value::Object(fields)), "{json}");
        }
        for json in [r#""/w""#, "{}", r#"{"ref": "v1"}"#, r#"{"url": 1}"#, r#"{"url": "u", "ref": 1}"#, r#"["u"]"#] {
            assert_eq!(reads(Also::Repository, json), None, "{json}");
        }
    }
}
