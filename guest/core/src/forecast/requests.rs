//! How many requests it takes to read so many records, if the store counts right, changes nothing meanwhile, and no request is sent twice.

use crate::api::list::{Form, is_last};
use crate::streams::{End, List, Paging};

/// The requests that go through a list: its pages, its end, and what confirms it.
pub(super) fn of_walk(list: &List, records: u64, page: u64, is_filtered: bool) -> u64 {
    match list.paging {
        Paging::Once => 1,
        Paging::Page => of_passes(list, records, page),
        Paging::Id { .. } => pages(list, records, page) + of_end_by_id(list, records, is_filtered),
        // An empty page, requested twice, and a count.
        Paging::Cursor { .. } => pages(list, records, page) + 3,
    }
}

/// The fewest requests that go through a list of unknown length.
pub(super) fn of_shortest_walk(list: &List, page: u64) -> u64 {
    of_walk(list, 0, page, true).min(of_walk(list, 1, page, true))
}

/// The requests for what belongs to the records of a walk. Its pages are cut into chunks, and each request is for `most` records of a chunk.
pub(super) fn of_chunks(list: &List, records: u64, page: u64, chunk: u64, most: u64) -> u64 {
    let (first, following) = new_rows(list, page);
    let (chunk, most) = (chunk.max(1), most.max(1));
    let of_page = |rows: u64| rows / chunk * chunk.div_ceil(most) + (rows % chunk).div_ceil(most);
    let others = records.saturating_sub(first);
    of_page(records.min(first)) + others / following * of_page(following) + of_page(others % following)
}

/// Whether each page begins with the last row of the one before it: a filter for the least id takes that id, too.
fn repeats(list: &List) -> bool {
    matches!(list.paging, Paging::Id { after } if !after.ends_with(":greater"))
}

/// How many new rows the first page of a walk has, and each one after it.
fn new_rows(list: &List, page: u64) -> (u64, u64) {
    (page.max(1), page.saturating_sub(u64::from(repeats(list))).max(1))
}

/// The pages with records.
fn pages(list: &List, records: u64, page: u64) -> u64 {
    let (first, following) = new_rows(list, page);
    u64::from(records > 0) + records.saturating_sub(first).div_ceil(following)
}

fn of_end_by_id(list: &List, records: u64, is_filtered: bool) -> u64 {
    match (list.end, records) {
        // The highest id and an empty page; for an empty list also its count.
        (End::Highest(_), 0) => 2 + u64::from(list.count.is_some() && !is_filtered),
        // The only row is the one with the highest id: a cache might have answered, so the page is asked for twice.
        (End::Highest(_), 1) => 3,
        (End::Highest(_), _) => 2,
        // A count and a page without new rows; an empty page is requested twice.
        (_, records) => 2 + u64::from(records == 0 || !repeats(list)),
    }
}

/// A list by page number is read until a pass brings nothing new. A single page is a snapshot, so it is read once.
fn of_passes(list: &List, records: u64, page: u64) -> u64 {
    let page = page.max(1);
    let on_last = match records % page {
        0 => page.min(records),
        rows => rows,
    };
    // In an envelope, the total confirms that all rows have come.
    let has_all = (list.form == Form::Envelope).then_some(true);
    // No list has as many rows on a page as a number of 64 bits can hold.
    let ends = records > 0 && is_last(on_last as usize, page as usize, has_all);
    // A page after the last one is empty, and asked for twice.
    let pass = records.div_ceil(page) + if ends { 0 } else { 2 };
    let is_one_page = records == 0 || ends && records <= page;
    if is_one_page { pass } else { 2 * pass }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{brands, coupons, currencies, customers, orders, products, refunds, store};

    #[test]
    fn the_pages_of_a_walk_and_its_end() {
        for (list, page, expected) in [
            // The last row of a page comes once more with the next one.
            (&orders::LIST, 10, [(0, 2), (1, 4), (10, 3), (11, 4), (19, 4), (20, 5)]),
            (&products::LIST, 10, [(0, 2), (1, 4), (10, 3), (11, 4), (20, 4), (21, 5)]),
            (&coupons::LIST, 10, [(0, 3), (1, 3), (10, 3), (11, 4), (19, 4), (20, 5)]),
            (&brands::LIST, 10, [(0, 3), (1, 4), (10, 4), (11, 5), (20, 5), (21, 6)]),
            (&customers::LIST, 10, [(0, 3), (1, 4), (10, 4), (11, 5), (20, 5), (21, 6)]),
            (&store::LIST, 10, [(0, 1), (1, 1), (10, 1), (11, 1), (20, 1), (21, 1)]),
        ] {
            for (records, requests) in expected {
                assert_eq!(of_walk(list, records, page, true), requests, "{records} of {}", list.path);
            }
        }
        assert_eq!(of_walk(&orders::LIST, 0, 10, false), 3, "an empty list is held against its count");
    }

    #[test]
    fn pages_by_number_are_read_twice_if_there_are_several() {
        for (records, requests) in [(0, 2), (7, 1), (30, 6), (250, 6), (251, 4), (750, 10), (753, 8)] {
            assert_eq!(of_walk(&refunds::LIST, records, 250, false), requests, "{records} of an envelope");
        }
        // Nothing says how many there are: a page that may have been cut is followed by another one.
        for (records, requests) in [(0, 2), (9, 1), (11, 6), (250, 6), (255, 4)] {
            assert_eq!(of_walk(&currencies::LIST, records, 250, false), requests, "{records} of a bare list");
        }
    }

    #[test]
    fn requests_for_nested_rows_are_counted_page_by_page() {
        assert_eq!(of_chunks(&orders::LIST, 1000, 250, 50, 1), 1000);
        assert_eq!(of_chunks(&orders::LIST, 1000, 250, 50, 50), 5 + 5 + 5 + 5 + 1, "250, three times 249 and 3 orders");
        assert_eq!(of_chunks(&products::LIST, 1000, 250, 50, 50), 20);
        assert_eq!(of_chunks(&products::LIST, 120, 100, 10, 10), 12);
        assert_eq!(of_chunks(&products::LIST, 101, 250, 50, 20), 3 + 3 + 1, "of a chunk of 50, 20, 20 and 10 at a time");
        assert_eq!(of_chunks(&products::LIST, 0, 250, 50, 50), 0);
    }

    #[test]
    fn a_list_of_unknown_length_takes_at_least_what_an_empty_one_does() {
        assert_eq!(of_shortest_walk(&customers::LIST, 250), 3);
        assert_eq!(
            of_shortest_walk(&refunds::LIST, 250),
            1,
            "one row is a page that ends its list; of none the page comes twice"
        );
    }
}
