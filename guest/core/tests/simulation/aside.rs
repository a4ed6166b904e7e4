//! What a STATE says is set aside.

use crate::finding::{Finding, Rule};
use crate::scenario::PARTS;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tap_bigcommerce_sandbox::Kind;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    /// Per stream the ids that are aside: the first and the last of each stretch.
    stretches: BTreeMap<String, Vec<(u64, u64)>>,
    /// The streams that read something again which cannot be asked for.
    again: BTreeSet<String>,
}

impl Aside {
    /// Reads the entries of a state: an id, `{"above", "below"}` without either end, or `{"again"}`.
    pub(crate) fn read(state: Option<&Value>) -> Result<Aside, Finding> {
        let mut all = Aside::default();
        for (stream, bookmark) in state.and_then(|state| state["bookmarks"].as_object()).into_iter().flatten() {
            let Some(entries) = bookmark.get("aside") else { continue };
            let is_again = |entry: &&Value| entry.get("again").is_some_and(Value::is_u64);
            let (again, others): (Vec<&Value>, Vec<&Value>) = entries.as_array().into_iter().flatten().partition(is_again);
            all.again.extend((!again.is_empty()).then(|| stream.clone()));
            let read = others.into_iter().map(stretch).collect::<Option<Vec<_>>>().filter(|_| entries.is_array());
            let read =
                read.ok_or_else(|| Finding::new(Rule::Messages, format!("what is aside in {stream} cannot be read: {entries}")))?;
            if !read.is_empty() {
                all.stretches.insert(stream.clone(), read);
            }
        }
        Ok(all)
    }

    /// Whether this record is aside.
    pub(crate) fn holds(&self, stream: &str, id: u64) -> bool {
        self.stretches.get(stream).is_some_and(|stretches| stretches.iter().any(|(first, last)| (*first..=*last).contains(&id)))
    }

    /// Whether the stream reads something again that cannot be asked for.
    pub(crate) fn reads_again(&self, stream: &str) -> bool {
        self.again.contains(stream)
    }

    /// Whether nothing is aside in these streams.
    pub(crate) fn is_empty(&self, streams: &[String]) -> bool {
        !streams.iter().any(|stream| self.stretches.contains_key(stream) || self.again.contains(stream))
    }

    /// The streams with an entry that is not in the earlier state.
    pub(crate) fn more_than(&self, earlier: &Aside) -> Vec<&str> {
        // An order and its rows are aside together.
        let walked = |stream: &str| {
            let of_order = PARTS.iter().any(|(name, kind, _)| *name == stream && *kind == Kind::ORDERS);
            if of_order { "orders".to_owned() } else { stream.to_owned() }
        };
        let known = |stream: &str, stretch: &(u64, u64)| {
            earlier.stretches.iter().any(|(name, known)| {
                walked(name) == walked(stream) && known.iter().any(|known| known.0 <= stretch.0 && stretch.1 <= known.1)
            })
        };
        let has_more = |(stream, stretches): (&String, &Vec<(u64, u64)>)| stretches.iter().any(|stretch| !known(stream, stretch));
        self.stretches.iter().filter(|entry| has_more(*entry)).map(|(stream, _)| stream.as_str()).collect()
    }
}

fn stretch(entry: &Value) -> Option<(u64, u64)> {
    if let Some(id) = entry.as_u64() {
        return Some((id, id));
    }
    let (above, below) = (entry.get("above")?.as_u64()?, entry.get("below")?.as_u64()?);
    (below > above + 1).then_some((above + 1, below - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_and_gaps_are_read_and_anything_else_is_found() {
        let state =
            |aside: Value| json!({ "bookmarks": { "orders": { "aside": aside }, "coupons": { "aside": [] }, "products": {} } });
        let aside = Aside::read(Some(&state(json!([7, { "above": 90, "below": 94 }])))).unwrap();
        let held: Vec<u64> = (0..100).filter(|id| aside.holds("orders", *id)).collect();
        assert_eq!(held, [7, 91, 92, 93]);
        assert!(!aside.holds("coupons", 7) && !aside.reads_again("orders"));
        let again = Aside::read(Some(&state(json!([{ "again": 5, "date": null }])))).unwrap();
        assert!(
            again.reads_again("orders")
                && !again.is_empty(&["orders".to_owned()])
                && again.more_than(&Aside::default()).is_empty()
        );
        assert!(!aside.is_empty(&["orders".to_owned()]) && aside.is_empty(&["coupons".to_owned(), "products".to_owned()]));
        let less = Aside::read(Some(&state(json!([7])))).unwrap();
        assert_eq!(aside.more_than(&less), ["orders"]);
        assert!(less.more_than(&aside).is_empty() && aside.more_than(&aside).is_empty());
        for bad in [json!(7), json!(["7"]), json!([{ "above": 90 }]), json!([{ "above": 90, "below": 91 }]), json!([-1])] {
            assert_eq!(Aside::read(Some(&state(bad))).unwrap_err().rule, Rule::Messages);
        }
        assert_eq!(Aside::read(None).unwrap(), Aside::default());
    }
}
