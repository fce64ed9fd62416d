//! Rules of vigilevents, as TOML and as JSON.

#![no_main]

use gstvigilevents::rules::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for parse in [Rules::from_toml, Rules::from_json] {
        if let Err(error) = parse(text, "rules") {
            assert!(!error.to_string().is_empty());
        }
    }
});
