//! From a schema to a form, and from what was typed back to an operation.
use super::Operation;
use crate::{
    error::Problem,
    i18n::{Text, msg},
};
use chrono::{Datelike, NaiveDate};
use serde_json::{Map, Value, json};
use validator::ValidationErrors;

/// Bytes that an object may have.
const MOST: usize = 16_384;

/// One field of a form, read from the operation's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub required: bool,
    /// The values of a choice, in the order of the type.
    pub options: Vec<String>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    /// A page where ids of this kind are found (`x-lookup` in the schema).
    pub lookup: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text of several lines.
    Lines,
    /// A JSON object, written as its text where there are only texts.
    Object,
    Integer,
    Choice,
    Date,
    DateTime,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Lines => "lines",
            Kind::Object => "object",
            Kind::Integer => "integer",
            Kind::Choice => "choice",
            Kind::Date => "date",
            Kind::DateTime => "datetime",
        }
    }
}

/// The fields of a schema: required ones first, then in alphabetical order.
pub fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields: Vec<Field> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| Field {
            name: name.clone(),
            kind: match (property["type"].as_str(), property["format"].as_str()) {
                _ if property["enum"].is_array() => Kind::Choice,
                (Some("integer"), _) => Kind::Integer,
                (Some("object"), _) => Kind::Object,
                (_, Some("date")) => Kind::Date,
                (_, Some("date-time")) => Kind::DateTime,
                _ if property["x-lines"] == true => Kind::Lines,
                _ => Kind::Text,
            },
            required: required.contains(&name.as_str()),
            options: property["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            min: property["minimum"].as_i64(),
            max: property["maximum"].as_i64().or_else(|| property["maxLength"].as_i64()),
            lookup: property["x-lookup"].as_str().map(str::to_owned),
        })
        .collect();
    fields.sort_by_key(|f| !f.required);
    fields
}

/// What a form or a command line gives: all text. Empty fields are left out; numbers become numbers when they are numbers.
pub fn from_text<'a>(schema: &Value, typed: impl Fn(&str) -> Option<&'a str>) -> Map<String, Value> {
    let mut values = Map::new();
    for field in fields(schema) {
        let Some(text) = typed(&field.name).map(str::trim).filter(|t| !t.is_empty()) else { continue };
        let value = match field.kind {
            Kind::Integer => number(text).map_or_else(|| json!(text), |n| json!(n)),
            Kind::Object => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            _ => json!(text),
        };
        values.insert(field.name, value);
    }
    values
}

/// A whole number as people write it: 12000, 12,000, ₩12,000.
pub fn number(text: &str) -> Option<i64> {
    text.replace([',', ' ', '₩'], "").parse().ok()
}

/// Checks names, types, choices and ranges, each with a sentence of its own, then makes the operation.
pub(super) fn parse<O: Operation>(schema: &Value, given: &Map<String, Value>) -> Result<O, Vec<Problem>> {
    let fields = fields(schema);
    let mut problems: Vec<Problem> = given
        .keys()
        .filter(|name| fields.iter().all(|f| f.name != **name))
        .map(|name| Problem::new(name, msg::field_unknown(name)))
        .collect();
    for field in &fields {
        let text = match given.get(&field.name).filter(|v| !v.is_null()) {
            None if field.required => Some(msg::field_required()),
            None => None,
            Some(value) => field.problem(value),
        };
        problems.extend(text.map(|text| Problem::new(&field.name, text)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let present: Map<String, Value> = given.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    let operation: O = serde_json::from_value(Value::Object(present))
        .map_err(|error| vec![Problem::new("fields", msg::field_malformed(error.to_string()))])?;
    operation.validate().map_err(|errors| from_validator(&errors))?;
    Ok(operation)
}

impl Field {
    fn problem(&self, value: &Value) -> Option<Text> {
        match self.kind {
            Kind::Integer => match value.as_i64() {
                None => Some(msg::field_not_integer()),
                Some(n) if self.min.is_some_and(|min| n < min) || self.max.is_some_and(|max| n > max) => {
                    Some(msg::field_out_of_range(grouped(self.max.unwrap_or(i64::MAX)), grouped(self.min.unwrap_or(i64::MIN))))
                }
                Some(_) => None,
            },
            Kind::Choice => match value.as_str() {
                Some(text) if self.options.iter().any(|o| o == text) => None,
                _ => Some(msg::field_not_a_choice(self.options.join(", "))),
            },
            Kind::Date => value.as_str().map_or_else(|| Some(msg::field_not_a_date()), |text| day(text).err()),
            Kind::DateTime => value.as_str().is_none_or(|t| chrono::DateTime::parse_from_rfc3339(t).is_err()).then(msg::field_not_a_time),
            Kind::Object if !value.is_object() => Some(msg::field_not_an_object()),
            Kind::Object => (value.to_string().len() > MOST).then(|| msg::field_too_long(MOST)),
            Kind::Text | Kind::Lines => match (value.as_str(), self.max.unwrap_or(500)) {
                (None, _) => Some(msg::field_not_text()),
                (Some(text), max) if text.len() as i64 > max => Some(msg::field_too_long(max)),
                _ => None,
            },
        }
    }
}

/// A day as it is typed.
pub fn day(text: &str) -> Result<NaiveDate, Text> {
    meant(text.parse().map_err(|_| msg::field_not_a_date())?)
}

/// A day that somebody can mean. Others have more than four digits to a year, which not every reader of a request takes for a date, and
/// have no month before or after them.
pub fn meant(day: NaiveDate) -> Result<NaiveDate, Text> {
    let (first, last) = (1900, 2999);
    match (first..=last).contains(&day.year()) {
        true => Ok(day),
        false => Err(msg::field_day_out_of_range(format!("{first}-01-01"), format!("{last}-12-31"))),
    }
}

/// `12000` as `12,000`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

fn from_validator(errors: &ValidationErrors) -> Vec<Problem> {
    errors
        .field_errors()
        .into_iter()
        .flat_map(|(field, errors)| {
            errors.iter().map(move |error| Problem::new(field.to_string(), msg::field_malformed(error.to_string())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn grouping_only_adds_commas(n in any::<i64>()) {
            let text = grouped(n);
            prop_assert_eq!(text.replace(',', ""), n.to_string());
            prop_assert!(text.trim_start_matches('-').split(',').skip(1).all(|group| group.len() == 3));
        }
    }
}
