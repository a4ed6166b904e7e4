//! Filters of both versions: a parameter names a field and a comparison.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, NaiveTime, Utc};
use serde_json::Value;

use crate::dates;
use crate::query::{Query, split};
use crate::refusal::Refusal;

/// Fields that hold whole numbers: text is refused in their filters.
const NUMERIC: &[&str] = &[
    "id",
    "customer_id",
    "status_id",
    "channel_id",
    "brand_id",
    "product_id",
    "attribute_id",
    "address_id",
    "customer_group_id",
    "category_id",
    "tree_id",
    "parent_id",
    "order_id",
    "variant_id",
];

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    In,
    NotIn,
    Min,
    Max,
    Greater,
    Less,
    Like,
}

/// One filter parameter or several.
#[derive(Debug)]
pub(crate) enum Rule {
    /// Each of these fields with each of these comparisons. The names are v3's: `id`, `id:in`.
    Each(&'static [&'static str], &'static [Op]),
    /// One parameter with any name: the name, the field it looks at, the comparison.
    Named(&'static str, &'static str, Op),
}

/// A field's value, as a filter or a sort sees it.
#[derive(Debug)]
pub(crate) enum Cell {
    Date(DateTime<Utc>),
    Value(Value),
}

#[derive(Debug)]
enum Operand {
    Date(DateTime<Utc>),
    Number(f64),
    Texts(Vec<String>),
}

