//! A point in time, as people write it for logs.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// From this time on.
    At(Timestamp),
}

const WRONG: &str = "since should be seconds or a duration (30, 10m, 1h30m), or a time such as 2026-11-24T10:00:00Z";
/// Units with their seconds, longest names first, so that `ms` is not `m`.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];

impl Since {
    /// The time meant at `now`; no earlier than 1970, when there were no logs.
    pub fn at(self, now: Timestamp) -> Timestamp {
        let time = match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH),
            Self::At(time) => time,
        };
        time.max(Timestamp::UNIX_EPOCH)
    }
}

/// Reads it.
///
/// # Errors
/// What to write.
pub fn parse(text: &str) -> Result<Since, &'static str> {
    let text = text.trim();
    if let Some(ago) = ago(text) {
        return Ok(Since::Ago(ago));
    }
    // A plus that was not encoded has become a blank.
    text.replace(' ', "+").parse().map(Since::At).map_err(|_| WRONG)
}

fn ago(text: &str) -> Option<Duration> {
    if let Some(seconds) = number(text) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, tail) = rest.split_at(digits);
        let (unit, factor) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        seconds += number(amount)? * factor;
        rest = &tail[unit.len()..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

/// Digits, perhaps with a point: nothing of what else `f64` would read.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times() {
        for (text, seconds) in [
            ("30", 30.0),
            ("1.5", 1.5),
            ("10m", 600.0),
            ("1h30m", 5400.0),
            ("2d", 172_800.0),
            ("500ms", 0.5),
            ("0", 0.0),
        ] {
            assert_eq!(parse(text), Ok(Since::Ago(Duration::from_secs_f64(seconds))), "{text}");
        }
        let time = "2026-11-24T10:00:00Z".parse().unwrap();
        for text in ["2026-11-24T10:00:00Z", "2026-11-24T11:00:00+01:00", "2026-11-24T11:00:00 01:00"] {
            assert_eq!(parse(text), Ok(Since::At(time)), "{text}");
        }
        for text in ["", "-5", "-5m", "10x", "m", "1e3", "inf", "yesterday", "5m10", "..", "2026-11-24"] {
            assert_eq!(parse(text), Err(WRONG), "{text}");
        }
    }

    #[test]
    fn times_before_all_logs_are_clamped() {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(Since::Ago(Duration::from_secs(60)).at(now).to_string(), "2026-11-24T09:59:00Z");
        for since in [Since::Ago(Duration::MAX), Since::At(Timestamp::MIN)] {
            assert_eq!(since.at(now), Timestamp::UNIX_EPOCH);
        }
    }
}
