//! How many records of a list there are, as the store says: by an endpoint that counts, by a page's total, or by a page that holds all.

use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::list::{self, Form, Listing};
use crate::api::{Clock, Query, Request, Slice, Transport};
use crate::error::Result;
use crate::streams::{List, Paging};

/// A number, or the least that it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The number.
    pub number: u64,
    /// It may be more.
    pub at_least: bool,
}

impl Figure {
    /// A number that is known.
    pub(crate) fn exact(number: u64) -> Figure {
        Figure { number, at_least: false }
    }
}

/// Asks how many records a list has under some filters.
#[derive(Clone, Debug)]
pub(crate) struct Inquiry {
    /// The stream, for messages.
    pub(crate) stream: &'static str,
    pub(crate) list: &'static List,
    pub(crate) filters: Query,
    pub(crate) page_size: u32,
}

impl Inquiry {
    /// Whether the same is asked.
    pub(crate) fn is_as(&self, other: &Inquiry) -> bool {
        let target = |inquiry: &Inquiry| (inquiry.list.path, inquiry.page().page);
        target(self) == target(other) && self.filters == other.filters
    }

    /// The endpoint that counts, where the list has one.
    pub(crate) fn counter(&self) -> Option<Request> {
        self.list.count.map(|path| self.to(path))
    }

    /// A page of the list: one record, unless only a whole page shows how long the list is.
    pub(crate) fn page(&self) -> Request {
        let is_said = self.list.count.is_some() || self.list.form == Form::Envelope;
        let page = Some(Slice::first(if is_said { 1 } else { self.page_size }));
        Request { page: page.filter(|_| self.list.paging != Paging::Once), ..self.to(self.list.path) }
    }

    fn to(&self, path: &str) -> Request {
        Request { query: self.filters.clone(), ..Request::new(self.stream, self.list.scope, path.to_owned()) }
    }

    /// What a page says of the list's length. None: nothing.
    pub(crate) fn by_page(&self, rows: &Listing, page: Option<Slice>) -> Option<Figure> {
        let came = rows.rows.len();
        // A walk does not trust a short page of such a list, but it is good enough for an estimate.
        let is_all = page.is_none_or(|page| came < page.limit as usize);
        match (rows.total, self.list.form) {
            (Some(total), _) => Some(Figure::exact(total)),
            (None, Form::Envelope) if page.is_some() => None,
            (None, _) => Some(Figure { number: came as u64, at_least: !is_all }),
        }
    }

    /// Asks the store, with one request. None: it does not say.
    ///
    /// # Errors
    /// The store refused for a reason that concerns more than this number.
    pub(crate) async fn ask<T: Transport, C: Clock>(&self, gate: &Gate<T, C>) -> Result<Option<Figure>> {
        let Some(mut counter) = self.counter() else {
            let mut page = self.page();
            let rows = gate.get(&mut page, |body| self.list.form.decode(body)).await;
            return unless_unsaid(rows.map(|rows| self.by_page(&rows.body, page.page)));
        };
        unless_unsaid(gate.get(&mut counter, list::count).await.map(|counted| Some(Figure::exact(counted.body))))
    }
}

/// If the store fails to report the number, or has no endpoint for it, it is unknown; the list may still be readable.
fn unless_unsaid(said: std::result::Result<Option<Figure>, Refused>) -> Result<Option<Figure>> {
    match said {
        Err(Refused { spent: true, .. } | Refused { status: Some(400 | 404 | 422), .. }) => Ok(None),
        said => Ok(said?),
    }
}
