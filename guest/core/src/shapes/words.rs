//! The words of an expression, as Python writes them.

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    Name(String),
    Text(String),
    /// A number by JSON's grammar.
    Number(String),
    Sign(&'static str),
    End,
}

/// Something, and the byte at which it begins.
pub(super) type Placed<T> = (usize, T);

/// Longer signs come first.
const SIGNS: [&str; 14] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];

/// The words of an expression, with [`Word::End`] as the last.
///
/// # Errors
/// Something in it is no word of the grammar: where, and what to write.
pub(super) fn words(text: &str) -> Result<Vec<Placed<Word>>, Placed<String>> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let place = text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            words.push((place, Word::End));
            return Ok(words);
        };
        let (word, after) = next(first, rest).map_err(|why| (place, why))?;
        words.push((place, word));
        rest = after;
    }
}

fn next(first: char, rest: &str) -> Result<(Word, &str), String> {
    if first.is_ascii_alphabetic() || first == '_' {
        let (name, after) = split(rest, |c| c.is_ascii_alphanumeric() || c == '_');
        return match after.starts_with(['\'', '"']) {
            true => Err(format!("a text with {name:?} before it is not supported; write the text alone")),
            false => Ok((Word::Name(name.to_owned()), after)),
        };
    }
    if first == '\'' || first == '"' {
        return quoted(first, rest);
    }
    let is_digit = |text: Option<&str>| text.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    if is_digit(Some(rest)) || is_digit(rest.strip_prefix('.')) {
        return number(rest);
    }
    match SIGNS.iter().find_map(|sign| Some((*sign, rest.strip_prefix(sign)?))) {
        Some((sign, after)) => Ok((Word::Sign(sign), after)),
        None => Err(no_word(first)),
    }
}

/// The longest start whose characters all fit, and the rest.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

fn number(rest: &str) -> Result<(Word, &str), String> {
    let (mut digits, mut after) = split(rest, |c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    if digits.ends_with(['e', 'E']) && after.starts_with(['+', '-']) {
        let (exponent, _) = split(&after[1..], |c| c.is_ascii_digit());
        (digits, after) = rest.split_at(digits.len() + 1 + exponent.len());
    }
    let number = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    match serde_json::from_str::<serde_json::Number>(&number) {
        Ok(_) => Ok((Word::Number(number), after)),
        Err(_) => Err("this is not a number; write it as 5, 0.5 or 1e6, and text in quotes".into()),
    }
}

fn quoted(quote: char, rest: &str) -> Result<(Word, &str), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((Word::Text(text), &rest[place + c.len_utf8()..])),
            '\\' => text.push(escaped(&mut chars)?),
            _ => text.push(c),
        }
    }
    Err("this text has no end; close its quote".into())
}

fn escaped(chars: &mut impl Iterator<Item = (usize, char)>) -> Result<char, String> {
    let mut next = || chars.next().map(|(_, c)| c);
    let digits = match next() {
        Some(c @ ('\\' | '\'' | '"')) => return Ok(c),
        Some('n') => return Ok('\n'),
        Some('r') => return Ok('\r'),
        Some('t') => return Ok('\t'),
        Some('x') => 2,
        Some('u') => 4,
        _ => 0,
    };
    let code: String = std::iter::from_fn(next).take(digits).collect();
    let is_hex = digits > 0 && code.len() == digits && code.bytes().all(|b| b.is_ascii_hexdigit());
    let code = u32::from_str_radix(&code, 16).ok().filter(|_| is_hex);
    code.and_then(char::from_u32).ok_or_else(|| r"this escape is not supported; write \\ for a backslash".to_owned())
}

fn no_word(c: char) -> String {
    let instead = match c {
        '=' => "write == to compare",
        '&' => "write and",
        '|' => "write or",
        '!' => "write not, or != to compare",
        '*' | '/' | '%' | '^' | '@' | '~' => "calculate in the target",
        '{' | '}' | ':' | ';' => "docs/shapes.md has the grammar",
        _ if c.is_alphanumeric() => "write record['name'] for a name with such characters",
        _ => "docs/shapes.md has the grammar",
    };
    format!("{c:?} is not supported; {instead}")
}
