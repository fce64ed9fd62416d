//! The `names` that Ultralytics writes into a model's metadata: a Python dict or list as `repr`
//! prints it, or the same in JSON.
//!
//! `{0: 'person', 1: "driver's seat"}`, `['person', 'seat']` and `{"0": "person"}` are all read.

/// Class ids above this are taken for damage, not for a list with gaps.
pub const MAX_CLASSES: usize = 1 << 16;

/// The names by class id; an id that is left out becomes `class <id>`. An error says what was
/// expected where.
pub fn parse(text: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader { text, at: 0 };
    let names = match reader.next_char() {
        Some('{') => reader.dict()?,
        Some('[') => reader.list(']')?,
        Some('(') => reader.list(')')?,
        _ => return Err(reader.expected_before("'{' or '['")),
    };
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.expected("nothing more"));
    }
    let names = by_id(names)?;
    if names.is_empty() {
        return Err("it has no names".into());
    }
    Ok(names)
}

fn by_id(entries: Vec<(usize, String)>) -> Result<Vec<String>, String> {
    let mut names: Vec<Option<String>> = Vec::new();
    for (id, name) in entries {
        if id >= MAX_CLASSES {
            return Err(format!("class id {id} is too large"));
        }
        if names.len() <= id {
            names.resize(id + 1, None);
        }
        if names[id].replace(name).is_some() {
            return Err(format!("class id {id} occurs twice"));
        }
    }
    let numbered = names.into_iter().enumerate();
    Ok(numbered
        .map(|(id, name)| name.unwrap_or_else(|| super::labels::numbered(id)))
        .collect())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn next_char(&mut self) -> Option<char> {
        self.skip_space();
        self.bump()
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn expected(&self, what: &str) -> String {
        let shown: String = self.rest().chars().take(12).collect();
        format!(
            "expected {what} at character {}, found {shown:?}",
            self.text[..self.at].chars().count() + 1
        )
    }

    /// As `expected`, of the character that was just read.
    fn expected_before(&mut self, what: &str) -> String {
        let last = self.text[..self.at]
            .chars()
            .next_back()
            .map_or(0, char::len_utf8);
        self.at -= last;
        self.expected(what)
    }

    fn dict(&mut self) -> Result<Vec<(usize, String)>, String> {
        let mut entries = Vec::new();
        while self.peek() != Some('}') {
            let id = self.id()?;
            if self.next_char() != Some(':') {
                return Err(self.expected_before("':'"));
            }
            entries.push((id, self.string()?));
            self.separator('}')?;
        }
        self.bump();
        Ok(entries)
    }

    fn list(&mut self, end: char) -> Result<Vec<(usize, String)>, String> {
        let mut entries = Vec::new();
        while self.peek() != Some(end) {
            entries.push((entries.len(), self.string()?));
            self.separator(end)?;
        }
        self.bump();
        Ok(entries)
    }

    /// A comma, or what ends the list (which is left to be read).
    fn separator(&mut self, end: char) -> Result<(), String> {
        match self.peek() {
            Some(',') => {
                self.bump();
                Ok(())
            }
            Some(c) if c == end => Ok(()),
            _ => Err(self.expected(&format!("',' or '{end}'"))),
        }
    }

    /// A number, which JSON puts into quotes.
    fn id(&mut self) -> Result<usize, String> {
        if matches!(self.peek(), Some('"' | '\'')) {
            let at = self.at;
            let key = self.string()?;
            return key.trim().parse().map_err(|_| {
                self.at = at;
                self.expected("a class id")
            });
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let id = self.rest()[..digits]
            .parse()
            .map_err(|_| self.expected("a class id"))?;
        self.at += digits;
        Ok(id)
    }

    fn string(&mut self) -> Result<String, String> {
        let quote = match self.next_char() {
            Some(c @ ('"' | '\'')) => c,
            _ => return Err(self.expected_before("a name in quotes")),
        };
        let mut out = String::new();
        loop {
            match self.bump() {
                Some(c) if c == quote => return Ok(out),
                Some('\\') => out.push(self.escape()?),
                Some(c) => out.push(c),
                None => return Err(self.expected("the end of a name")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        Ok(match self.bump() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('x') => self.code(2)?,
            Some('u') => self.code(4)?,
            Some('U') => self.code(8)?,
            Some(c @ ('\\' | '\'' | '"' | '/')) => c,
            _ => return Err(self.expected_before("an escape such as \\n or \\'")),
        })
    }

    /// A character by its code in hexadecimal; JSON writes those above U+FFFF as two.
    fn code(&mut self, digits: usize) -> Result<char, String> {
        let code = self.hex(digits)?;
        let is_high_surrogate = (0xd800..0xdc00).contains(&code);
        let code = if is_high_surrogate && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.hex(4)?;
            0x10000 + ((code - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff)
        } else {
            code
        };
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self, digits: usize) -> Result<u32, String> {
        let code = self
            .rest()
            .get(..digits)
            .and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.expected(&format!("{digits} hexadecimal digits")))?;
        self.at += digits;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dicts_and_lists_of_python_and_json_are_read() {
        let table: &[(&str, &[&str])] = &[
            ("{0: 'person', 1: 'bicycle'}", &["person", "bicycle"]),
            (r#"{0: 'a', 1: "driver's seat"}"#, &["a", "driver's seat"]),
            (
                r#"{0: 'say "x"', 1: 'both \' and "'}"#,
                &["say \"x\"", "both ' and \""],
            ),
            (
                r"{0: 'a\\b', 1: 'caf\xe9', 2: '\u732b'}",
                &["a\\b", "café", "猫"],
            ),
            (r#"{"0": "cat", "1": "\ud83d\ude00"}"#, &["cat", "😀"]),
            ("['a', 'b',]", &["a", "b"]),
            ("('a', 'b')", &["a", "b"]),
            (" { 1 : 'b' , 0 : 'a' } ", &["a", "b"]),
            ("{0: 'a', 2: 'c'}", &["a", "class 1", "c"]),
            ("{0: 'a, b: {c}'}", &["a, b: {c}"]),
            ("{0: '猫', 1: ''}", &["猫", ""]),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap(), *expected, "{text}");
        }
    }

    #[test]
    fn damage_is_located() {
        let table = [
            ("", "expected '{' or '['"),
            ("person", "at character 1, found \"person\""),
            ("{0: 'person', 1: 'bi", "expected the end of a name"),
            ("{0: 'person'", "expected ',' or '}' at character 13"),
            ("{0 'a'}", "expected ':' at character 4"),
            ("{'x': 'a'}", "expected a class id at character 2"),
            ("{0: 1}", "expected a name in quotes at character 5"),
            ("{0: 'a', 0: 'b'}", "class id 0 occurs twice"),
            ("{99999999: 'a'}", "too large"),
            ("{0: 'a'} x", "expected nothing more"),
            ("{0: '\\xz'}", "hexadecimal"),
            ("{}", "no names"),
        ];
        for (text, why) in table {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[\\[{(]?([0-9]{1,3}: )?['\"].{0,20}['\"}\\\\]{0,3}.{0,5}") {
            let _ = parse(&text);
        }

        #[test]
        fn json_lists_come_back(names in prop::collection::vec(".{0,10}", 1..10)) {
            let json = serde_json::to_string(&names).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), names);
        }
    }
}
