//! Where a run's time went, and its requests over time, as pictures.

use crate::spent::{line, shares};
use maud::{Markup, html};
use std::time::Duration;
use tap_bigcommerce::{Spent, Stretch, Timeline};

const HEIGHT: f64 = 100.0;

/// A section with a bar of the parts of a run's time, and what they are; nothing for a run that took no time.
pub(super) fn spent(spent: &Spent) -> Markup {
    let shares = shares(spent);
    // Each part of the bar begins where those before it end.
    let places = shares.iter().scan(0, |end, share| {
        *end += share.percent;
        Some(*end - share.percent)
    });
    html! {
        @if let Some(line) = line(spent) {
            h2 { "Where the time went" }
            figure {
                figcaption {
                    @for share in &shares {
                        span { i.key.(share.name) {} (share.percent) " % " (share.what) ": " (time(share.time)) } " "
                    }
                }
                svg.spent viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label=(line) {
                    @for (place, share) in places.zip(&shares) {
                        rect.(share.name) x=(place) y="0" width=(share.percent) height="1" {
                            title { (share.what) ": " (time(share.time)) }
                        }
                    }
                }
            }
        }
    }
}

/// A `figure` with bars for requests and shades for waits, and what its axes are.
pub(super) fn figure(timeline: &Timeline) -> Markup {
    let (stretches, span) = (timeline.stretches(), timeline.span());
    let most = stretches.iter().map(|stretch| stretch.requests).max().unwrap_or_default();
    if most == 0 {
        return html! { p.quiet { "No request was made." } };
    }
    let (end, each) = (span * stretches.len() as u32, time(span));
    html! {
        figure {
            figcaption {
                span { i.key.bar-key {} "requests in each " (each) ", at most " (most) }
                " "
                span {
                    i.key.wait-key {}
                    "no request under way for a second or more: waiting for the quota, before another try, or for the target"
                }
            }
            svg viewBox={ "0 0 " (stretches.len()) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ "Requests over time, at most " (most) " in " (each) } {
                @for (place, stretch) in stretches.iter().enumerate() { (bar(place, stretch, span, most)) }
            }
            div.ticks { @for tick in 0..=4 { span { (time(end * tick / 4)) } } }
        }
    }
}

/// One stretch of time: how much of it was waited for, and how many requests there were.
fn bar(place: usize, stretch: &Stretch, span: Duration, most: u64) -> Markup {
    let part = stretch.waited.as_secs_f64() / span.as_secs_f64();
    let height = (stretch.requests as f64 / most as f64 * HEIGHT).max(1.0);
    let (from, to) = (time(span * place as u32), time(span * (place as u32 + 1)));
    html! {
        g {
            title {
                (from) " to " (to) ": " (stretch.requests) " requests"
                @if !stretch.waited.is_zero() { ", " (time(stretch.waited)) " waited" }
            }
            rect.wait x=(place) y="0" width="1" height=(HEIGHT) fill-opacity=(format!("{:.2}", part.min(1.0) * 0.4)) {}
            @if stretch.requests > 0 {
                rect.bar x=(format!("{:.2}", place as f64 + 0.08)) y=(format!("{:.2}", HEIGHT - height)) width="0.84"
                    height=(format!("{height:.2}")) {}
            }
        }
    }
}

/// A time as a person says it, to about a hundredth.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0 => "0 s".to_owned(),
        ..1.0 => format!("{:.0} ms", seconds * 1000.0),
        ..10.0 => format!("{seconds:.1} s"),
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor()),
        _ => format!("{:.0} h {:02.0} min", (seconds / 3600.0).floor(), (seconds / 60.0 % 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_suits_them() {
        let told = [0, 40, 1500, 42_000, 119_900, 150_000, 7_260_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(told, ["0 s", "40 ms", "1.5 s", "42 s", "120 s", "2 min 30 s", "2 h 01 min"]);
    }

    #[test]
    fn the_bar_is_filled_by_what_the_legend_names() {
        let mut parts = Spent::default();
        (parts.quota, parts.answers, parts.computing) =
            (Duration::from_secs(60), Duration::from_secs(30), Duration::from_secs(10));
        let html = spent(&parts).into_string();
        let widths: Vec<&str> = html.split("width=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(widths, ["60", "30", "10"]);
        assert!(html.contains("60 % waiting for the quota: 60 s") && !html.contains("the target"), "{html}");
        assert_eq!(spent(&Spent::default()).into_string(), "");
    }

    #[test]
    fn a_run_without_requests_has_no_picture() {
        assert!(figure(&Timeline::default()).into_string().contains("No request"));
    }
}
