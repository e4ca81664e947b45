//! Random documents that hold the names of the rules, at right and at wrong places.

use std::fmt::Write as _;

/// A source of choices: bytes that proptest made, and zeros when they are used up.
pub(super) struct Choices<'a>(pub(super) std::slice::Iter<'a, u8>);

impl Choices<'_> {
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % count
    }

    pub(super) fn of<'b>(&mut self, items: &[&'b str]) -> &'b str {
        items[self.below(items.len())]
    }
}

const KEYS: [&str; 18] = [
    "apiVersion",
    "metadata",
    "managedFields",
    "items",
    "rows",
    "object",
    "spec",
    "files",
    "details",
    "group",
    "causes",
    "message",
    "kind",
    "x",
    "",
    "apiVersions",
    "file",
    "path/é\u{1F600}",
];

const TEXTS: [&str; 16] = [
    "coder.com/v1alpha1",
    "aggregation.coder.com/v1alpha1",
    "coder.com",
    "coderworkspaces.coder.com \"x\" not found",
    "no API group \"coder.com\" nor API group \"coder.com\"x, API group \"coder.com/v1alpha1\"",
    "CoderTemplate.coder.com \"y\": using coder.com/v1alpha1 at 10:00",
    "codertemplates.aggregation.coder.com, xcoder.com/v1alpha1 coder.com/v1alpha1x",
    "API group \"aggregation.coder.com\" aggregation.coder.com/v1alpha1",
    "hook.codertemplates.coder.com/coder.com/v1alpha1\ncoder.com/v1alpha1.",
    "",
    "coder.com/v1alpha",
    "coder.com/v1alpha1\\",
    "[{\"}]",
    "é\u{1F600}coder.com/v1alpha1é",
    "\tCoderWorkspace.coder.com-x CoderWorkspace.coder.com/x",
    "Verification of a long text that needs more than sixty-four bytes, with a \\ and a \" in it.",
];

/// A JSON value as text, spelled oddly if `odd`.
pub(super) fn json(choices: &mut Choices<'_>, odd: bool) -> String {
    let mut output = String::new();
    value(choices, odd, "", 9, &mut output);
    output
}

fn value(choices: &mut Choices<'_>, odd: bool, key: &str, depth: usize, output: &mut String) {
    let form = if choices.below(5) == 0 {
        choices.below(4)
    } else {
        match key {
            "items" | "rows" | "managedFields" | "causes" => 1,
            "" | "object" | "metadata" | "spec" | "details" | "items*" | "rows*"
            | "managedFields*" | "causes*" | "files" => 0,
            _ => 2,
        }
    };
    match form {
        0 if depth > 0 => {
            output.push('{');
            space(choices, odd, output);
            for index in 0..choices.below(5) {
                if index > 0 {
                    output.push(',');
                    space(choices, odd, output);
                }
                let name = member(choices, key);
                text(choices, odd, name, output);
                space(choices, odd, output);
                output.push(':');
                space(choices, odd, output);
                value(choices, odd, name, depth - 1, output);
                space(choices, odd, output);
            }
            output.push('}');
        }
        1 if depth > 0 => {
            output.push('[');
            space(choices, odd, output);
            for index in 0..choices.below(4) {
                if index > 0 {
                    output.push(',');
                    space(choices, odd, output);
                }
                value(choices, odd, &format!("{key}*"), depth - 1, output);
                space(choices, odd, output);
            }
            output.push(']');
        }
        2 => {
            let words = match key {
                "apiVersion" => &TEXTS[..2],
                "group" => &TEXTS[2..3],
                _ => &TEXTS[..],
            };
            let words = choices.of(words);
            text(choices, odd, words, output);
        }
        _ => output.push_str(choices.of(&[
            "null",
            "true",
            "false",
            "0",
            "-1.5e+400",
            "12345678901234567890",
        ])),
    }
}

fn member<'a>(choices: &mut Choices<'_>, parent: &str) -> &'a str {
    if choices.below(4) == 0 {
        return choices.of(&KEYS);
    }
    match parent {
        "" => choices.of(&[
            "apiVersion",
            "metadata",
            "items",
            "rows",
            "object",
            "details",
            "message",
            "spec",
        ]),
        "object" | "items*" | "rows*" => choices.of(&[
            "apiVersion",
            "metadata",
            "spec",
            "rows",
            "object",
            "details",
            "message",
        ]),
        "metadata" => "managedFields",
        "managedFields*" => "apiVersion",
        "details" => choices.of(&["group", "causes"]),
        "causes*" => "message",
        "spec" => choices.of(&["files", "x"]),
        _ => choices.of(&KEYS),
    }
}

fn space(choices: &mut Choices<'_>, odd: bool, output: &mut String) {
    if odd {
        match choices.below(40) {
            0 => output.push_str(&" \n".repeat(150)),
            1..=9 => output.push_str(choices.of(&[" ", "\n  ", "\t", "\r\n"])),
            _ => {}
        }
    }
}

fn text(choices: &mut Choices<'_>, odd: bool, words: &str, output: &mut String) {
    let odd = odd && choices.below(3) == 0;
    output.push('"');
    for character in words.chars() {
        let mut units = [0; 2];
        match character {
            _ if odd && choices.below(6) == 0 => {
                for unit in character.encode_utf16(&mut units) {
                    write!(output, "\\u{unit:04x}").unwrap();
                }
            }
            '/' if odd => output.push_str("\\/"),
            '"' | '\\' => output.extend(['\\', character]),
            '\n' => output.push_str("\\n"),
            '\t' => output.push_str("\\t"),
            _ => output.push(character),
        }
    }
    output.push('"');
}
