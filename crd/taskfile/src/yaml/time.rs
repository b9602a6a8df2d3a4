//! Dates and times of YAML 1.1, as Python prints them.

/// A date, perhaps with a time of day, perhaps with an offset from UTC.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Time {
    date: (u32, u32, u32),
    clock: Option<Clock>,
}

#[derive(Clone, Debug, PartialEq)]
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    microsecond: u32,
    /// Minutes east of UTC.
    offset: Option<i32>,
}

/// A time, if the text has the form of one; an error if there is no such day or hour.
pub(crate) fn parse(text: &str) -> Option<Result<Time, String>> {
    let mut rest = Rest(text);
    let year = rest.digits(4, 4)?;
    rest.skip('-')?;
    let month = rest.digits(1, 2)?;
    rest.skip('-')?;
    let day = rest.digits(1, 2)?;
    let clock = if rest.0.is_empty() {
        // A date alone takes two digits for each part.
        (text.len() == 10).then_some(None)?
    } else {
        Some(clock(&mut rest)?)
    };
    let time = Time { date: (year, month, day), clock };
    Some(time.check().then_some(time).ok_or_else(|| format!("`{text}` is no date that exists: write it in quotes")))
}

fn clock(rest: &mut Rest<'_>) -> Option<Clock> {
    if rest.skip('T').or_else(|| rest.skip('t')).is_none() && rest.blanks() == 0 {
        return None;
    }
    let hour = rest.digits(1, 2)?;
    rest.skip(':')?;
    let minute = rest.digits(2, 2)?;
    rest.skip(':')?;
    let second = rest.digits(2, 2)?;
    let microsecond = match rest.skip('.') {
        Some(()) => {
            let digits: String = rest.while_digit().chars().chain("000000".chars()).take(6).collect();
            digits.parse().ok()?
        }
        None => 0,
    };
    rest.blanks();
    let offset = if rest.0.is_empty() { None } else { Some(offset(rest)?) };
    rest.0.is_empty().then_some(Clock { hour, minute, second, microsecond, offset })
}

fn offset(rest: &mut Rest<'_>) -> Option<i32> {
    if rest.skip('Z').is_some() {
        return Some(0);
    }
    let sign = if rest.skip('-').is_some() { -1 } else { rest.skip('+').map(|()| 1)? };
    let hours = rest.digits(1, 2)?;
    let minutes = if rest.skip(':').is_some() { rest.digits(2, 2)? } else { 0 };
    Some(sign * i32::try_from(hours * 60 + minutes).ok()?)
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn blanks(&mut self) -> usize {
        let trimmed = self.0.trim_start_matches([' ', '\t']);
        let count = self.0.len() - trimmed.len();
        self.0 = trimmed;
        count
    }

    fn while_digit(&mut self) -> &'a str {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.while_digit();
        if (least..=most).contains(&digits.len()) { digits.parse().ok() } else { None }
    }
}

impl Time {
    fn check(&self) -> bool {
        let (year, month, day) = self.date;
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        let clock_fits = self.clock.as_ref().is_none_or(|clock| {
            let offset_fits = clock.offset.is_none_or(|minutes| minutes.abs() < 24 * 60);
            clock.hour < 24 && clock.minute < 60 && clock.second < 60 && offset_fits
        });
        year > 0 && (1..=days).contains(&day) && clock_fits
    }

    /// Python's `str()`.
    pub(crate) fn to_text(&self) -> String {
        let (year, month, day) = self.date;
        let date = format!("{year:04}-{month:02}-{day:02}");
        let Some(clock) = &self.clock else { return date };
        let fraction = if clock.microsecond > 0 { format!(".{:06}", clock.microsecond) } else { String::new() };
        let offset = clock.offset.map(|minutes| {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        });
        let offset = offset.unwrap_or_default();
        format!("{date} {:02}:{:02}:{:02}{fraction}{offset}", clock.hour, clock.minute, clock.second)
    }

    /// Python's `repr()`.
    pub(crate) fn to_repr(&self) -> String {
        let (year, month, day) = self.date;
        let Some(clock) = &self.clock else { return format!("datetime.date({year}, {month}, {day})") };
        let mut parts = vec![year, month, day, clock.hour, clock.minute];
        if clock.second > 0 || clock.microsecond > 0 {
            parts.push(clock.second);
        }
        if clock.microsecond > 0 {
            parts.push(clock.microsecond);
        }
        let parts = parts.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let zone = clock.offset.map(|offset| format!(", tzinfo={}", zone_repr(offset * 60))).unwrap_or_default();
        format!("datetime.datetime({parts}{zone})")
    }
}

fn zone_repr(seconds: i32) -> String {
    let (days, rest) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    match (days, rest) {
        (0, 0) => "datetime.timezone.utc".to_owned(),
        (0, rest) => format!("datetime.timezone(datetime.timedelta(seconds={rest}))"),
        (days, rest) => format!("datetime.timezone(datetime.timedelta(days={days}, seconds={rest}))"),
    }
}
