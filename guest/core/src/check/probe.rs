//! The few requests of a check: each list is requested once, however many streams need the answer.

use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::{Clock, NoBody, Request, Slice, Transport};
use crate::error::Result;
use crate::forecast::{Figure, Inquiry};
use crate::head::id_of;
use crate::streams::{List, Paging, Source, Stream};
use std::collections::HashMap;

/// Asks the store, and remembers what it has said.
pub(super) struct Probe<'g, T, C> {
    gate: &'g Gate<T, C>,
    /// What was asked of lists, and how many records they have; or why they cannot be read.
    known: Vec<(Inquiry, Result<Option<Figure>>)>,
    /// A record of a list, by the list's path.
    records: HashMap<&'static str, u64>,
}

impl<'g, T: Transport, C: Clock> Probe<'g, T, C> {
    pub(super) fn new(gate: &'g Gate<T, C>) -> Self {
        Probe { gate, known: Vec::new(), records: HashMap::new() }
    }

    fn known(&self, inquiry: &Inquiry) -> Option<Result<Option<Figure>>> {
        self.known.iter().find(|(known, _)| known.is_as(inquiry)).map(|(_, said)| said.clone())
    }

    /// Whether a list can be read, and how many records it has, where the store says it.
    pub(super) async fn list(&mut self, inquiry: &Inquiry) -> Result<Option<Figure>> {
        if let Some(known) = self.known(inquiry) {
            return known;
        }
        let said = self.read(inquiry).await;
        self.known.push((inquiry.clone(), said.clone()));
        said
    }

    async fn read(&mut self, inquiry: &Inquiry) -> Result<Option<Figure>> {
        let (list, mut page) = (inquiry.list, inquiry.page());
        let rows = self.gate.get(&mut page, |body| list.form.decode(body)).await?.body;
        self.records.extend(rows.rows.first().and_then(|row| Some((list.path, id_of(row, list)?))));
        // That a list is counted does not show that it can be read.
        if list.count.is_some() { inquiry.ask(self.gate).await } else { Ok(inquiry.by_page(&rows, page.page)) }
    }

    /// How many records a list has; another inquiry has already shown that it can be read. None if the store does not say.
    ///
    /// # Errors
    /// The store is not there, or refuses the token.
    pub(super) async fn count(&mut self, inquiry: &Inquiry) -> Result<Option<Figure>> {
        let said = match self.known(inquiry) {
            Some(known) => known,
            None => {
                let said = inquiry.ask(self.gate).await;
                self.known.push((inquiry.clone(), said.clone()));
                said
            }
        };
        match said {
            Err(failure) if failure.spares_other_streams() => Ok(None),
            said => said,
        }
    }

    /// Asks for the list of one record, which needs a scope of its own.
    pub(super) async fn below(&self, stream: &'static Stream, parents: &'static List) -> Result<()> {
        let (path, form) = match stream.source {
            Source::List(_) => return Ok(()),
            Source::Below { list, .. } => (list.path, list.form),
            Source::With { rows, .. } => match rows.ask() {
                Some(ask) => (ask.path, ask.form),
                None => return Ok(()),
            },
        };
        // Without a record there is nothing to ask for.
        let Some(id) = self.record(stream, parents).await? else { return Ok(()) };
        let path = path.replace("{id}", &id.to_string());
        let request = Request::new(stream.name, stream.scope(), path);
        let mut request = Request { page: Some(Slice::first(1)), no_body: NoBody::NoRows, ..request };
        match self.gate.get(&mut request, |body| form.decode(body)).await {
            // It may have been deleted since.
            Ok(_) | Err(Refused { status: Some(404), .. }) => Ok(()),
            Err(refused) => Err(refused.failure),
        }
    }

    /// The id of a record of a list. None: it has none.
    async fn record(&self, stream: &'static Stream, list: &'static List) -> Result<Option<u64>> {
        if let Some(known) = self.records.get(list.path) {
            return Ok(Some(*known));
        }
        let mut first = Request::new(stream.name, list.scope, list.path.to_owned());
        first.page = Some(Slice::first(1)).filter(|_| list.paging != Paging::Once);
        let found = self.gate.get(&mut first, |body| list.form.decode(body)).await?.body;
        Ok(found.rows.first().and_then(|row| id_of(row, list)))
    }
}
