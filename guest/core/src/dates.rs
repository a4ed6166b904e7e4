//! Dates as the API and the users write them, read into one form: UTC.

pub use chrono::{DateTime, Utc};
use chrono::{Datelike, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Timelike};

/// The resolution of the date filters.
pub(crate) const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Reads RFC 2822 (`Tue, 20 Nov 2012 00:00:00 +0000`, API v2), ISO 8601 with or without an offset (API v3, state files of the Python
/// tap) and a bare date (midnight). A value without an offset is taken as UTC. None: not a date of the years 1 to 9999, which are all
/// that RFC 3339 can write.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    usual(text).or_else(|| read(text)).filter(|date| (1..=9999).contains(&date.year()))
}

/// Reads the forms of nearly all dates of the API, which are all in UTC, by character position. chrono takes 30 times as long,
/// and reads all other forms.
pub(crate) fn usual(text: &str) -> Option<DateTime<Utc>> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let is_mail = is_like(text, "???, 99 ??? 9999 99:99:99 +0000");
    if !is_mail && !["9999-99-99T99:99:99Z", "9999-99-99T99:99:99+00:00"].iter().any(|form| is_like(text, form)) {
        return None;
    }
    let (year, month, day, time) = if is_mail { (12, 8, 5, 17) } else { (0, 5, 8, 11) };
    let part = |from: usize, length: usize| text.get(from..from + length);
    let number = |from: usize, length| {
        part(from, length).map(|digits| digits.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    };
    let month = match is_mail {
        true => MONTHS.iter().zip(1..).find(|(name, _)| part(month, 3) == Some(name))?.1,
        false => number(month, 2)?,
    };
    let date = NaiveDate::from_ymd_opt(number(year, 4)?.try_into().ok()?, month, number(day, 2)?)?;
    let is_day = !is_mail || DAYS.get(date.weekday().num_days_from_monday() as usize).copied() == part(0, 3);
    let moment = date.and_hms_opt(number(time, 2)?, number(time + 3, 2)?, number(time + 6, 2)?)?;
    (is_day && date.year() > 0).then(|| moment.and_utc())
}

/// Whether a text has a form, in which 9 stands for a digit, and ? for any byte.
fn is_like(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'9' => byte.is_ascii_digit(),
        b'?' => true,
        _ => byte == form,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

fn read(text: &str) -> Option<DateTime<Utc>> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc());
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    if let Ok(date) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(date.to_utc());
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
        .map(|date| date.and_utc())
}

/// Whether the text is how PHP and MySQL write that there is no date: `0000-00-00`, or what PHP makes of that,
/// `-0001-11-30T00:00:00+00:00` and `Wed, 30 Nov -0001 00:00:00 +0000`.
pub fn is_zero(text: &str) -> bool {
    let text = text.trim();
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return matches!(text.split_ascii_whitespace().nth(3), Some("0000" | "-0001"));
    }
    let rest = text.strip_prefix("0000-").or_else(|| text.strip_prefix("-0001-"));
    rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b"-+:.TZ ".contains(&b)))
}

