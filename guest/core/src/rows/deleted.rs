//! Whether a record is gone, after its nested list was not found.

use super::Fetcher;
use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::list::is_json;
use crate::api::{Clock, Request, SECOND_THOUGHTS, Slice, Transport};
use crate::error::Result;
use crate::head::id_of;
use crate::streams::{List, Lookup};

/// The longest page that a store serves.
const MOST: u32 = 250;

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    pub(super) async fn is_gone(&self, id: u64) -> Result<bool, Refused> {
        let is_gone = is_gone(self.gate, self.group.name(), self.group.list, id, self.tries).await?;
        // A store that hides a record from its list may hide it from its own path, too.
        Ok(is_gone && !(self.are_hidden && self.is_shown_when_asked_for(id).await?))
    }

    /// Whether the list still shows a hidden record when it is asked with the filter for it.
    async fn is_shown_when_asked_for(&self, id: u64) -> Result<bool, Refused> {
        let list = self.group.list;
        let Some((least, greatest)) = list.range else { return Ok(false) };
        // The filters may be exclusive, so the bounds are one id wider.
        let bounds = [(least, id.saturating_sub(1).to_string()), (greatest, id.saturating_add(1).to_string())];
        for hidden in list.hidden {
            let query = bounds.iter().cloned().chain([(hidden.filter.0, hidden.filter.1.to_owned())]).collect();
            let request = Request::new(self.group.name(), list.scope, list.path.to_owned());
            let mut request = Request { query, tries: self.tries, page: Some(Slice::first(3)), ..request };
            let shown = self.gate.get(&mut request, |body| list.form.decode(body)).await?.body;
            if shown.rows.iter().any(|row| id_of(row, list) == Some(id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a record is certainly gone. A record that cannot be looked up is not.
pub(crate) async fn is_surely_gone<T: Transport, C: Clock>(
    gate: &Gate<T, C>,
    stream: &'static str,
    list: &'static List,
    id: u64,
) -> Result<bool> {
    match is_gone(gate, stream, list, id, None).await {
        Err(refused) if refused.may_be_of_one_record() => Ok(false),
        is_gone => is_gone.map_err(|refused| refused.failure),
    }
}

/// Whether a record of a list is gone. `stream` is what messages call the list.
async fn is_gone<T: Transport, C: Clock>(
    gate: &Gate<T, C>,
    stream: &'static str,
    list: &'static List,
    id: u64,
    tries: Option<u32>,
) -> Result<bool, Refused> {
    let request = |path: &str| {
        let path = path.replace("{id}", &id.to_string());
        Request { tries, ..Request::new(stream, list.scope, path) }
    };
    match list.one {
        // If records cannot be looked up, only a list that fits on one page can tell.
        None => {
            let mut list_of_all = Request { page: Some(Slice::first(MOST)), ..request(list.path) };
            for again in [false, true] {
                if again {
                    gate.clock().sleep(SECOND_THOUGHTS).await;
                }
                let page = gate.get(&mut list_of_all, |body| list.form.decode(body)).await?.body;
                let is_whole = page.total == Some(page.rows.len() as u64);
                if !is_whole || page.rows.iter().any(|row| id_of(row, list) == Some(id)) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Some(Lookup::Path(path)) => {
            let mut record = request(path);
            for again in [false, true] {
                if again {
                    gate.clock().sleep(SECOND_THOUGHTS).await;
                }
                match gate.get(&mut record, is_json).await {
                    Err(Refused { status: Some(404), .. }) => {}
                    record => return record.map(|_| false),
                }
            }
            // If the store finds nothing at all, as behind a gateway that has lost it, a 404 says nothing about one record.
            let mut first = Request { page: Some(Slice::first(1)), ..request(list.path) };
            gate.get(&mut first, |body| list.form.decode(body)).await.map(|_| true)
        }
        Some(Lookup::Filter(name)) => {
            let mut filtered = Request { query: vec![(name, id.to_string())], ..request(list.path) };
            // A single empty answer may be a glitch.
            for again in [false, true] {
                if again {
                    gate.clock().sleep(SECOND_THOUGHTS).await;
                }
                if !gate.get(&mut filtered, |body| list.form.decode(body)).await?.body.is_empty_as_it_says() {
                    return Ok(false);
                }
            }
            // As above: the list must show other rows, or state that it has none.
            let mut first = Request { page: Some(Slice::first(1)), ..request(list.path) };
            let first = gate.get(&mut first, |body| list.form.decode(body)).await?.body;
            Ok(!first.rows.is_empty() || first.total == Some(0))
        }
    }
}
