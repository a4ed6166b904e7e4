//! A walk's records, completed side by side and handed on in order.

use crate::api::{Clock, Transport};
use crate::error::{Failure, Result};
use crate::parts::{Fetcher, Parts};
use crate::walk::{Page, Row, Walk};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream as Items, StreamExt, TryStreamExt};

/// What a walk brings, in order.
pub(crate) enum Item {
    /// The walk has begun, at this time of the store's.
    Opened(Option<DateTime<Utc>>),
    /// A record, with its parts.
    Record(Row, Parts),
    /// A page is done. By cursor, the walk can go on from here.
    PageDone { cursor: Option<String>, seen: Option<u64>, last: bool },
}

/// The walk's records in order, each with its parts. So many records are completed side by side, across the pages' ends.
pub(crate) fn items<'f, T: Transport, C: Clock>(
    walk: Walk<'f, T, C>,
    fetcher: &'f Fetcher<'f, T, C>,
    fan_out: usize,
) -> impl Items<Item = Result<Item>> + 'f {
    let pages = stream::try_unfold(Some((walk, true)), async |step: Option<(Walk<'f, T, C>, bool)>| {
        let Some((mut walk, opens)) = step else { return Ok::<_, Failure>(None) };
        let page = walk.next_page().await?;
        let rest = (!page.last).then_some((walk, false));
        Ok(Some((stream::iter(unpack(page, opens)).map(Ok), rest)))
    });
    pages.try_flatten().map(|item| complete(fetcher, item)).buffered(fan_out)
}

/// What a page holds before its records are complete.
enum Raw {
    Done(Item),
    Row(Row),
}

fn unpack(page: Page, opens: bool) -> impl Iterator<Item = Raw> {
    let opened = opens.then_some(Raw::Done(Item::Opened(page.started)));
    let done = Item::PageDone { cursor: page.cursor, seen: page.rows.last().map(|row| row.seen), last: page.last };
    opened.into_iter().chain(page.rows.into_iter().map(Raw::Row)).chain([Raw::Done(done)])
}

async fn complete<T: Transport, C: Clock>(fetcher: &Fetcher<'_, T, C>, item: Result<Raw>) -> Result<Item> {
    match item? {
        Raw::Done(item) => Ok(item),
        Raw::Row(row) => {
            let parts = fetcher.fetch(&row).await?;
            Ok(Item::Record(row, parts))
        }
    }
}
