//! A command line as words.

/// Splits a command line at blanks; `'…'` and `"…"` hold blanks together, a backslash takes the next
/// character as it is (not within `'…'`). There is no shell: nothing is expanded.
///
/// # Errors
/// A quote is not closed.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    match quote {
        Some(quote) => Err(format!("the quote {quote} is not closed")),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        for (text, expected) in [
            ("llama-server  -c 4096 ", vec!["llama-server", "-c", "4096"]),
            ("'a b' \"c 'd'\" e\\ f", vec!["a b", "c 'd'", "e f"]),
            ("a'b'c ''", vec!["abc", ""]),
            (r#""a\"b" '\'"#, vec!["a\"b", "\\"]),
            ("$HOME;ls", vec!["$HOME;ls"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert!(words("a 'b").unwrap_err().contains("'"));
    }
}
