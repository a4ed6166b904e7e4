//! The types of expressions, found before the first record comes, so that a comparison that can never be true is refused.

use super::grammar::{Comparison, Expr, FieldPath, Function};
use serde_json::{Value, json};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
    /// It depends on the record.
    Any,
}

impl Type {
    /// The type of what has this schema.
    pub(super) fn of(schema: &Value) -> Type {
        let is = |name: &str| match &schema["type"] {
            Value::Array(types) => types.iter().any(|other| other == name),
            kind => kind == name,
        };
        let known = [
            ("string", Type::Text),
            ("integer", Type::Number),
            ("number", Type::Number),
            ("boolean", Type::Bool),
            ("array", Type::List),
            ("object", Type::Object),
        ];
        known.into_iter().find(|(name, _)| is(name)).map_or(Type::Any, |(_, found)| found)
    }

    fn name(self) -> &'static str {
        match self {
            Type::Null => "None",
            Type::Bool => "true or false",
            Type::Number => "a number",
            Type::Text => "text",
            Type::List => "a list",
            Type::Object => "an object",
            Type::Any => "anything",
        }
    }

    /// Whether one can equal the other. Python counts true as 1 and false as 0.
    fn meets(self, other: Type) -> bool {
        let as_number = |kind| if kind == Type::Bool { Type::Number } else { kind };
        let is_open = |kind| matches!(kind, Type::Any | Type::Null);
        is_open(self) || is_open(other) || as_number(self) == as_number(other) && !self.is_compound()
    }

    fn is_compound(self) -> bool {
        matches!(self, Type::List | Type::Object)
    }
}

/// Finds the fields of expressions.
pub(super) trait Fields {
    /// The type of a field. Also sets its slot.
    ///
    /// # Errors
    /// There is no such field.
    fn find(&mut self, field: &mut FieldPath) -> Result<Type, String>;
}

impl Expr {
    /// The type of its value. Its fields are looked up in `fields`.
    ///
    /// # Errors
    /// A field is not there, or an operation does not fit what it is applied to.
    pub(super) fn check(&mut self, fields: &mut impl Fields) -> Result<Type, String> {
        match self {
            Expr::Null => Ok(Type::Null),
            Expr::Bool(_) => Ok(Type::Bool),
            Expr::Number(_) => Ok(Type::Number),
            Expr::Text(_) => Ok(Type::Text),
            Expr::Field(field) => fields.find(field),
            Expr::List(_) => Err("a list may only follow `in`".into()),
            Expr::Not(one) => one.check(fields).map(|_| Type::Bool),
            Expr::All(all) | Expr::Any(all) => {
                let types = all.iter_mut().map(|one| one.check(fields)).collect::<Result<Vec<_>, _>>()?;
                let first = types.first().copied().unwrap_or(Type::Any);
                Ok(if types.iter().all(|kind| *kind == first) { first } else { Type::Any })
            }
            Expr::Compared(first, rest) => {
                let mut left = first.check(fields)?;
                for (comparison, right) in rest {
                    left = compared(left, *comparison, right, fields)?;
                }
                Ok(Type::Bool)
            }
            Expr::Joined(all) => {
                all.iter_mut().try_for_each(|one| one.check(fields).and_then(|found| is_text(found, "+ joins texts")))?;
                Ok(Type::Text)
            }
            Expr::Call(function, one) => {
                let found = one.check(fields)?;
                match function {
                    Function::Bool => return Ok(Type::Bool),
                    Function::Str if found.is_compound() => {
                        return Err("str() of a list or an object is not supported; flattening makes JSON text of it".into());
                    }
                    Function::Str => {}
                    Function::Md5 | Function::Sha256 => is_text(found, "md5() and sha256() take text")?,
                    Function::Lower | Function::Upper | Function::Strip => is_text(found, "this method is one of texts")?,
                }
                Ok(Type::Text)
            }
            Expr::Affix(_, text, affix) => {
                for one in [text, affix] {
                    is_text(one.check(fields)?, "startswith and endswith compare texts")?;
                }
                Ok(Type::Bool)
            }
        }
    }

    /// The fields that it reads, by their first names.
    pub(super) fn visit(&self, see: &mut impl FnMut(&FieldPath)) {
        match self {
            Expr::Null | Expr::Bool(_) | Expr::Number(_) | Expr::Text(_) => {}
            Expr::Field(field) => see(field),
            Expr::List(all) | Expr::All(all) | Expr::Any(all) | Expr::Joined(all) => all.iter().for_each(|one| one.visit(see)),
            Expr::Not(one) | Expr::Call(_, one) => one.visit(see),
            Expr::Compared(first, rest) => {
                first.visit(see);
                rest.iter().for_each(|(_, one)| one.visit(see));
            }
            Expr::Affix(_, text, affix) => [text, affix].into_iter().for_each(|one| one.visit(see)),
        }
    }

