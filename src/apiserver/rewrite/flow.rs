//! Writes JSON so that it can stand in YAML.

use std::fmt::Write as _;

/// The JSON value `json` in one line, in the part of JSON that every YAML parser reads alike: no
/// surrogate pairs, and no raw character that YAML forbids or takes for a line break.
pub(super) fn flow(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut characters = json.chars();
    let mut in_text = false;
    while let Some(character) = characters.next() {
        let escaped = (in_text && character == '\\').then(|| characters.next());
        match (character, escaped.flatten()) {
            (_, Some('u')) => {
                let (first, rest) = code(characters.as_str());
                let second = rest.strip_prefix("\\u").map(code);
                let units = [first, second.map_or(0, |(unit, _)| unit)];
                let decoded = char::decode_utf16(units).next();
                characters = rest.chars();
                match decoded {
                    Some(Ok(character @ '\u{10000}'..)) => {
                        text.push(character);
                        characters = second.map_or(rest, |(_, rest)| rest).chars();
                    }
                    Some(Ok(character)) => escape(character, &mut text),
                    Some(Err(_)) | None => escape(char::REPLACEMENT_CHARACTER, &mut text),
                }
            }
            (_, Some('/')) => text.push('/'),
            (_, Some(escaped)) => text.extend(['\\', escaped]),
            ('"', None) => {
                in_text = !in_text;
                text.push('"');
            }
            (_, None) if is_special(character) => escape(character, &mut text),
            (' ' | '\t' | '\n' | '\r', None) if !in_text => {}
            (_, None) => text.push(character),
        }
    }
    text
}

/// The unit of UTF-16 that four hexadecimal digits name, and what follows them.
fn code(text: &str) -> (u16, &str) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or_default();
    (u16::from_str_radix(digits, 16).unwrap_or(0xfffd), rest)
}

/// Whether YAML forbids the character as it is, or takes it for a line break.
pub(super) fn is_special(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// Writes a character of the basic plane as an escape of JSON and of YAML.
pub(super) fn escape(character: char, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\u{:04x}", u32::from(character));
}
