//! The one error type: what happened, to which stream, and what to do now.

use std::fmt;

/// What went wrong, as far as it changes what the user does next. One kind, one exit code, one WIT case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A setting is missing or wrong.
    Config,
    /// The catalog cannot be read, or selects what does not exist.
    Catalog,
    /// The state cannot be read, or contradicts the store.
    State,
    /// The store refused the access token.
    Unauthorized,
    /// The token is good, but may not read a stream.
    MissingScope,
    /// The store's quota was used up for longer than the tap waits.
    RateLimited,
    /// No answer came from the store.
    Unreachable,
    /// The store answered, but with a fault or with something that contradicts itself.
    Api,
    /// The messages could not be written.
    Sink,
    /// Every record but some was read; those are named in the STATE and asked for again by the next run.
    SetAside,
    /// The component stopped unexpectedly, or is a different program. Only a host reports this.
    Component,
    /// The run was stopped from outside; its last STATE says where to resume.
    Cancelled,
}

impl Kind {
    /// Every kind, in the order of the exit codes.
    pub const ALL: [Kind; 12] = [
        Kind::Config,
        Kind::Catalog,
        Kind::State,
        Kind::Unauthorized,
        Kind::MissingScope,
        Kind::RateLimited,
        Kind::Unreachable,
        Kind::Api,
        Kind::Sink,
        Kind::SetAside,
        Kind::Component,
        Kind::Cancelled,
    ];

    /// The name of the kind in messages and JSON: the WIT case's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Config => "config",
            Kind::Catalog => "catalog",
            Kind::State => "state",
            Kind::Unauthorized => "unauthorized",
            Kind::MissingScope => "missing-scope",
            Kind::RateLimited => "rate-limited",
            Kind::Unreachable => "unreachable",
            Kind::Api => "api",
            Kind::Sink => "sink",
            Kind::SetAside => "set-aside",
            Kind::Component => "component",
            Kind::Cancelled => "cancelled",
        }
    }

    /// The process exit code: 2 to 12 in the order of [`Kind::ALL`], and 130 (as after Ctrl-C) for a run that was stopped.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Config => 2,
            Kind::Catalog => 3,
            Kind::State => 4,
            Kind::Unauthorized => 5,
            Kind::MissingScope => 6,
            Kind::RateLimited => 7,
            Kind::Unreachable => 8,
            Kind::Api => 9,
            Kind::Sink => 10,
            Kind::SetAside => 11,
            Kind::Component => 12,
            Kind::Cancelled => 130,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure for a person to read: one sentence or two, with the stream where there is one. Never holds a secret or a record's
/// values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", .stream.as_ref().map(|s| format!("{s}: ")).unwrap_or_default())]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What happened and what to do now.
    pub message: String,
    /// The stream that it happened to.
    pub stream: Option<String>,
}

impl Failure {
    /// A failure of the whole run.
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), stream: None }
    }

    /// The same failure, of one stream; a stream that is already named stays.
    pub fn of_stream(mut self, stream: &str) -> Failure {
        self.stream.get_or_insert_with(|| stream.to_owned());
        self
    }

    /// Whether the other streams can still be read after this one failed.
    pub fn spares_other_streams(&self) -> bool {
        matches!(self.kind, Kind::MissingScope | Kind::Api)
    }
}

/// Combines the failures of several streams into one: `lead`, then each cause with the streams that failed for it. Its kind is
/// that of the first cause. None if no stream failed.
pub fn summarize<'f>(lead: &str, left: impl IntoIterator<Item = (&'f str, &'f Failure)>) -> Option<Failure> {
    let mut causes: Vec<(&Failure, Vec<&str>)> = Vec::new();
    for (stream, failure) in left {
        match causes.iter_mut().find(|(known, _)| known.message == failure.message) {
            Some((_, streams)) => streams.push(stream),
            None => causes.push((failure, vec![stream])),
        }
    }
    let kind = causes.first()?.0.kind;
    let alien = causes.len() > 1 && causes.iter().all(|(failure, _)| failure.kind == Kind::MissingScope);
    let hint = if alien { "; if no stream can be read, store_hash may belong to another account" } else { "" };
    let causes: Vec<String> =
        causes.iter().map(|(failure, streams)| format!("{}: {}", streams.join(", "), failure.message)).collect();
    Some(Failure::new(kind, format!("{lead}: {}{hint}", causes.join("; "))))
}

/// The failure of a run whose streams all succeeded, except that records were set aside: it counts them for each stream. None if
/// nothing is set aside.
pub fn set_aside<'s>(aside: impl IntoIterator<Item = (&'s str, u64)>) -> Option<Failure> {
    let streams: Vec<String> =
        aside.into_iter().filter(|(_, count)| *count > 0).map(|(stream, count)| format!("{count} of {stream}")).collect();
    let text = || {
        format!(
            "set aside, because the store could not serve them: {}; everything else is complete, and the next run tries them again. The warnings above name each record",
            streams.join(", ")
        )
    };
    (!streams.is_empty()).then(|| Failure::new(Kind::SetAside, text()))
}

/// A result that fails with a [`Failure`].
pub type Result<T, E = Failure> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_exit_code_and_a_name_of_its_own() {
        let codes: std::collections::HashSet<u8> = Kind::ALL.iter().map(|k| k.exit_code()).collect();
        let names: std::collections::HashSet<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!((codes.len(), names.len()), (Kind::ALL.len(), Kind::ALL.len()));
        assert!(codes.iter().all(|code| *code > 1), "0 is success and 1 is a crash of the program itself");
    }

    #[test]
    fn streams_that_failed_alike_are_named_together() {
        let (first, other) = (Failure::new(Kind::MissingScope, "no scope"), Failure::new(Kind::Api, "broken"));
        let all = summarize("not complete", [("orders", &first), ("coupons", &other), ("order_products", &first)]).unwrap();
        assert_eq!(
            (all.kind, all.message.as_str()),
            (Kind::MissingScope, "not complete: orders, order_products: no scope; coupons: broken")
        );
        assert_eq!(summarize("not complete", []), None);
    }

    #[test]
    fn if_every_stream_lacks_its_scope_the_hint_names_store_hash() {
        let lacks = |scope| Failure::new(Kind::MissingScope, scope);
        let hint =
            |all: &[(&str, &Failure)]| summarize("not complete", all.iter().copied()).unwrap().message.contains("store_hash");
        assert!(hint(&[("orders", &lacks("the scope a")), ("customers", &lacks("the scope b"))]));
        assert!(!hint(&[("orders", &lacks("the scope a"))]));
        assert!(!hint(&[("orders", &lacks("the scope a")), ("customers", &Failure::new(Kind::Api, "broken"))]));
    }

    #[test]
    fn a_failure_names_its_stream_once() {
        let failure = Failure::new(Kind::Api, "broken").of_stream("orders").of_stream("coupons");
        assert_eq!(failure.to_string(), "orders: broken");
    }
}
