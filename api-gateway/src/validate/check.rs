//! Checks a JSON value against a table and gathers every error at once, in the original's order.

use super::{
    also,
    entry::{Entry, Loc},
    json::{self, Json},
    model::{Also, Field, Kind, Model, Need},
    scalar::{self, Refusal},
    value::{Fields, Value},
};

/// No answer lists more errors than this: a body of a megabyte may hold a hundred thousand.
const MAX_ENTRIES: usize = 1000;

/// Checks a request body.
///
/// # Errors
/// Every error, at most a thousand.
pub fn body(model: &'static Model, body: &Json) -> Result<Fields, Vec<Entry>> {
    let mut checker = Checker { loc: vec!["body".into()], entries: Vec::new() };
    let fields = checker.object(model, body);
    checker.entries.truncate(MAX_ENTRIES);
    if checker.entries.is_empty() { Ok(fields.unwrap_or_default()) } else { Err(checker.entries) }
}

struct Checker {
    loc: Vec<Loc>,
    entries: Vec<Entry>,
}

impl Checker {
    fn refuse<T>(&mut self, (kind, message): Refusal, input: &Json) -> Option<T> {
        self.entries.push(Entry::new(kind, self.loc.clone(), message, input.clone()));
        None
    }

    fn at<T>(&mut self, step: Loc, check: impl FnOnce(&mut Self) -> T) -> T {
        self.loc.push(step);
        let result = check(self);
        self.loc.pop();
        result
    }

    fn object(&mut self, model: &'static Model, input: &Json) -> Option<Fields> {
        if !matches!(input, Json::Object(_)) {
            let message = "Input should be a valid dictionary or object to extract fields from";
            return self.refuse(("model_attributes_type", message), input);
        }
        let mut fields = Fields::default();
        for field in model.fields {
            if let Some(value) = self.at(field.name.into(), |this| this.field(field, input)) {
                fields.put(field.name, value);
            }
        }
        Some(fields)
    }

    fn field(&mut self, field: &'static Field, object: &Json) -> Option<Value> {
        let excused = match field.need {
            Need::Nullable => true,
            Need::RequiredUnless(other) => matches!(object.get(other), Some(Json::Text(text)) if !text.is_empty()),
            Need::Required | Need::RequiredNullable | Need::Default(_) => false,
        };
        match object.get(field.name) {
            None if excused || matches!(field.need, Need::Default(_)) => None,
            None => {
                self.entries.push(Entry::missing(self.loc.clone(), object.clone()));
                None
            }
            Some(Json::Null) if excused || field.also.contains(&Also::Null) => None,
            Some(value) => match field.also.iter().find_map(|form| also::read(*form, value)) {
                Some(read) => Some(read),
                None => self.value(field, value),
            },
        }
    }

    fn value(&mut self, field: &'static Field, input: &Json) -> Option<Value> {
        match field.kind {
            Kind::Text => self.text(input).map(Value::Text),
            Kind::Int { min, max } => self.int(input, min, max).map(Value::Int),
            Kind::Bool => match scalar::boolean(input) {
                Ok(value) => Some(Value::Bool(value)),
                Err(refusal) => self.refuse(refusal, input),
            },
            Kind::TextMap => {
                let scalars = field.also.contains(&Also::ScalarValues);
                self.text_map(input, scalars).map(Value::TextMap)
            }
            Kind::Ints => self.list(input, |this, item| this.int(item, None, None)).map(Value::Ints),
            Kind::Texts => self.list(input, Self::text).map(Value::Texts),
            Kind::Object(model) => self.object(model, input).map(Value::Object),
            Kind::AnyObject => match input {
                Json::Object(_) => Some(Value::Any(input.clone())),
                _ => self.refuse(("dict_type", "Input should be a valid dictionary"), input),
            },
            Kind::Objects(model) => self.list(input, |this, item| this.object(model, item)).map(Value::Objects),
        }
    }

    fn text(&mut self, input: &Json) -> Option<String> {
        match input {
            Json::Text(text) => Some(text.clone()),
            _ => self.refuse(("string_type", "Input should be a valid string"), input),
        }
    }

    fn int(&mut self, input: &Json, min: Option<i64>, max: Option<i64>) -> Option<i64> {
        let number = match scalar::int(input) {
            Ok(number) => number,
            Err(refusal) => return self.refuse(refusal, input),
        };
        let broken = if let Some(min) = min.filter(|min| number < *min) {
            Entry::bound("greater_than_equal", self.loc.clone(), "greater than or equal to", "ge", min, input.clone())
        } else if let Some(max) = max.filter(|max| number > *max) {
            Entry::bound("less_than_equal", self.loc.clone(), "less than or equal to", "le", max, input.clone())
        } else {
            return Some(number);
        };
        self.entries.push(broken);
        None
    }

    fn text_map(&mut self, input: &Json, scalars: bool) -> Option<Vec<(String, String)>> {
        let Json::Object(entries) = input else {
            return self.refuse(("dict_type", "Input should be a valid dictionary"), input);
        };
        let texts = entries.iter().map(|(key, value)| {
            let scalar = json::python_text(value).filter(|_| scalars).map(Into::into);
            let text = scalar.or_else(|| self.at(Loc::Key(key.clone()), |this| this.text(value)));
            text.map(|text| (key.clone(), text))
        });
        // Every entry is looked at before any verdict, so that all errors are told.
        texts.collect::<Vec<_>>().into_iter().collect()
    }

    fn list<T>(&mut self, input: &Json, check: impl Fn(&mut Self, &Json) -> Option<T>) -> Option<Vec<T>> {
        let Json::Array(items) = input else {
            return self.refuse(("list_type", "Input should be a valid list"), input);
        };
        let checked =
            items.iter().enumerate().map(|(index, item)| self.at(Loc::Index(index), |this| check(this, item)));
        checked.collect::<Vec<_>>().into_iter().collect()
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
