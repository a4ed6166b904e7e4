//! Tables and numbers for people, as wide as their terminal.

use console::{Alignment, Term, measure_text_width, pad_str};
use indicatif::HumanCount;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// How many columns a terminal has; none if it is no terminal.
pub(crate) fn width(term: &Term) -> Option<usize> {
    term.size_checked().map(|(_, columns)| columns.into())
}

/// A head and rows, side by side; or, where they are wider than the terminal, each row's cells under its first one. Without a width
/// any is permitted.
pub(crate) fn layout<const N: usize>(rows: &[[String; N]], align: [Alignment; N], width: Option<usize>) -> String {
    let text = columns(rows, align);
    match width {
        Some(width) if text.lines().any(|line| measure_text_width(line) > width) => stacked(rows, width),
        _ => text,
    }
}

fn columns<const N: usize>(rows: &[[String; N]], align: [Alignment; N]) -> String {
    let width = |column: usize| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).zip(align).map(|((cell, width), align)| pad_str(cell, width, align, None));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn stacked<const N: usize>(rows: &[[String; N]], width: usize) -> String {
    let Some((heads, rows)) = rows.split_first() else { return String::new() };
    let widest = heads.iter().skip(1).map(|head| measure_text_width(head)).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        text.push_str(&wrapped(&row[0], "", Some(width)));
        for (head, cell) in heads.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            let line = if head.is_empty() { format!("  {cell}") } else { format!("  {head:<widest$}  {cell}") };
            text.push_str(&wrapped(&line, "    ", Some(width)));
        }
    }
    text
}

/// A line of words, broken where the terminal ends; what follows a break is indented. Each line has its end.
pub(crate) fn wrapped(line: &str, indent: &str, width: Option<usize>) -> String {
    let options = Options::new(width.unwrap_or(usize::MAX))
        .subsequent_indent(indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::AsciiSpace)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    format!("{}\n", textwrap::fill(line, options))
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A time that is only about right: two figures at most.
pub(crate) fn about(seconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    match UNITS.into_iter().find(|(unit, _)| seconds >= 1.5 * unit) {
        Some((unit, name)) if seconds >= 9.95 * unit => format!("{:.0} {name}", seconds / unit),
        Some((unit, name)) => format!("{:.1} {name}", seconds / unit).replace(".0 ", " "),
        None if seconds < 0.95 => "<1 s".to_owned(),
        None => format!("{seconds:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Alignment::{Left, Right};

    fn rows() -> Vec<[String; 3]> {
        [["stream", "records", ""], ["orders", "1,500", ""], ["coupons", "0", "failed: missing-scope"]]
            .map(|row| row.map(str::to_owned))
            .to_vec()
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn times_are_told_as_roughly_as_they_are_known() {
        let told = [0.0, 1.4, 89.0, 90.0, 600.0, 5399.0, 5400.0, 7200.0, 90_000.0, 1e7].map(about);
        assert_eq!(told, ["<1 s", "1 s", "89 s", "1.5 min", "10 min", "90 min", "1.5 h", "2 h", "25 h", "116 d"]);
    }

    #[test]
    fn a_table_that_fits_has_columns() {
        let text = "stream   records\norders     1,500\ncoupons        0  failed: missing-scope\n";
        assert_eq!(layout(&rows(), [Left, Right, Left], None), text);
        assert_eq!(layout(&rows(), [Left, Right, Left], Some(39)), text);
    }

    #[test]
    fn a_table_that_does_not_fit_is_stacked_and_no_line_is_wider_than_the_terminal() {
        let text = layout(&rows(), [Left, Right, Left], Some(38));
        assert_eq!(text, "orders\n  records  1,500\ncoupons\n  records  0\n  failed: missing-scope\n");
        for width in 22..38 {
            let text = layout(&rows(), [Left, Right, Left], Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
        }
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        let rows = [["手作り", "1"], ["a", "2"]].map(|row| row.map(str::to_owned));
        assert_eq!(layout(&rows, [Left, Left], Some(9)), "手作り  1\na       2\n");
        assert_eq!(layout(&rows, [Left, Left], Some(8)).lines().count(), 2);
        assert_eq!(wrapped("手作り 手作り", "", Some(7)), "手作り\n手作り\n");
    }

    #[test]
    fn a_long_line_is_broken_between_words() {
        assert_eq!(wrapped("one two three", "", Some(8)), "one two\nthree\n");
        assert_eq!(wrapped("one two three", "", None), "one two three\n");
        assert_eq!(wrapped("  a bc", "    ", Some(4)), "  a\n    bc\n");
    }
}
