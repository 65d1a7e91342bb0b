//! Times and spans as people write and read them; the bus speaks µs since the epoch, UTC.
//!
//! Owns: parsing of `7d`, `yesterday`, `2026-11-01`; local rendering. Does not own: clocks of the
//! daemon. Invariant: what this prints for a moment, it parses back to the same minute.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, civil::DateTime, tz::TimeZone};

use crate::error::{Error, Result};

/// Now, as the bus counts.
pub fn now_us() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default()
}

/// "45m", "12h", "7d", "2w": a number and a unit.
pub fn span(typed: &str) -> Result<Duration> {
    let wrong = || {
        Error::usage(
            format!("\"{typed}\" is not a length of time"),
            "Write a number and a unit: 30s, 45m, 12h, 7d, 2w.",
        )
    };
    let digits = typed.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = typed.split_at(digits);
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    // A century is longer than anything here means, and keeps the µs far from overflow.
    match count.checked_mul(seconds) {
        Some(s) if s <= 3_155_760_000 => Ok(Duration::from_secs(s)),
        Some(_) | None => Err(wrong()),
    }
}

/// A moment in the past: a span ("2h" ago), "today", "yesterday", a local date, or date and time.
pub fn since(typed: &str) -> Result<u64> {
    since_at(typed, &Zoned::now())
}

fn since_at(typed: &str, now: &Zoned) -> Result<u64> {
    let midnight = |date: Date| {
        date.to_zoned(now.time_zone().clone()).ok().map(|zoned| zoned.timestamp().as_microsecond())
    };
    let moment = match typed {
        "today" => midnight(now.date()),
        "yesterday" => now.date().checked_sub(1.day()).ok().and_then(midnight),
        _ => {
            if let Ok(ago) = span(typed) {
                let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Some(now.timestamp().as_microsecond().saturating_sub(ago))
            } else if let Ok(stamp) = typed.parse::<Timestamp>() {
                Some(stamp.as_microsecond())
            } else if let Ok(date) = typed.parse::<Date>() {
                midnight(date)
            } else if let Ok(time) = typed.parse::<DateTime>() {
                time.to_zoned(now.time_zone().clone()).ok().map(|z| z.timestamp().as_microsecond())
            } else {
                None
            }
        }
    };
    moment.and_then(|us| u64::try_from(us).ok()).ok_or_else(|| {
        Error::usage(
            format!("\"{typed}\" is not a time"),
            "Write 2h, 7d, today, yesterday, 2026-11-01 or 2026-11-01T18:30.",
        )
    })
}

/// A moment in local time to the minute, "" for 0.
pub fn local(us: u64) -> String {
    stamp(us)
        .map(|t| t.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

fn stamp(us: u64) -> Option<Timestamp> {
    if us == 0 {
        return None;
    }
    i64::try_from(us).ok().and_then(|us| Timestamp::from_microsecond(us).ok())
}

/// How long something took: 0:42, 12:05, 1:02:03.
pub fn length(from_us: u64, to_us: u64) -> String {
    let s = to_us.saturating_sub(from_us) / 1_000_000;
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_need_a_unit_and_stay_in_reason() {
        assert_eq!(span("7d").unwrap(), Duration::from_secs(604_800));
        for bad in ["", "7", "d", "-1d", "7 d", "99999999999999999999d", "9999999999w", "7é"] {
            assert_eq!(span(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let now: Zoned = "2026-11-24T03:30:00+01:00[+01:00]".parse().unwrap();
        let midnight: Timestamp = "2026-11-23T00:00:00+01:00".parse().unwrap();
        assert_eq!(since_at("yesterday", &now).unwrap(), midnight.as_microsecond() as u64);
        assert_eq!(since_at("2026-11-23", &now).unwrap(), midnight.as_microsecond() as u64);
        assert_eq!(since_at("2026-11-23T00:00", &now).unwrap(), midnight.as_microsecond() as u64);
        assert!(since_at("soon", &now).is_err());
    }

    #[test]
    fn lengths_read_like_a_clock() {
        assert_eq!(length(0, 42_000_000), "0:42");
        assert_eq!(length(1_000_000, 3_724_000_000), "1:02:03");
        assert_eq!(length(5, 1), "0:00");
    }
}
