//! Cuts a scenario down as long as it still breaks the same promise.

use crate::chain::play;
use crate::finding::Rule;
use crate::scenario::{Ending, RunPlan, Scenario, Shop};
use crate::trace::Trace;
use std::time::Duration;
use tap_bigcommerce_sandbox::Quirks;

/// Scenarios played to find a smaller one.
const TRIES: usize = 400;

/// The smallest scenario that was found in which the rule is still broken.
pub(crate) fn shrink(mut scenario: Scenario, rule: Rule) -> Scenario {
    let mut tries = 0;
    let mut broken = |scenario: &Scenario| {
        tries += 1;
        tries <= TRIES && play(scenario, Trace::default()).finding.is_some_and(|finding| finding.rule == rule)
    };
    loop {
        let smaller = candidates(&scenario).into_iter().find(|candidate| broken(candidate));
        match smaller {
            Some(smaller) => scenario = smaller,
            None => return scenario,
        }
    }
}

/// Scenarios with one thing less, the larger cuts first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in 0..scenario.runs.len() {
        let mut less = scenario.clone();
        less.runs.remove(place);
        all.push(less);
    }
    for place in 0..scenario.runs.len() {
        let mut with = |change: &dyn Fn(&mut RunPlan) -> bool| {
            let mut less = scenario.clone();
            if change(&mut less.runs[place]) {
                all.push(less);
            }
        };
        let run = &scenario.runs[place];
        with(&|run| !std::mem::take(&mut run.before).is_empty());
        with(&|run| !std::mem::take(&mut run.during).is_empty());
        with(&|run| run.between_pages.take().is_some());
        with(&|run| !std::mem::take(&mut run.troubles).is_empty());
        with(&|run| !std::mem::take(&mut run.broken).is_empty());
        with(&|run| run.nameless.take().is_some());
        with(&|run| std::mem::take(&mut run.stale_percent) > 0);
        with(&|run| std::mem::take(&mut run.sink_pause) > Duration::ZERO);
        with(&|run| !matches!(std::mem::replace(&mut run.ending, Ending::Natural), Ending::Natural));
        (0..run.before.len()).for_each(|at| with(&|run| cut(&mut run.before, at)));
        (0..run.during.len()).for_each(|at| with(&|run| cut(&mut run.during, at)));
        (0..run.troubles.len()).for_each(|at| with(&|run| cut(&mut run.troubles, at)));
        (0..run.broken.len()).for_each(|at| with(&|run| cut(&mut run.broken, at)));
    }
    let mut with = |change: &dyn Fn(&mut Shop) -> bool| {
        let mut less = scenario.clone();
        if change(&mut less.shop) {
            all.push(less);
        }
    };
    with(&|shop| !std::mem::take(&mut shop.oddities).is_empty());
    with(&|shop| std::mem::take(&mut shop.quirks) != Quirks::default());
    all
}

/// Takes one of several out; the only one has been tried already.
fn cut<T>(list: &mut Vec<T>, at: usize) -> bool {
    let several = list.len() > 1;
    if several {
        list.remove(at);
    }
    several
}
