//! The grammar of expressions: the part of Python's that filters and maps are made of.
//!
//! ```text
//! or       = and, { "or", and }
//! and      = not, { "and", not }
//! not      = { "not" }, compared
//! compared = sum, { ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ], "in" | "is", [ "not" ] ), sum }
//! sum      = value, { "+", value }
//! value    = atom, { "[", text, "]" | ".get(", text, ")" | ".", method, "(", [ or ], ")" }
//! atom     = "None" | "True" | "False" | number | text | field | "record[", text, "]" | "config[", text, "]"
//!          | function, "(", or, ")" | "(", or, ")" | "[", or, { ",", or }, "]"
//! ```

use super::words::{Placed, Word, words};
use serde_json::{Map, Value};

/// Expressions that are nested deeper are refused, so that reading and evaluating one needs little stack.
const MOST_DEPTH: usize = 50;
const MOST_METHODS: usize = 100;

/// An expression. What Python calls a value is one of a record's fields, or a constant.
#[derive(Clone)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    /// As it is written, by JSON's grammar.
    Number(String),
    Text(String),
    Field(FieldPath),
    List(Vec<Expr>),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// A chain, as `1 < x < 5`.
    Compared(Box<Expr>, Vec<(Comparison, Expr)>),
    Joined(Vec<Expr>),
    Call(Function, Box<Expr>),
    /// `startswith` or `endswith` with what it looks for.
    Affix(Affix, Box<Expr>, Box<Expr>),
}

/// A field: its name and, inside an object, the names below it.
#[derive(Clone)]
pub(super) struct FieldPath {
    pub(super) names: Vec<String>,
    /// The place of the first name among the fields that a map reads.
    pub(super) slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Md5,
    Sha256,
    Str,
    Bool,
    Lower,
    Upper,
    Strip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affix {
    Start,
    End,
}

/// Reads an expression. `config` is what `config['name']` stands for.
///
/// # Errors
/// It does not follow the grammar: where, and what to write instead.
pub(super) fn parse(text: &str, config: &Map<String, Value>) -> Result<Expr, String> {
    let parsed = words(text).and_then(|words| Parser { words, at: 0, depth: 0, methods: 0, config }.whole());
    parsed.map_err(|(place, why)| {
        let column = text.get(..place).map_or(0, |before| before.chars().count()) + 1;
        format!("column {column}: {why}")
    })
}

struct Parser<'p> {
    words: Vec<Placed<Word>>,
    at: usize,
    depth: usize,
    /// How many methods there are: each is one level deeper, and brackets around them add up.
    methods: usize,
    config: &'p Map<String, Value>,
}

type Parsed<T = Expr> = Result<T, Placed<String>>;