/// The filters of one request, joined by AND.
#[derive(Debug, Default)]
pub(crate) struct Filters(Vec<(&'static str, Op, Operand)>);

impl Op {
    /// All comparisons of a number.
    pub(crate) const OF_NUMBERS: &[Self] = &[Self::Equal, Self::In, Self::NotIn, Self::Min, Self::Max, Self::Greater, Self::Less];

    /// What v3 adds to the name of the field.
    fn suffix(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::In => ":in",
            Self::NotIn => ":not_in",
            Self::Min => ":min",
            Self::Max => ":max",
            Self::Greater => ":greater",
            Self::Less => ":less",
            Self::Like => ":like",
        }
    }
}

impl Rule {
    /// The name of each parameter, the field it looks at, the comparison.
    fn parameters(&self) -> Vec<(String, &'static str, Op)> {
        match *self {
            Self::Each(fields, ops) => {
                let of_field = |field| ops.iter().map(move |op| (format!("{field}{}", op.suffix()), field, *op));
                fields.iter().copied().flat_map(of_field).collect()
            }
            Self::Named(name, field, op) => vec![(name.to_owned(), field, op)],
        }
    }
}

impl Filters {
    /// Reads those of `rules` that the query has. Days without a time are completed with `time_of_day`; `exclusive` turns
    /// inclusive bounds into strict ones.
    pub(crate) fn read(query: &Query, rules: &[Rule], exclusive: bool, time_of_day: NaiveTime) -> Result<Self, Refusal> {
        let mut filters = Vec::new();
        for (parameter, field, op) in rules.iter().flat_map(Rule::parameters) {
            let Some(text) = query.get(&parameter) else { continue };
            let op = match op {
                Op::Min if exclusive => Op::Greater,
                Op::Max if exclusive => Op::Less,
                op => op,
            };
            filters.push((field, op, operand(&parameter, field, op, text, time_of_day)?));
        }
        Ok(Self(filters))
    }

    /// One more filter: `field` is `value`.
    pub(crate) fn and(mut self, field: &'static str, value: &str) -> Self {
        self.0.push((field, Op::Equal, Operand::Texts(vec![value.to_owned()])));
        self
    }

    /// Whether every record passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a filter on this field.
    pub(crate) fn look_at(&self, field: &str) -> bool {
        self.0.iter().any(|(known, ..)| *known == field)
    }

    /// The same filters without those by date.
    pub(crate) fn without_dates(mut self) -> Self {
        self.0.retain(|(_, _, operand)| !matches!(operand, Operand::Date(_)));
        self
    }

    /// Takes the bounds of the id out of the filters: from the first id that can match up to the first that cannot.
    pub(crate) fn split_ids(mut self) -> (Self, Range<u64>) {
        let mut ids = 0..u64::MAX;
        self.0.retain(|(field, op, operand)| {
            let (&"id", Operand::Number(number)) = (field, operand) else { return true };
            match op {
                Op::Min => ids.start = ids.start.max(number.ceil() as u64),
                Op::Greater => ids.start = ids.start.max((number.floor() + 1.0) as u64),
                Op::Max => ids.end = ids.end.min((number.floor() + 1.0) as u64),
                Op::Less => ids.end = ids.end.min(number.ceil() as u64),
                _ => return true,
            }
            false
        });
        let end = ids.end.max(ids.start);
        (self, ids.start..end)
    }

    /// The only ids that can match, upward, where a filter names them.
    pub(crate) fn named_ids(&self) -> Option<BTreeSet<u64>> {
        self.0.iter().find_map(|(field, op, operand)| match (field, op, operand) {
            (&"id", Op::Equal | Op::In, Operand::Texts(texts)) => {
                Some(texts.iter().filter_map(|text| text.parse().ok()).collect())
            }
            _ => None,
        })
    }

    /// Whether a record, seen through `cell`, passes every filter. A record without the field does not.
    pub(crate) fn match_all(&self, cell: impl Fn(&str) -> Option<Cell>) -> bool {
        self.0.iter().all(|(field, op, operand)| cell(field).is_some_and(|cell| passes(&cell, *op, operand)))
    }
}

fn operand(parameter: &str, field: &str, op: Op, text: &str, time_of_day: NaiveTime) -> Result<Operand, Refusal> {
    if field.starts_with("date_") || field == "created" {
        let date = dates::parse(text, time_of_day).ok_or_else(|| Refusal::parameter(parameter, "a date is needed"))?;
        return Ok(Operand::Date(date));
    }
    if matches!(op, Op::Min | Op::Max | Op::Greater | Op::Less) {
        let number: f64 = text.parse().map_err(|_| Refusal::parameter(parameter, "a number is needed"))?;
        return Ok(Operand::Number(number));
    }
    let texts: Vec<String> =
        if op == Op::Equal { vec![text.to_owned()] } else { split(text).into_iter().map(str::to_owned).collect() };
    if NUMERIC.contains(&field) && texts.iter().any(|text| text.parse::<i64>().is_err()) {
        return Err(Refusal::parameter(parameter, "whole numbers are needed"));
    }
    Ok(Operand::Texts(texts))
}

fn passes(cell: &Cell, op: Op, operand: &Operand) -> bool {
    match operand {
        Operand::Date(wanted) => cell.date().is_some_and(|date| compare(op, &date, wanted)),
        Operand::Number(wanted) => cell.number().is_some_and(|number| compare(op, &number, wanted)),
        Operand::Texts(texts) => match op {
            Op::Like => texts.iter().any(|text| cell.text().to_lowercase().contains(&text.to_lowercase())),
            Op::NotIn => !texts.iter().any(|text| cell.is(text)),
            _ => texts.iter().any(|text| cell.is(text)),
        },
    }
}

fn compare<T: PartialOrd>(op: Op, value: &T, wanted: &T) -> bool {
    match op {
        Op::Min => value >= wanted,
        Op::Max => value <= wanted,
        Op::Greater => value > wanted,
        Op::Less => value < wanted,
        Op::NotIn => value != wanted,
        Op::Equal | Op::In | Op::Like => value == wanted,
    }
}

impl Cell {
    /// The value as a moment, if it is one.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Value(value) => dates::parse(value.as_str()?, NaiveTime::MIN),
        }
    }

    /// The value as a number: numbers, booleans and text that reads as a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Date(date) => Some(date.timestamp() as f64),
            Self::Value(Value::Bool(flag)) => Some(f64::from(u8::from(*flag))),
            Self::Value(Value::String(text)) => text.parse().ok(),
            Self::Value(value) => value.as_f64(),
        }
    }

    /// The value as text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Date(date) => dates::iso_z(*date),
            Self::Value(Value::String(text)) => text.clone(),
            Self::Value(value) => value.to_string(),
        }
    }

    /// Whether this value, or one in it when it is an array, is what the text says.
    fn is(&self, text: &str) -> bool {
        if let Self::Value(Value::Array(values)) = self {
            return values.iter().any(|value| Self::Value(value.clone()).is(text));
        }
        let wanted = match text {
            "true" => Some(1.0),
            "false" => Some(0.0),
            _ => text.parse::<f64>().ok(),
        };
        self.text() == text || (wanted.is_some() && self.number() == wanted)
    }
}
