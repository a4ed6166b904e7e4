//! The names of streams and fields to which the page about other connectors leads.

use tap_bigcommerce_core::schema;
use tap_bigcommerce_core::streams::Stream;

/// What stands as code in the second cell of the page's tables, from Airbyte's on: before that, names are those of the Python tap.
pub(crate) fn names(page: &str) -> Vec<&str> {
    let (_, tables) = page.split_once("\n## From Airbyte").unwrap();
    let cells = tables.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Whether a stream has that name, or that field: `orders`, `orders.products.sku`.
pub(crate) fn exists(name: &str) -> bool {
    let mut path = name.split('.');
    let stream = path.next().and_then(Stream::find);
    stream.is_some_and(|stream| path.try_fold(stream.schema(), |schema, field| schema::properties(schema)?.get(field)).is_some())
}
