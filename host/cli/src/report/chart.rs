//! Where a run's time went, and its requests over time, as pictures.

use crate::spent::{line, shares};
use std::fmt::Write as _;
use std::time::Duration;
use tap_bigcommerce::{Spent, Timeline};

const HEIGHT: f64 = 100.0;

/// A section with a bar of the parts of a run's time, and what they are; nothing for a run that took no time.
pub(super) fn spent(spent: &Spent) -> String {
    let Some(line) = line(spent) else { return String::new() };
    let (mut legend, mut bar, mut place) = (String::new(), String::new(), 0);
    for share in shares(spent) {
        let (name, what, percent, time) = (share.name, share.what, share.percent, time(share.time));
        // Writing to a String cannot fail.
        let _ = write!(legend, "<span><i class=\"key {name}\"></i>{percent} % {what}: {time}</span> ");
        let _ = write!(
            bar,
            "<rect x=\"{place}\" y=\"0\" width=\"{percent}\" height=\"1\" class=\"{name}\"><title>{what}: {time}</title></rect>"
        );
        place += percent;
    }
    format!(
        "<h2>Where the time went</h2>\n<figure>\n<figcaption>{legend}</figcaption>\n<svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" \
         class=\"spent\" role=\"img\" aria-label=\"{line}\">{bar}</svg>\n</figure>\n"
    )
}

/// A `figure` with bars for requests and shades for waits, and what its axes are.
pub(super) fn figure(timeline: &Timeline) -> String {
    let stretches = timeline.stretches();
    let most = stretches.iter().map(|stretch| stretch.requests).max().unwrap_or_default();
    if most == 0 {
        return "<p class=\"quiet\">No request was made.</p>\n".to_owned();
    }
    let span = timeline.span();
    let mut svg = String::new();
    for (place, stretch) in stretches.iter().enumerate() {
        let part = stretch.waited.as_secs_f64() / span.as_secs_f64();
        let height = stretch.requests as f64 / most as f64 * HEIGHT;
        let (from, to) = (time(span * place as u32), time(span * (place as u32 + 1)));
        let waited = if stretch.waited.is_zero() { String::new() } else { format!(", {} waited", time(stretch.waited)) };
        let requests = stretch.requests;
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            "<g><title>{from} to {to}: {requests} requests{waited}</title><rect x=\"{place}\" y=\"0\" width=\"1\" height=\"{HEIGHT}\" class=\"wait\" fill-opacity=\"{:.2}\"/>",
            part.min(1.0) * 0.4
        );
        if requests > 0 {
            let height = height.max(1.0);
            let _ = write!(
                svg,
                "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"0.84\" height=\"{height:.2}\" class=\"bar\"/>",
                place as f64 + 0.08,
                HEIGHT - height
            );
        }
        svg.push_str("</g>\n");
    }
    let end = span * stretches.len() as u32;
    let ticks: String = (0..=4).map(|tick| format!("<span>{}</span>", time(end * tick / 4))).collect();
    let each = time(span);
    format!(
        "<figure>\n<figcaption><span><i class=\"key bar-key\"></i>requests in each {each}, at most {most}</span> <span><i class=\"key wait-key\"></i>no request \
         under way for a second or more: waiting for the quota, before another try, or for the target</span></figcaption>\n\
         <svg viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Requests over time, at most {most} in {each}\">\n{svg}</svg>\n\
         <div class=\"ticks\">{ticks}</div>\n</figure>\n",
        stretches.len(),
    )
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
        let html = spent(&parts);
        let widths: Vec<&str> = html.split("width=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(widths, ["60", "30", "10"]);
        assert!(html.contains("60 % waiting for the quota: 60 s") && !html.contains("the target"), "{html}");
        assert_eq!(spent(&Spent::default()), "");
    }

    #[test]
    fn a_run_without_requests_has_no_picture() {
        assert!(figure(&Timeline::default()).contains("No request"));
    }
}
