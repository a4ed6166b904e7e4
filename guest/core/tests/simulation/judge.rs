//! What holds for every run, however it ended, and whatever it read.

use crate::aside::Aside;
use crate::chain::{Bookmarks, Run};
use crate::finding::{Finding, Rule};
use crate::scenario::{Ending, Fault, RunPlan, Scenario, Shown};
use crate::shared::LISTS;
use crate::world::{Fate, World, options};
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::sync::StreamSummary;
use tap_bigcommerce_sandbox::{Kind as Records, RateHeaders};

/// A run that nothing slows down has at least so many requests under way at some time.
const LEAST_UNDER_WAY: usize = 3;

/// A run ends as it may, and has kept to the quota.
pub(crate) fn ending(scenario: &Scenario, plan: &RunPlan, world: &World, run: &Run, before: &Aside) -> Result<(), Finding> {
    if run.fate == Fate::Endless {
        return Err(Finding::new(Rule::Endless, "the run does not end"));
    }
    // That a reset means nothing shows only in a later answer of its window.
    let unseen = u64::from(scenario.shop.quirks.rate_headers != RateHeaders::CountsDown);
    if !plan.quota_is_shared() && !scenario.shop.quirks.no_rate_headers && world.overruns() > unseen {
        return Err(Finding::new(Rule::Quota, format!("{} requests left although the quota was spent", world.overruns())));
    }
    let is_free = plan.is_calm() && plan.is_concurrent() && scenario.shop.quota.requests >= 20_000;
    if let Some(most) =
        world.most_under_way().filter(|most| *most < LEAST_UNDER_WAY && is_free && !scenario.shop.quirks.no_rate_headers)
    {
        return Err(Finding::new(Rule::Serial, format!("no more than {most} requests were under way at a time")));
    }
    let Some(result) = &run.result else {
        world.count("runs whose process vanished");
        return Ok(());
    };
    // A run that failed before the sink died reports its own failure.
    let sink_died = matches!(plan.ending, Ending::SinkDies(lines) if result.is_err() && run.lines.len() >= lines);
    let says_state = run.lines.last().is_some_and(|line| line.starts_with(br#"{"type":"STATE""#));
    if !sink_died && !says_state {
        return Err(Finding::new(Rule::Messages, "the last message is not a STATE"));
    }
    let failure = match result {
        Ok(summary) => summary.verdict(),
        Err(failure) => Some(failure.clone()),
    };
    let Some(failure) = failure else {
        return match result {
            Ok(summary) if !summary.complete && !plan.is_limited() => {
                Err(Finding::new(Rule::Ending, "the run is not complete and does not say why"))
            }
            _ => Ok(()),
        };
    };
    world.count(failure.kind.name());
    let expected = match failure.kind {
        Kind::Sink => matches!(plan.ending, Ending::SinkDies(_)),
        Kind::Cancelled => matches!(plan.ending, Ending::Stopped(_)),
        Kind::Api => !plan.is_calm() || scenario.shop.ignores_positions(),
        Kind::Unreachable | Kind::RateLimited => !plan.is_calm(),
        Kind::SetAside => !plan.is_calm() || scenario.shop.ignores_positions() || !before.is_empty(&plan.selection.streams()),
        // Two refusals of a token in a row are final.
        Kind::Unauthorized => plan.troubles.iter().any(|trouble| matches!(trouble.fault, Fault::Status(401))),
        _ => false,
    };
    if expected { Ok(()) } else { Err(Finding::new(Rule::Ending, format!("{}: {failure}", failure.kind))) }
}

pub(crate) fn secrets(scenario: &Scenario, run: &Run) -> Result<(), Finding> {
    let token = options(scenario.seed, scenario.shop.counts).access_token;
    let result = run.result.as_ref().map(|result| format!("{result:?}")).unwrap_or_default();
    let shown = run.log.iter().find(|line| line.contains(&token)).or_else(|| Some(&result).filter(|text| text.contains(&token)));
    let written = run.lines.iter().any(|line| line.windows(token.len()).any(|part| part == token.as_bytes()));
    match (shown, written) {
        (None, false) => Ok(()),
        (shown, _) => {
            Err(Finding::new(Rule::Secret, format!("the access token stands in {}", shown.map_or("a message", |line| line))))
        }
    }
}

/// What is dated after `end_date` has not been read, so no bookmark may move there.
pub(crate) fn bookmarks(plan: &RunPlan, before: &Bookmarks, after: &Bookmarks) -> Result<(), Finding> {
    let Some(end) = plan.date("end_date") else { return Ok(()) };
    match after.iter().find(|(stream, date)| **date > end && before.get(*stream) != Some(*date)) {
        Some((stream, _)) => Err(Finding::new(Rule::Bookmark, format!("the bookmark of {stream} moves beyond end_date"))),
        None => Ok(()),
    }
}

/// A run and its STATE agree about what is set aside, and an outage sets nothing aside.
pub(crate) fn aside(
    scenario: &Scenario,
    plan: &RunPlan,
    world: &World,
    run: &Run,
    before: &Aside,
    after: &Aside,
) -> Result<(), Finding> {
    for stream in after.more_than(before) {
        world.count("records set aside");
        // Lists that repeat themselves are answers, and are set aside all the same.
        if !scenario.shop.ignores_positions() && world.is_outage(stream) {
            return Err(Finding::new(
                Rule::Aside,
                format!("records of {stream} are set aside although nothing of it answered any more"),
            ));
        }
    }
    let Some(Ok(summary)) = &run.result else { return Ok(()) };
    let kind = summary.verdict().map(|failure| failure.kind);
    // A stream that a limit left to the next run is not in the summary.
    let begun: Vec<String> = summary.streams.iter().map(|stream| stream.name.to_owned()).collect();
    match kind {
        Some(Kind::SetAside) if after.is_empty(&plan.selection.streams()) => {
            Err(Finding::new(Rule::Aside, "the run says that records are aside, its STATE does not"))
        }
        None if !after.is_empty(&begun) => {
            Err(Finding::new(Rule::Aside, "records are aside, and the run ends as if nothing were"))
        }
        _ => Ok(()),
    }
}

/// One broken record must not keep the others of a list by id from being read.
pub(crate) fn single(
    scenario: &Scenario,
    plan: &RunPlan,
    world: &World,
    run: &Run,
    bookmarks: &Bookmarks,
) -> Result<(), Finding> {
    let (Some(broken), Some(Ok(summary))) = (plan.only_broken(), &run.result) else { return Ok(()) };
    let kind = match broken.what {
        Shown::Below(_) => Records::ORDERS,
        Shown::Everywhere(kind) => kind,
    };
    // Where only this one lies in the range, it looks like an outage.
    let has_others = |stream: &str| !bookmarks.contains_key(stream) && world.journal.borrow().present(kind).count() >= 3;
    let is_read_by_id = kind != Records::CUSTOMERS && scenario.shop.quirks.ignored_parameters.is_empty();
    let of_kind = |stream: &str| LISTS.iter().any(|(name, of)| *name == stream && *of == kind);
    let failed = |stream: &&StreamSummary| stream.failure.as_ref().is_some_and(|failure| failure.kind == Kind::Api);
    match summary.streams.iter().filter(failed).find(|stream| of_kind(stream.name)) {
        Some(stream) if is_read_by_id && has_others(stream.name) && !world.is_outage(stream.name) => {
            let text = format!("one record of {} is broken, and the stream fails: {:?}", stream.name, stream.failure);
            Err(Finding::new(Rule::Stuck, text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::scenario;
    use tap_bigcommerce_core::error::Failure;

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let scenario = scenario(0);
        let token = options(scenario.seed, scenario.shop.counts).access_token;
        let run = |result, lines: &[&str], log: &[&str]| Run {
            result,
            lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
            log: log.iter().map(|line| (*line).to_owned()).collect(),
            fate: Fate::Alive,
        };
        let leak = format!("the header was {token}");
        assert!(secrets(&scenario, &run(None, &["{}"], &["fine"])).is_ok());
        for bad in
            [run(None, &[&leak], &[]), run(None, &[], &[&leak]), run(Some(Err(Failure::new(Kind::Api, leak.clone()))), &[], &[])]
        {
            assert_eq!(secrets(&scenario, &bad).unwrap_err().rule, Rule::Secret);
        }
    }
}
