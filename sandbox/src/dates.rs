//! The date formats of the two API versions.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// RFC 2822 as v2 sends it: two-digit day, `+0000`.
pub(crate) fn rfc2822(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// ISO 8601 with `Z`, as customers v3 has it.
pub(crate) fn iso_z(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// ISO 8601 with `+00:00`, as products v3 has it.
pub(crate) fn iso_offset(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The `Date` header's form (RFC 9110, IMF-fixdate).
pub(crate) fn http(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A date in a filter: RFC 2822, or ISO 8601 with or without an offset (then UTC), or seconds since 1970. A day alone is completed
/// with `time_of_day`.
pub(crate) fn parse(text: &str, time_of_day: NaiveTime) -> Option<DateTime<Utc>> {
    let with_offset = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(|at| at.to_utc());
    let naive = || {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S"))
            .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(time_of_day)))
            .map(|at| at.and_utc())
    };
    let seconds = || text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    with_offset.or_else(|_| naive()).ok().or_else(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_documented_form() {
        let at = DateTime::from_timestamp(1_705_314_600, 0);
        for text in [
            "2024-01-15T10:30:00Z",
            "2024-01-15T12:30:00+02:00",
            "2024-01-15T10:30:00+0000",
            "2024-01-15T10:30:00",
            "Mon, 15 Jan 2024 10:30:00 +0000",
            "1705314600",
        ] {
            assert_eq!(parse(text, NaiveTime::MIN), at, "{text}");
        }
        assert_eq!(parse("2024-01-15", NaiveTime::MIN), DateTime::from_timestamp(1_705_276_800, 0));
        // A plus sign that was not percent-encoded reaches the server as a space.
        assert_eq!(parse("2024-01-15T10:30:00 00:00", NaiveTime::MIN), None);
    }

    #[test]
    fn writes_two_digit_days() {
        let at = DateTime::from_timestamp(1_704_067_200, 0).unwrap();
        assert_eq!(rfc2822(at), "Mon, 01 Jan 2024 00:00:00 +0000");
        assert_eq!(http(at), "Mon, 01 Jan 2024 00:00:00 GMT");
    }
}
