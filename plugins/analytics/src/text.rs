//! What a user probably meant: near misses of names in files and properties.

/// Levenshtein distance of two words, in characters.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The one of the `known` names that `name` is a slip of: at most every third character of it is
/// wrong.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A problem with a name, what was probably meant, and what is known.
pub fn suggest(problem: &str, name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match nearest(name, known) {
        Some(nearest) => format!("{problem}: did you mean \"{nearest}\"? Known: {list}"),
        None => format!("{problem}. Known: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("кот", "кит", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_a_slip_is_suggested() {
        let known = ["person", "car", "bicycle"];
        assert_eq!(nearest("persn", &known), Some("person"));
        assert_eq!(nearest("bycicle", &known), Some("bicycle"));
        assert_eq!(nearest("ship", &known), None);
        assert_eq!(
            suggest("unknown class \"cat\"", "cat", &known),
            "unknown class \"cat\": did you mean \"car\"? Known: person, car, bicycle"
        );
        assert!(suggest("no", "ship", &known).ends_with("no. Known: person, car, bicycle"));
    }
}
