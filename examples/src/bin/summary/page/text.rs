//! Numbers as people read them.

/// `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits that count, more where there are more before the point: `0.25`, `98.9`, `1,234`.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{:.digits$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) {
        "−"
    } else {
        ""
    };
    match fraction {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// `2.8 s`, `3 min 20 s`, `1 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match whole {
        0..60 => format!("{} s", number(seconds)),
        60..3600 => two(whole / 60, "min", whole % 60, "s"),
        3600..172_800 => two(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// `98.7 %` of a fraction of 1.
pub fn percent(fraction: f64) -> String {
    format!("{} %", number(fraction * 100.0))
}

/// `7 visits`, `1 visit`.
pub fn plural(n: usize, one: &str, more: &str) -> String {
    format!("{} {}", count(n as u64), if n == 1 { one } else { more })
}

/// A coordinate in an attribute: short, two digits after the point at most.
pub fn coordinate(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".into(),
        text => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-0.001, "0"),
            (-2.5, "−2.5"),
            (9.999, "10"),
            (98.94, "98.9"),
            (99.96, "100"),
            (1234.5, "1,234"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(count(n), expected);
        }
        assert_eq!(percent(0.987), "98.7 %");
        assert_eq!(coordinate(-0.001), "0");
        assert_eq!(coordinate(1000.0), "1000");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, expected) in [
            (0.0, "0 s"),
            (2.84, "2.84 s"),
            (59.4, "59.4 s"),
            (59.9, "1 min"),
            (200.0, "3 min 20 s"),
            (3600.0, "1 h"),
            (3900.0, "1 h 5 min"),
            (90_000.0, "25 h"),
            (200_000.0, "2 d 7 h"),
        ] {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }
}