/// RFC 3339 in UTC with `Z`, and a fraction only where the date has one: how dates leave in RECORD and STATE.
pub fn format(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Writes what [`format()`] returns. For whole seconds it does without chrono, which takes longer than everything else that is
/// done with a date.
pub(crate) fn write(date: DateTime<Utc>, out: &mut Vec<u8>) {
    if date.nanosecond() > 0 || !(1..=9999).contains(&date.year()) {
        return out.extend_from_slice(format(date).as_bytes());
    }
    let year = date.year().unsigned_abs();
    let pairs = [year / 100, year % 100, date.month(), date.day(), date.hour(), date.minute(), date.second()];
    for (pair, after) in pairs.into_iter().zip(["", "-", "-", "T", ":", ":", "Z"]) {
        out.extend([pair / 10, pair % 10].map(|digit| b'0' + digit as u8));
        out.extend_from_slice(after.as_bytes());
    }
}

/// Microseconds and `Z`: how `time_extracted` is written, as singer-python does.
pub fn stamp(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Seconds and `Z`: how dates are sent as filters. Never date-only: the products endpoint completes a bare date with the time of the
/// request (products_catalog.v3, `date_modified:min`), which loses changes. A fraction is cut off, which only widens a lower bound.
pub fn filter(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// For serde's `with`: an optional date as [`format()`] writes it.
pub mod option {
    use super::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the date, or null.
    pub fn serialize<S: Serializer>(date: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
        match date {
            Some(date) => to.serialize_str(&super::format(*date)),
            None => to.serialize_none(),
        }
    }

    /// Reads a date, or null. Anything else is an error.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        match Option::<String>::deserialize(from)? {
            Some(text) => super::parse(&text).map(Some).ok_or_else(|| D::Error::custom("not a date")),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_the_api_and_old_state_files_use_reads_as_the_same_moment() {
        for text in [
            "Tue, 20 Nov 2012 01:30:00 +0100",
            "2012-11-20T00:30:00Z",
            "2012-11-20T00:30:00+00:00",
            "2012-11-20T01:30:00+0100",
            "2012-11-20T00:30:00.000000Z",
            "2012-11-20T00:30:00",
            "2012-11-20 00:30:00",
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some("2012-11-20T00:30:00Z"), "{text}");
        }
        assert_eq!(parse("2012-11-20").map(format).as_deref(), Some("2012-11-20T00:00:00Z"));
        assert_eq!(parse("2012-11-20T00:30:00.5Z").map(format).as_deref(), Some("2012-11-20T00:30:00.500Z"));
    }

    #[test]
    fn a_usual_date_reads_and_writes_as_chrono_does_it() {
        let (first, days) = (NaiveDate::from_ymd_opt(1, 1, 1).unwrap(), 9999 * 366);
        // Each day and each second come up, in steps that meet all months and weekdays.
        for step in (0..days).step_by(13) {
            let Some(day) = first.checked_add_days(chrono::Days::new(step)).filter(|day| day.year() <= 9999) else { break };
            let second = (step * 7919 % 86_400) as u32;
            let date = day.and_hms_opt(second / 3600, second / 60 % 60, second % 60).unwrap().and_utc();
            let iso = date.to_rfc3339_opts(SecondsFormat::Secs, true);
            for text in [&iso, &iso.replace('Z', "+00:00"), &date.format("%a, %d %b %Y %H:%M:%S +0000").to_string()] {
                assert_eq!((usual(text), read(text)), (Some(date), Some(date)), "{text}");
            }
            let mut written = Vec::new();
            write(date, &mut written);
            assert_eq!(written, format(date).as_bytes());
        }
    }

    #[test]
    fn a_date_that_is_not_quite_a_usual_one_is_left_to_chrono() {
        for text in [
            "Wed, 20 Nov 2012 00:00:00 +0000",
            "tue, 20 Nov 2012 00:00:00 +0000",
            "Tue, 20 NOV 2012 00:00:00 +0000",
            "Tue, 31 Nov 2012 00:00:00 +0000",
            "Tue, 20 Nov 2012 00:00:00 +0100",
            "Tue, 20 Nov 2012 00:00:60 +0000",
            "2012-11-20T24:00:00Z",
            "2012-11-20 00:00:00Z",
            "2012-11-20T00:00:00z",
            "2012-11-20T00:00:00-00:00",
            "2012-02-30T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "T\u{e9}, 20 Nov 2012 00:00:00 +0000",
        ] {
            assert_eq!(usual(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in [
            "",
            "0000-00-00 00:00:00",
            "yesterday",
            "2012-13-01",
            "1353369600",
            "Tue, 32 Nov 2012 00:00:00 +0000",
            "-262143-01-01T00:00:00+0000",
            "9999-12-31T23:59:59-05:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_form_of_a_zero_date_is_recognised() {
        for text in [
            "0000-00-00",
            "0000-00-00 00:00:00",
            " 0000-00-00T00:00:00Z ",
            "0000-00-00 00:00:00.000000",
            "0000-00-00T00:00:00+00:00",
            "-0001-11-30T00:00:00+00:00",
            "-0001-11-29T18:00:00-06:00",
            "Wed, 30 Nov -0001 00:00:00 +0000",
            "Sat, 01 Jan 0000 00:00:00 +0000",
        ] {
            assert!(is_zero(text) && parse(text).is_none(), "{text}");
        }
        for text in [
            "",
            "0",
            "0001-01-01T00:00:00Z",
            "1970-01-01",
            "0000-soon",
            "Nov 30",
            "20000-00-00",
            "Tue, 20 Nov 2012 00:00:00 +0000",
        ] {
            assert!(!is_zero(text), "{text}");
        }
    }

    #[test]
    fn a_filter_is_never_later_than_its_date() {
        let date = parse("2024-01-01T00:00:00.999Z").unwrap();
        assert_eq!(filter(date), "2024-01-01T00:00:00Z");
    }
}
