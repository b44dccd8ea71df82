//! Calendar expressions as systemd reads them (systemd.time(7), "Calendar Events").

const SHORTHANDS: [&str; 9] = [
    "minutely",
    "hourly",
    "daily",
    "monthly",
    "weekly",
    "yearly",
    "annually",
    "quarterly",
    "semiannually",
];

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Says what in a calendar expression systemd would not understand; the name of a time zone is not looked up.
pub fn check(text: &str) -> Result<(), String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let is_zone = |word: &&str| {
        let days = word.split([',', '.', '-']).filter(|part| !part.is_empty());
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && !days.clone().all(is_weekday)
            && !is_shorthand(word)
    };
    if words.len() > 1 && words.last().is_some_and(is_zone) {
        words.pop();
    }
    match words[..] {
        [] => return Err("expected a time, as in 02:30".into()),
        [word] if is_shorthand(word) => return Ok(()),
        _ => {}
    }
    let mut left = words.into_iter().peekable();
    let mut any = false;
    if let Some(days) = left.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())) {
        weekdays(days)?;
        any = true;
    }
    if let Some(date) = left.next_if(|word| !word.contains(':')) {
        day(date)?;
        any = true;
    }
    if let Some(time) = left.next() {
        clock(time)?;
        any = true;
    }
    match left.next() {
        Some(more) => Err(format!("{more:?} stands behind the time")),
        None if any => Ok(()),
        None => Err("expected a time, as in 02:30".into()),
    }
}

fn is_shorthand(word: &str) -> bool {
    SHORTHANDS.contains(&word.to_ascii_lowercase().as_str())
}

/// Whole names and their first three letters.
fn is_weekday(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    WEEKDAYS.iter().any(|day| *day == word || day[..3] == word)
}

fn weekdays(text: &str) -> Result<(), String> {
    for part in text.trim_end_matches(',').split(',') {
        let ends = part.split_once("..").or_else(|| part.split_once('-'));
        let (from, to) = ends.unwrap_or((part, part));
        if let Some(odd) = [from, to].into_iter().find(|day| !is_weekday(day)) {
            return Err(format!("{odd:?} is no weekday, no date and no time"));
        }
    }
    Ok(())
}

fn day(text: &str) -> Result<(), String> {
    let (months, days) = match text.split_once('~') {
        Some((months, last)) => (Some(months), last),
        None => match text.rsplit_once('-') {
            Some((months, days)) => (Some(months), days),
            None => return Err(format!("{text:?} is no date and no time")),
        },
    };
    component("day", days, 1, 31)?;
    let Some(months) = months else { return Ok(()) };
    match months.rsplit_once('-') {
        Some((year, month)) => {
            // Two digits are of this century or of the last one.
            if !matches!(year.parse(), Ok(0..=99)) {
                component("year", year, 1970, 2199)?;
            }
            component("month", month, 1, 12)
        }
        None => component("month", months, 1, 12),
    }
}

fn clock(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return Err(format!("{text:?} is not a time")),
    };
    component("hour", hours, 0, 23)?;
    component("minute", minutes, 0, 59)?;
    component("second", seconds, 0, 59)
}

/// One part of a date or time: `*`, numbers, ranges `a..b`, each repeated by `/n`, in a list.
fn component(what: &str, text: &str, least: u32, most: u32) -> Result<(), String> {
    let number = |word: &str| {
        // Seconds may have a fraction.
        let whole = match word.split_once('.') {
            Some((whole, rest)) if what == "second" && rest.bytes().all(|c| c.is_ascii_digit()) => {
                whole
            }
            _ => word,
        };
        let found = whole
            .parse::<u32>()
            .ok()
            .filter(|_| whole.bytes().all(|c| c.is_ascii_digit()));
        let found = found.filter(|found| (least..=most).contains(found));
        found.ok_or_else(|| format!("expected {what} {least} to {most}, found {word:?}"))
    };
    for part in text.split(',') {
        let (range, every) = match part.split_once('/') {
            Some((range, every)) => (range, Some(every)),
            None => (part, None),
        };
        if let Some(every) = every
            && !every.parse::<f32>().is_ok_and(|every| every > 0.0)
        {
            return Err(format!(
                "expected how many {what}s to repeat after, found {every:?}"
            ));
        }
        if range == "*" {
            continue;
        }
        match range.split_once("..") {
            Some((from, to)) if number(from)? > number(to)? => {
                return Err(format!("{from}..{to} ends before it begins"));
            }
            Some(_) => {}
            None => drop(number(range)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_systemd_understands_is_a_schedule() {
        for text in [
            "02:30",
            "daily",
            "Weekly",
            "Mon 02:30",
            "Mon,Tue 02:30",
            "Mon..Fri 02:30:00",
            "Sat,Thu,Mon..Wed 12:00",
            "*-*-* 02:30",
            "*-*-1,15 03:00",
            "2026-12-24 18:00",
            "12-24 18:00",
            "*-02~03 05:00",
            "Mon *-05~07/1 05:00",
            "*:0/15",
            "0/6:00",
            "08..18:30",
            "02:30 UTC",
            "02:30 Europe/Paris",
            "Sunday 4:05:06.5",
            "Fri",
            "*-*-01",
            "Mon-Fri 02:30",
            "00:00:0.1/3.1",
            "20-12-24 02:30",
            "daily UTC",
            "Mon, 02:30",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_is_told() {
        for (text, said) in [
            ("25:30", "expected hour 0 to 23, found \"25\""),
            ("Mon..Fri 24:00", "hour 0 to 23"),
            ("02:60", "minute 0 to 59"),
            ("02:30:61", "second 0 to 59"),
            ("*-13-01 02:30", "month 1 to 12"),
            ("*-*-32", "day 1 to 31"),
            ("1969-01-01 02:30", "year 1970"),
            ("18..8:30", "ends before it begins"),
            ("*:0/0", "to repeat after"),
            ("Mod 02:30", "\"Mod\" is no weekday"),
            ("nightly", "\"nightly\" is no weekday"),
            ("0230", "is no date and no time"),
            ("02:30 03:30", "stands behind the time"),
            ("1:2:3:4", "is not a time"),
            ("", "expected a time"),
        ] {
            let found = check(text).expect_err(text);
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
