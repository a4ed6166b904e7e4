//! Where a run's time went, as a person reads it.

use std::cmp::Reverse;
use std::time::Duration;
use tap_bigcommerce::Spent;

/// A part of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// A word for logs and styles.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) time: Duration,
    pub(crate) percent: u64,
}

/// The parts of at least one percent, largest first. Their percentages add up to 100.
pub(crate) fn shares(spent: &Spent) -> Vec<Share> {
    let total = spent.total().as_nanos();
    if total == 0 {
        return Vec::new();
    }
    let share = |(name, what, time): (_, _, Duration)| {
        let (percent, rest) = (time.as_nanos() * 100 / total, time.as_nanos() * 100 % total);
        (Share { name, what, time, percent: u64::try_from(percent).unwrap_or(100) }, rest)
    };
    let mut shares = parts(spent).map(share);
    // Points lost by rounding down go to the parts with the largest remainders.
    shares.sort_by_key(|(share, rest)| Reverse((*rest, share.time)));
    let left = 100 - shares.iter().map(|(share, _)| share.percent).sum::<u64>();
    (0..left).zip(&mut shares).for_each(|(_, (share, _))| share.percent += 1);
    shares.sort_by_key(|(share, _)| Reverse(share.time));
    shares.into_iter().map(|(share, _)| share).filter(|share| share.percent > 0).collect()
}

/// The shares in a line; none if no time was spent.
pub(crate) fn line(spent: &Spent) -> Option<String> {
    let shares: Vec<String> = shares(spent).iter().map(|Share { what, percent, .. }| format!("{percent} % {what}")).collect();
    (!shares.is_empty()).then(|| format!("time: {}", shares.join(", ")))
}

/// The seconds as a metric in singer-python's form; none if no time was spent.
pub(crate) fn metric(spent: &Spent) -> Option<String> {
    let seconds = |time: Duration| time.as_millis() as f64 / 1000.0;
    let tags: serde_json::Map<_, _> =
        parts(spent).map(|(name, _, time)| (name.to_owned(), seconds(time).into())).into_iter().collect();
    let metric = serde_json::json!({"type": "timer", "metric": "run_duration", "value": seconds(spent.total()), "tags": tags});
    (!spent.total().is_zero()).then(|| format!("METRIC: {metric}"))
}

fn parts(spent: &Spent) -> [(&'static str, &'static str, Duration); 4] {
    [
        ("quota", "waiting for the quota", spent.quota),
        ("answers", "waiting for answers", spent.answers),
        ("target", "waiting for the target", spent.sink),
        ("computing", "computing", spent.computing),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(milliseconds: [u64; 4]) -> Spent {
        let mut spent = Spent::default();
        let [quota, answers, sink, computing] = milliseconds.map(Duration::from_millis);
        (spent.quota, spent.answers, spent.sink, spent.computing) = (quota, answers, sink, computing);
        spent
    }

    #[test]
    fn the_greatest_part_comes_first_and_what_is_nothing_is_left_out() {
        let text = |milliseconds| line(&spent(milliseconds));
        let all = "time: 82 % waiting for the quota, 11 % waiting for answers, 5 % computing, 2 % waiting for the target";
        assert_eq!(text([820, 110, 20, 50]).as_deref(), Some(all));
        assert_eq!(text([0, 0, 700, 300]).as_deref(), Some("time: 70 % waiting for the target, 30 % computing"));
        assert_eq!(text([3, 99_997, 0, 0]).as_deref(), Some("time: 100 % waiting for answers"));
        assert_eq!(text([0; 4]), None);
    }

    #[test]
    fn the_percents_add_up() {
        for parts in
            [[1, 1, 1, 0], [1, 1, 1, 1], [125, 125, 125, 625], [5, 5, 5, 985], [495, 495, 5, 5], [1, 0, 0, 0], [7, 11, 13, 17]]
        {
            let shares = shares(&spent(parts));
            assert_eq!(shares.iter().map(|share| share.percent).sum::<u64>(), 100, "{shares:?}");
            assert!(shares.is_sorted_by(|one, next| one.time >= next.time), "{shares:?}");
        }
    }

    #[test]
    fn the_metric_has_the_seconds_of_each_part() {
        let metric = metric(&spent([1500, 250, 0, 250])).unwrap();
        let metric: serde_json::Value = serde_json::from_str(metric.strip_prefix("METRIC: ").unwrap()).unwrap();
        let tags = serde_json::json!({"quota": 1.5, "answers": 0.25, "target": 0.0, "computing": 0.25});
        assert_eq!((&metric["value"], &metric["tags"]), (&serde_json::json!(2.0), &tags));
        assert_eq!(super::metric(&spent([0; 4])), None);
    }
}