    /// Whether different values of the field always give different results, so that the expression can replace a part of the key.
    pub(super) fn carries(&self, name: &str) -> bool {
        match self {
            Expr::Field(field) => field.names == [name],
            Expr::Call(Function::Md5 | Function::Sha256 | Function::Str, one) => one.carries(name),
            Expr::Joined(all) => {
                let reads = |one: &&Expr| {
                    let mut any = false;
                    one.visit(&mut |_| any = true);
                    any
                };
                all.iter().filter(reads).count() == 1 && all.iter().any(|one| one.carries(name))
            }
            _ => false,
        }
    }

    /// The schema of its value, if it may be the value of a field. `of_field` gives the schemas of fields.
    ///
    /// # Errors
    /// It may not be the value of a field; the error says what to write instead.
    pub(super) fn schema(&self, of_field: &impl Fn(&FieldPath) -> Value) -> Result<Value, String> {
        if let Expr::Field(field) = self {
            return Ok(of_field(field));
        }
        let kind = match self {
            Expr::Bool(_) => "boolean",
            Expr::Number(number) if number.contains(['.', 'e', 'E']) => "number",
            Expr::Number(_) => "integer",
            Expr::Text(_) | Expr::Joined(_) => "string",
            Expr::Call(Function::Bool, _) => return Err(NO_CONDITION.into()),
            Expr::Call(..) => "string",
            Expr::Null => return Err("write null instead of \"None\" to drop a field".into()),
            _ => return Err(NO_CONDITION.into()),
        };
        let mut has_null = false;
        self.visit(&mut |field| has_null |= is_nullable(&of_field(field)));
        Ok(if has_null { json!({ "type": [kind, "null"] }) } else { json!({ "type": kind }) })
    }
}

const NO_CONDITION: &str = "a field's value is another field, a constant, or text made of them; put conditions into __filter__, or calculate in the target";

/// Whether null fits a schema.
pub(super) fn is_nullable(schema: &Value) -> bool {
    schema["type"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "null"))
}

fn is_text(found: Type, what: &str) -> Result<(), String> {
    match found {
        Type::Text => Ok(()),
        Type::Number | Type::Bool | Type::Any => Err(format!("{what}, and this is {}; write str(…) around it", found.name())),
        Type::Null | Type::List | Type::Object => Err(format!("{what}, and this is {}", found.name())),
    }
}

/// Checks one comparison of a chain. Returns the type of its right side, which the next comparison starts from.
fn compared(left: Type, comparison: Comparison, right: &mut Expr, fields: &mut impl Fields) -> Result<Type, String> {
    if let (Comparison::In | Comparison::NotIn, Expr::List(items)) = (comparison, &mut *right) {
        for item in items {
            let found = item.check(fields)?;
            is_comparable(left, found)?;
        }
        return Ok(Type::Any);
    }
    let is_constant = matches!(right, Expr::Null | Expr::Bool(_));
    let found = right.check(fields)?;
    match comparison {
        Comparison::In | Comparison::NotIn => match found {
            Type::List | Type::Any => {}
            Type::Text => is_text(left, "`in` looks for a text in a text")?,
            _ => return Err(format!("`in` needs a list or a text after it, and this is {}", found.name())),
        },
        Comparison::Is | Comparison::IsNot if is_constant => is_comparable(left, found)?,
        Comparison::Is | Comparison::IsNot => return Err("`is` needs None, True or False after it; use == for values".into()),
        Comparison::Equal | Comparison::NotEqual => is_comparable(left, found)?,
        _ if [left, found].iter().any(|kind| matches!(kind, Type::Null | Type::List | Type::Object)) => {
            return Err(format!("{} and {} have no order", left.name(), found.name()));
        }
        _ => is_comparable(left, found)?,
    }
    Ok(found)
}

fn is_comparable(left: Type, right: Type) -> Result<(), String> {
    match left.meets(right) {
        true => Ok(()),
        false if left.is_compound() || right.is_compound() => {
            Err(format!("{} cannot be compared with {}; compare what is inside", left.name(), right.name()))
        }
        false => {
            Err(format!("{} is never equal to {}; write text in quotes, and numbers without them", left.name(), right.name()))
        }
    }
}