impl Parser<'_> {
    fn whole(mut self) -> Parsed {
        let expr = self.or()?;
        match self.word() {
            Word::End => Ok(expr),
            Word::Sign("-") => self.fault("subtraction is not supported; calculate in the target"),
            Word::Name(name) if name == "if" => self.fault("`if … else` is not supported; use and, or, not"),
            _ => self.fault("the expression should end here; put `and` or `or` between two conditions"),
        }
    }

    fn word(&self) -> &Word {
        self.words.get(self.at).map_or(&Word::End, |(_, word)| word)
    }

    fn fault<T>(&self, why: impl Into<String>) -> Parsed<T> {
        Err((self.words.get(self.at).map_or(0, |(place, _)| *place), why.into()))
    }

    fn take(&mut self, word: &Word) -> bool {
        let is_it = self.word() == word;
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let is_it = matches!(self.word(), Word::Name(other) if other == name);
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_sign(&mut self, sign: &'static str) -> bool {
        self.take(&Word::Sign(sign))
    }

    fn needs(&mut self, sign: &'static str) -> Parsed<()> {
        if self.takes_sign(sign) { Ok(()) } else { self.fault(format!("{sign:?} is missing here")) }
    }

    fn or(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return self.fault(format!("it is nested deeper than {MOST_DEPTH} levels; make it simpler"));
        }
        let expr = self.several("or", Expr::Any, |parser| parser.several("and", Expr::All, Self::not))?;
        self.depth -= 1;
        Ok(expr)
    }

    /// One or more operands with this word between them.
    fn several(&mut self, word: &str, of: fn(Vec<Expr>) -> Expr, one: impl Fn(&mut Self) -> Parsed) -> Parsed {
        let first = one(self)?;
        let mut all = vec![first];
        while self.takes_name(word) {
            all.push(one(self)?);
        }
        Ok(single(all, of))
    }

    fn not(&mut self) -> Parsed {
        let (mut is_negated, mut is_bool) = (false, false);
        while self.takes_name("not") {
            (is_negated, is_bool) = (!is_negated, true);
        }
        let expr = self.compared()?;
        Ok(match (is_bool, is_negated) {
            (false, _) => expr,
            (true, true) => Expr::Not(Box::new(expr)),
            (true, false) => Expr::Call(Function::Bool, Box::new(expr)),
        })
    }

    fn compared(&mut self) -> Parsed {
        let first = self.sum()?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison()? {
            rest.push((comparison, self.sum()?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compared(Box::new(first), rest) })
    }

    fn comparison(&mut self) -> Parsed<Option<Comparison>> {
        let comparison = match self.word() {
            Word::Sign("==") => Comparison::Equal,
            Word::Sign("!=") => Comparison::NotEqual,
            Word::Sign("<") => Comparison::Less,
            Word::Sign("<=") => Comparison::LessEqual,
            Word::Sign(">") => Comparison::Greater,
            Word::Sign(">=") => Comparison::GreaterEqual,
            Word::Name(name) if name == "in" => Comparison::In,
            Word::Name(name) if name == "is" => Comparison::Is,
            Word::Name(name) if name == "not" => Comparison::NotIn,
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(match comparison {
            Comparison::Is if self.takes_name("not") => Comparison::IsNot,
            Comparison::NotIn if !self.takes_name("in") => return self.fault("`in` is missing after `not`"),
            other => other,
        }))
    }

    fn sum(&mut self) -> Parsed {
        let first = self.value()?;
        let mut all = vec![first];
        while self.takes_sign("+") {
            all.push(self.value()?);
        }
        Ok(single(all, Expr::Joined))
    }

    fn value(&mut self) -> Parsed {
        let mut value = self.atom()?;
        let start = self.at;
        loop {
            if self.at > start + 6 * MOST_DEPTH {
                return self.fault("too much follows one value; make it simpler");
            }
            if self.takes_sign("[") {
                value = self.below(value)?;
                self.needs("]")?;
            } else if self.takes_sign(".") {
                value = self.method(value)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// A name below a field.
    fn below(&mut self, value: Expr) -> Parsed {
        let Expr::Field(mut field) = value else {
            return self.fault("only a field has names below it, as billing_address['city']");
        };
        match self.word() {
            Word::Text(name) => field.names.push(name.clone()),
            _ => {
                return self
                    .fault("a name in quotes belongs here, as billing_address['city']; places in a list are not supported");
            }
        }
        self.at += 1;
        Ok(Expr::Field(field))
    }

    fn method(&mut self, value: Expr) -> Parsed {
        let Word::Name(name) = self.word().clone() else { return self.fault("a method belongs here, as email.lower()") };
        if self.words.get(self.at + 1).map(|(_, word)| word) != Some(&Word::Sign("(")) {
            return self.fault(format!("write ['{name}'] for a name below a field"));
        }
        let affix = match name.as_str() {
            "startswith" => Some(Affix::Start),
            "endswith" => Some(Affix::End),
            _ => None,
        };
        let function = match name.as_str() {
            "lower" => Some(Function::Lower),
            "upper" => Some(Function::Upper),
            "strip" => Some(Function::Strip),
            "get" => None,
            _ if affix.is_some() => None,
            _ => {
                let text = "this method is not supported; there are get, lower, upper, strip, startswith, endswith";
                return self.fault(text);
            }
        };
        self.methods += 1;
        if self.methods > MOST_METHODS {
            return self.fault(format!("it has more than {MOST_METHODS} methods; make it simpler"));
        }
        self.at += 2;
        let value = match (function, affix) {
            (Some(function), _) => Expr::Call(function, Box::new(value)),
            (None, Some(affix)) => Expr::Affix(affix, Box::new(value), Box::new(self.or()?)),
            (None, None) => self.below(value)?,
        };
        self.needs(")")?;
        Ok(value)
    }

    fn atom(&mut self) -> Parsed {
        let word = self.word().clone();
        let start = self.at;
        self.at += 1;
        match word {
            Word::Text(text) => Ok(Expr::Text(text)),
            Word::Number(number) => Ok(Expr::Number(number)),
            Word::Sign("-") => match self.word().clone() {
                Word::Number(number) => {
                    self.at += 1;
                    Ok(Expr::Number(format!("-{number}")))
                }
                _ => self.fault("only a number has a minus sign before it"),
            },
            Word::Sign("(") => {
                let first = self.or()?;
                match self.word() {
                    Word::Sign(",") => self.list(vec![first], ")"),
                    _ => self.needs(")").map(|()| first),
                }
            }
            Word::Sign("[") => self.list(Vec::new(), "]"),
            Word::Name(name) => self.named(name, start),
            Word::Sign(_) | Word::End => {
                self.at = start;
                self.fault("a field or a value is missing here")
            }
        }
    }

    /// The rest of a list, up to its end.
    fn list(&mut self, mut items: Vec<Expr>, end: &'static str) -> Parsed {
        loop {
            if !items.is_empty() && !self.takes_sign(",") {
                self.needs(end)?;
                return Ok(Expr::List(items));
            }
            if self.takes_sign(end) {
                return Ok(Expr::List(items));
            }
            items.push(self.or()?);
        }
    }

    fn named(&mut self, name: String, start: usize) -> Parsed {
        let is_called = *self.word() == Word::Sign("(");
        let function = match name.as_str() {
            "None" => return Ok(Expr::Null),
            "True" => return Ok(Expr::Bool(true)),
            "False" => return Ok(Expr::Bool(false)),
            "record" | "_" if !is_called => return self.of_record(),
            "config" if !is_called => return self.of_config(),
            "md5" => Function::Md5,
            "sha256" => Function::Sha256,
            "str" => Function::Str,
            "bool" => Function::Bool,
            "and" | "or" | "in" | "is" | "if" | "else" | "for" | "lambda" => {
                self.at = start;
                return self.fault("a field or a value is missing here");
            }
            "fake" => return self.refuse(start, "Faker is not supported; hash the field, or write a constant"),
            _ if is_called => {
                return self.refuse(start, "this function is not supported; there are md5, sha256, str, bool");
            }
            _ => return Ok(Expr::Field(FieldPath { names: vec![name], slot: 0 })),
        };
        if !is_called {
            return Ok(Expr::Field(FieldPath { names: vec![name], slot: 0 }));
        }
        self.at += 1;
        let argument = self.or()?;
        self.needs(")")?;
        Ok(Expr::Call(function, Box::new(argument)))
    }

    fn refuse(&mut self, start: usize, why: &str) -> Parsed {
        self.at = start;
        self.fault(why)
    }

    /// The name that follows `record` or `config`.
    fn key(&mut self) -> Parsed<String> {
        let is_get = self.takes_sign(".");
        let close = if is_get {
            if !self.takes_name("get") {
                return self.fault("write ['name'] here");
            }
            self.needs("(")?;
            ")"
        } else {
            if !self.takes_sign("[") {
                return self.fault("['name'] is missing here");
            }
            "]"
        };
        let Word::Text(name) = self.word().clone() else { return self.fault("a name in quotes belongs here") };
        self.at += 1;
        self.needs(close)?;
        Ok(name)
    }

    fn of_record(&mut self) -> Parsed {
        Ok(Expr::Field(FieldPath { names: vec![self.key()?], slot: 0 }))
    }

    fn of_config(&mut self) -> Parsed {
        let name = self.key()?;
        match self.config.get(&name) {
            Some(Value::String(text)) => Ok(Expr::Text(text.clone())),
            Some(Value::Number(number)) => Ok(Expr::Number(number.to_string())),
            Some(Value::Bool(value)) => Ok(Expr::Bool(*value)),
            Some(_) => self.fault(format!("stream_map_config has a {name:?} that is not a text, a number, true or false")),
            None => self.fault(format!("stream_map_config has no {name:?}; add it there")),
        }
    }
}

/// A single expression as it is; several, combined by `of`.
fn single(mut all: Vec<Expr>, of: fn(Vec<Expr>) -> Expr) -> Expr {
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            of(all)
        }
    }
}
