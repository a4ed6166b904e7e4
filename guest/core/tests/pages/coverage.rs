//! The page that compares this tap with other connectors: what this tap does is read from the registry, what the others do from `others.txt`.

use std::collections::HashSet;
use std::fmt::Write as _;
use tap_bigcommerce_core::streams::{ALL, End, List, Paging, Replication, Rows, Source, Stream};

/// The other connectors, in the order of the file's columns.
const OTHERS: [&str; 5] = ["singer-io", "Airbyte", "Fivetran", "hotglue", "Keboola"];
/// Requests are given for so many records.
const RECORDS: usize = 1000;
/// The records of one page, unless the config says otherwise.
const PAGE: usize = 250;

/// A line of the file.
struct Known<'f> {
    name: &'f str,
    others: Vec<&'f str>,
    /// Where the API has what is no stream.
    in_api: &'f str,
}

impl<'f> Known<'f> {
    fn read(line: &'f str) -> Known<'f> {
        let cells: Vec<&str> = line.split(" | ").collect();
        let (name, cells) = cells.split_first().unwrap();
        let (others, in_api) = cells.split_at_checked(OTHERS.len()).unwrap_or_else(|| panic!("{name}: a cell is missing"));
        assert!(in_api.len() <= 1, "{name}: there are too many cells");
        for cell in others {
            let has_field = ["by `", "with `", "inside `"].iter().any(|word| cell.starts_with(word)) && cell.ends_with('`');
            assert!(has_field || ["full", "yes", "-", "?"].contains(cell), "{name}: the file does not explain \"{cell}\"");
        }
        let is_stream = Stream::find(name).is_some();
        assert!(is_stream == in_api.is_empty(), "{name}: the file says where the API has it if it is no stream, and only then");
        Known { name, others: others.to_vec(), in_api: in_api.first().copied().unwrap_or_default() }
    }

    /// Its last cells in a table.
    fn cells(&self) -> String {
        self.others.iter().map(|cell| format!(" {} |", if *cell == "-" { "–" } else { cell })).collect()
    }
}

/// The generated part of the page, with what the file says of the others.
pub(crate) fn page(file: &str) -> String {
    let known: Vec<Known> = file.lines().filter(|line| !line.starts_with('#')).map(Known::read).collect();
    let mut names = HashSet::new();
    known.iter().for_each(|known| assert!(names.insert(known.name), "{} has two lines in others.txt", known.name));
    let mut page = head("Streams", &["stream", "replication", "requests"]);
    for stream in ALL {
        let others = known.iter().find(|known| known.name == stream.name);
        let others = others.unwrap_or_else(|| panic!("{} needs a line in others.txt: which connectors have it?", stream.name));
        let (name, replication) = (stream.name, replication(stream));
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| [{name}](streams.md#{name}) | {replication} | {} |{}", requests(stream), others.cells());
    }
    page.push_str(&head("Not in this tap", &["what", "in the API"]));
    for known in known.iter().filter(|known| Stream::find(known.name).is_none()) {
        let _ = writeln!(page, "| {} | {} |{}", known.name, known.in_api, known.cells());
    }
    page.push('\n');
    page
}

/// A section's title, and the head of its table.
fn head(title: &str, columns: &[&str]) -> String {
    let columns = [columns, &OTHERS].concat();
    format!("\n## {title}\n\n| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()))
}

fn replication(stream: &Stream) -> String {
    match stream.replication {
        Replication::FullTable => "full".to_owned(),
        Replication::Incremental { key, .. } => format!("by `{key}`"),
    }
}

fn requests(stream: &Stream) -> String {
    match stream.source {
        Source::List(list) => of_list(stream, list),
        Source::Below { parent, list, .. } => format!("about {} (`{}`)", number(RECORDS * below_each(list)), parent.name),
        Source::With { parent, rows } => format!("{} (`{}`)", number(of_rows(rows).unwrap_or(0)), parent.name),
    }
}

/// The requests for a list of one page, with those that confirm its end.
fn below_each(list: &List) -> usize {
    match list.end {
        // The page again, which is empty now, twice, and a count.
        End::AllSeen | End::CoveredSeen => 4,
        // The row with the highest id, before and after.
        End::Highest(_) => 3,
        End::Again | End::Answer => 1,
    }
}

/// The requests for the pages of a list, and those for what its records show.
fn of_list(stream: &Stream, list: &List) -> String {
    let pages = RECORDS.div_ceil(PAGE);
    let own = match list.paging {
        Paging::Once => 1,
        // A list of more than one page is read once more, since what is deleted meanwhile shifts the rows after it.
        Paging::Page => 2 * pages,
        Paging::Id { after } => pages_by_id(after) + 2 * list.hidden.len(),
        Paging::Cursor { .. } => pages,
    };
    let is_shown = |rows: &&&Rows| stream.schema()["properties"].get(rows.name).is_some();
    let shown = list.rows.iter().filter(is_shown).filter_map(|rows| {
        let most = if rows.is_inside() { "up to " } else { "" };
        Some(format!(", {most}{} for `{}`", number(of_rows(rows)?), rows.name))
    });
    let mut more: String = shown.collect();
    // Fields that cut the pages cost the same together.
    if let Some(most) = list.includes.iter().filter_map(|include| include.page_at_most).min() {
        let cut = list.includes.iter().filter(|include| include.page_at_most.is_some());
        let fields: Vec<String> = cut.map(|include| format!("`{}`", include.field)).collect();
        let _ = write!(more, ", {} with {}", number(RECORDS.div_ceil(most)), fields.join(" or "));
    }
    number(own) + &more
}

/// The pages by id. Where the filter takes the least id, too, each page begins with the last row of the one before it.
fn pages_by_id(after: &str) -> usize {
    let repeated = usize::from(!after.ends_with(":greater"));
    1 + (RECORDS - PAGE).div_ceil(PAGE - repeated)
}

/// The requests for the rows of so many records. None: the records hold them.
fn of_rows(rows: &Rows) -> Option<usize> {
    rows.at_a_time().map(|most| RECORDS.div_ceil(most))
}

/// A number up to 999,999 as people write it.
fn number(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}
