//! Days.

use kspec_model::program::Date;

/// Reads `2027-01-31`. `Err` says what the day lacks.
pub fn parse_date(text: &str) -> Result<Date, String> {
    let malformed = || "is not written as year, month and day are: `2027-01-31`".to_owned();
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return Err(malformed());
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u16>(), month.parse::<u8>(), day.parse::<u8>()) else {
        return Err(malformed());
    };
    let year = i32::from(year);
    let days = days_in(year, month).ok_or_else(|| format!("has no month {month}: months are 01 to 12"))?;
    if day == 0 || day > days {
        return Err(format!("is no day: that month has {days} days"));
    }
    Ok(Date { year, month, day })
}

fn days_in(year: i32, month: u8) -> Option<u8> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_days() {
        assert_eq!(parse_date("2028-02-29"), Ok(Date { year: 2028, month: 2, day: 29 }));
        for text in ["2027-02-29", "2100-02-29", "2027-13-01", "2027-00-10", "2027-04-31", "2027-01-00", "27-01-01"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
