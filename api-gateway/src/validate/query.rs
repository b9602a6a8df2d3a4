//! Query parameters as tables, read by the validator and by the OpenAPI document alike, as [`super::model`] is.

use super::{
    entry::{self, Entry, Loc},
    json::Json,
    scalar,
    since::{self, Since},
    value::{Fields, Value},
};

/// One query parameter. All are optional.
#[derive(Debug)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// What it may hold.
    pub kind: ParamKind,
    /// Description in the document.
    pub description: &'static str,
}

/// Type of a query parameter.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// `bool`, in all of pydantic's spellings.
    Bool {
        /// Value when it is absent.
        default: bool,
    },
    /// `int`.
    Int {
        /// Smallest value.
        min: i64,
    },
    /// `list[int]`: the parameter may be given several times.
    Ints {
        /// Smallest value.
        min: i64,
    },
    /// A point in time, or how long ago.
    Since,
}

/// Of lists, and of the stop of all tasks.
pub static LIST: &[Param] = &[Param {
    name: "all_users",
    kind: ParamKind::Bool { default: false },
    description: "Those of all users, not only of the one who asks",
}];

/// Of logs. The original has none of these; without them ours answers as the original does.
pub static LOGS: &[Param] = &[
    Param {
        name: "follow",
        kind: ParamKind::Bool { default: true },
        description: "Until the task ends; false: only what there is now",
    },
    Param {
        name: "tail",
        kind: ParamKind::Int { min: -1 },
        description: "Only so many of the last lines of each node, and what follows them; -1: all",
    },
    Param {
        name: "since",
        kind: ParamKind::Since,
        description: "Only lines from this time on: seconds or a duration ago (30, 10m, 1h30m), or a time as in RFC 3339",
    },
    Param {
        name: "timestamps",
        kind: ParamKind::Bool { default: false },
        description: "Each line with the time at which it was written",
    },
    Param {
        name: "node",
        kind: ParamKind::Ints { min: 0 },
        description: "Only the node with this rank, from 0; may be given several times",
    },
];

/// The parameter with this name, in whichever table.
pub fn find(name: &str) -> Option<&'static Param> {
    LIST.iter().chain(LOGS).find(|param| param.name == name)
}

/// Checks a query. Parameters that no table has are ignored, as by the original.
///
/// # Errors
/// Every error, in the table's order.
pub fn read(params: &'static [Param], query: &str) -> Result<Fields, Vec<Entry>> {
    let mut fields = Fields::default();
    let read = entry::all(params.iter().map(|param| Ok((param.name, param.read(&values(query, param.name))?))))?;
    for (name, value) in read {
        if let Some(value) = value {
            fields.put(name, value);
        }
    }
    Ok(fields)
}

/// The values of a parameter, in the order of the query, decoded as Python's `parse_qsl` does.
fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

impl Param {
    fn read(&self, values: &[String]) -> Result<Option<Value>, Vec<Entry>> {
        let loc = || vec![Loc::from("query"), self.name.into()];
        // A repeated parameter counts with its last value.
        let Some(last) = values.last() else {
            return Ok(match self.kind {
                ParamKind::Bool { default } => Some(Value::Bool(default)),
                _ => None,
            });
        };
        match self.kind {
            ParamKind::Bool { .. } => scalar::boolean_text(last)
                .map(|value| Some(Value::Bool(value)))
                .map_err(|(kind, message)| vec![Entry::new(kind, loc(), message, Json::Text(last.clone()))]),
            ParamKind::Int { min } => int(last, min, loc()).map(Value::Int).map(Some),
            ParamKind::Ints { min } => {
                let item = |(index, text): (usize, &String)| int(text, min, [loc(), vec![Loc::Index(index)]].concat());
                entry::all(values.iter().enumerate().map(item)).map(Value::Ints).map(Some)
            }
            ParamKind::Since => since::parse(last)
                .map(|since: Since| Some(Value::Since(since)))
                .map_err(|message| vec![Entry::value_error(loc(), message, Json::Text(last.clone()))]),
        }
    }
}

fn int(text: &str, min: i64, loc: Vec<Loc>) -> Result<i64, Vec<Entry>> {
    let input = Json::Text(text.to_owned());
    match scalar::int(&input) {
        Ok(number) if number >= min => Ok(number),
        Ok(_) => Err(vec![Entry::bound("greater_than_equal", loc, "greater than or equal to", "ge", min, input)]),
        Err((kind, message)) => Err(vec![Entry::new(kind, loc, message, input)]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_of_a_repeated_parameter_counts() {
        for (query, value) in [
            ("all_users=true&all_users=maybe", Some("maybe")),
            ("all_users=maybe&all_users=true", Some("true")),
            ("all_users", Some("")),
            ("all_users=+true", Some(" true")),
            ("all_users=%74rue", Some("true")),
            ("all%5Fusers=1", Some("1")),
            ("all_users=true%00", Some("true\0")),
            ("ALL_USERS=true", None),
            ("foo=bar", None),
            ("", None),
        ] {
            assert_eq!(values(query, "all_users").last().map(String::as_str), value, "{query}");
        }
    }

    #[test]
    fn absent_parameters_have_their_defaults() {
        let mut fields = read(LOGS, "foo=bar").unwrap();
        assert_eq!(fields.take("follow"), Some(Value::Bool(true)));
        assert_eq!(fields.take("timestamps"), Some(Value::Bool(false)));
        assert_eq!((fields.take("tail"), fields.take("since"), fields.take("node")), (None, None, None));
        let mut fields = read(LOGS, "follow=no&tail=1&tail=20&node=2&node=0").unwrap();
        assert_eq!(fields.take("follow"), Some(Value::Bool(false)));
        assert_eq!(fields.take("tail"), Some(Value::Int(20)));
        assert_eq!(fields.take("node"), Some(Value::Ints(vec![2, 0])));
    }

    #[test]
    fn every_error_is_told_at_its_place() {
        let entries = read(LOGS, "follow=maybe&tail=-2&since=yesterday&node=0&node=x&node=-1").unwrap_err();
        let told: Vec<_> = entries.iter().map(|entry| json!([entry.kind, entry.loc, entry.msg])).collect();
        let bool_message = "Input should be a valid boolean, unable to interpret input";
        let int_message = "Input should be a valid integer, unable to parse string as an integer";
        assert_eq!(told[0], json!(["bool_parsing", ["query", "follow"], bool_message]));
        assert_eq!(
            told[1],
            json!(["greater_than_equal", ["query", "tail"], "Input should be greater than or equal to -1"])
        );
        assert_eq!(told[2].get(1), Some(&json!(["query", "since"])));
        assert_eq!(told[3], json!(["int_parsing", ["query", "node", 1], int_message]));
        assert_eq!(told[4].get(1), Some(&json!(["query", "node", 2])));
        assert_eq!(told.len(), 5);
    }
}
