//! What the old group has to answer: the stored group's answer in other words. Written apart from the
//! program, from the specification, so that both are not wrong in the same way.

use serde_json::Value;

use super::caller::Reply;

/// The stored version and the old one.
const VERSIONS: [&str; 2] = ["coder.com/v1alpha1", "aggregation.coder.com/v1alpha1"];
/// What names the stored group in a sentence, with the text around the group that stays.
const WORDS: [(&str, &str); 6] = [
    ("coderworkspaces.", ""),
    ("codertemplates.", ""),
    ("CoderWorkspace.", ""),
    ("CoderTemplate.", ""),
    ("", "/v1alpha1"),
    ("API group \\\"", "\\\""),
];
const OLD: &str = "aggregation.coder.com";
const STORED: &str = "coder.com";

/// An answer of the stored group, JSON or a watch, in the words of the old one. `swapped` says
/// that the request was for the wrong group, so that the answer names both.
pub fn renamed(text: &str, swapped: bool) -> String {
    if text.starts_with('{') {
        let mut walk = Walk {
            text,
            at: 0,
            out: String::new(),
            path: Vec::new(),
            swapped,
        };
        while walk.at < text.len() {
            walk.value();
            walk.space();
        }
        return walk.out;
    }
    text.to_owned()
}

/// What an answer says, in JSON. The old group's YAML is laid out by another library than kube-apiserver's.
pub fn said(reply: &Reply) -> String {
    let text = reply.text();
    if reply
        .headers
        .get("content-type")
        .is_none_or(|media| media != "application/yaml")
    {
        return text;
    }
    // The words of YAML 1.1 are quoted by both.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(&text, options)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    value.to_string()
}

/// Where something is within its object.
fn inner_place(path: &str) -> &str {
    let outer = ["object.rows.object.", "rows.object.", "items.", "object."];
    outer
        .iter()
        .find_map(|outer| path.strip_prefix(outer))
        .unwrap_or(path)
}

/// A sentence for people.
pub fn sentence(text: &str, swapped: bool) -> String {
    let aside = "\u{1}";
    let text = if swapped {
        words(text, OLD, aside)
    } else {
        text.to_owned()
    };
    words(&text, STORED, OLD).replace(aside, STORED)
}

fn words(text: &str, from: &str, to: &str) -> String {
    WORDS.iter().fold(text.to_owned(), |text, (before, after)| {
        let (word, other) = (
            format!("{before}{from}{after}"),
            format!("{before}{to}{after}"),
        );
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(&word) {
            let (left, right) = (&rest[..start], &rest[start + word.len()..]);
            let previous = left.chars().last().or_else(|| out.chars().last());
            let joins_before = previous.is_some_and(|c| c.is_alphanumeric() || ".-/".contains(c));
            let joins_after = right
                .chars()
                .next()
                .is_some_and(|c| c.is_alphanumeric() || c == '-');
            out += left;
            out += if joins_before || joins_after {
                &word
            } else {
                &other
            };
            rest = right;
        }
        out + rest
    })
}

/// Copies JSON and renames strings by where they stand.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    out: String,
    path: Vec<String>,
    swapped: bool,
}

impl Walk<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b' ')
    }

    fn copy(&mut self, end: usize) {
        self.out += &self.text[self.at..end];
        self.at = end;
    }

    fn space(&mut self) {
        while self.at < self.text.len() && self.peek().is_ascii_whitespace() {
            self.copy(self.at + 1);
        }
    }

    fn value(&mut self) {
        self.space();
        match self.peek() {
            b'{' => self.members(b'}'),
            b'[' => self.members(b']'),
            b'"' => {
                let raw = self.string();
                self.out += &self.rename(&raw);
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find([',', '}', ']', '\n', ' ']).unwrap_or(rest.len());
                self.copy(self.at + end.max(1));
            }
        }
    }

    fn members(&mut self, end: u8) {
        self.copy(self.at + 1);
        loop {
            self.space();
            match self.peek() {
                byte if byte == end => return self.copy(self.at + 1),
                b',' => self.copy(self.at + 1),
                b'"' if end == b'}' => {
                    let key = self.string();
                    self.out += &key;
                    self.space();
                    self.copy(self.at + 1);
                    self.path.push(key.trim_matches('"').to_owned());
                    self.value();
                    self.path.pop();
                }
                _ => {
                    assert!(self.at < self.text.len(), "not JSON: {}", self.text);
                    self.path.push("*".to_owned());
                    self.value();
                    self.path.pop();
                }
            }
        }
    }

    /// The string that begins here, as it is written.
    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.text[start..self.at].to_owned()
    }

    fn rename(&self, raw: &str) -> String {
        let path = self.path.join(".").replace(".*", "");
        let [stored, old] = VERSIONS.map(|version| format!("\"{version}\""));
        match inner_place(&path) {
            "apiVersion" | "metadata.managedFields.apiVersion" if raw == stored => old,
            "details.group" if raw == "\"coder.com\"" => format!("\"{OLD}\""),
            "message" | "details.causes.message" => sentence(raw, self.swapped),
            _ => raw.to_owned(),
        }
    }
}

/// `text` without what two twins cannot have in common.
pub fn masked(text: &str, namespace: &str) -> String {
    let time = "dddd-dd-ddTdd:dd:dd";
    let id = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let mut text = masked_shape(&masked_shape(text, time), id).replace(namespace, "NAMESPACE");
    for key in [
        "\"resourceVersion\":\"",
        "\"resourceVersion\": \"",
        "resourceVersion: \"",
    ] {
        text = masked_after(&text, key, |c| c.is_ascii_digit());
    }
    for key in ["\"continue\":\"", "\"continue\": \"", "continue: "] {
        text = masked_after(&text, key, |c| !"\"\n".contains(c));
    }
    for key in [
        "resource version: ",
        "resource version: # (",
        "current: ",
        "in record (",
    ] {
        text = masked_after(&text, key, |c| c.is_ascii_digit());
    }
    // `12s`, the age in a table.
    text = masked_after(&text, ",\"", |c| c.is_ascii_digit()).replace(",\"#s\"", ",\"AGE\"");
    text = masked_after(&text, "      \"", |c| c.is_ascii_digit()).replace("\"#s\"", "\"AGE\"");
    text = masked_after(&text, "  - ", |c| c.is_ascii_digit()).replace("- #s\n", "- AGE\n");
    text
}

/// What is said of a body of YAML, which is one line of JSON when it comes to kube-apiserver: without the
/// number of the line, and without the body where all of it is shown.
pub fn masked_yaml(text: &str) -> String {
    let text = masked_after(text, "line ", |c| c.is_ascii_digit());
    match (
        text.split_once("is missing in '"),
        text.rsplit_once(" ...)"),
    ) {
        (Some((before, _)), Some((_, after))) => format!("{before}is missing{after}"),
        _ => text,
    }
}

fn masked_after(text: &str, key: &str, is_masked: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(key);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&is_masked);
        let mark = if rest.len() == part.len() { "" } else { "#" };
        out = out + key + mark + rest;
    }
    out
}

/// Masks what looks like `shape`: d is a digit, x a hexadecimal digit.
fn masked_shape(text: &str, shape: &str) -> String {
    let fits = |found: &str| {
        found.len() == shape.len()
            && found
                .chars()
                .zip(shape.chars())
                .all(|(found, shape)| match shape {
                    'd' => found.is_ascii_digit(),
                    'x' => found.is_ascii_hexdigit(),
                    other => found == other,
                })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.get(..shape.len()).is_some_and(fits) {
            out += "MASKED";
            rest = &rest[shape.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

#[test]
fn the_oracle_renames_what_the_specification_names_and_nothing_else() {
    let stored = r#"{"apiVersion":"coder.com/v1alpha1","items": [{"apiVersion":"coder.com/v1alpha1",
        "metadata":{"managedFields":[{"apiVersion":"coder.com/v1alpha1"}],
        "ownerReferences":[{"apiVersion":"coder.com/v1alpha1"}],"annotations":{"apiVersion":"coder.com/v1alpha1"}}}]}"#;
    let old = renamed(stored, false);
    assert_eq!(
        old.matches("\"aggregation.coder.com/v1alpha1\"").count(),
        3,
        "{old}"
    );
    assert_eq!(old.matches("\"coder.com/v1alpha1\"").count(), 2, "{old}");
    assert_eq!(
        sentence(
            "coderworkspaces.coder.com \"x.coder.com/v1alpha1\" and my-coderworkspaces.coder.com",
            false
        ),
        "coderworkspaces.aggregation.coder.com \"x.coder.com/v1alpha1\" and my-coderworkspaces.coder.com"
    );
    let both = "the data (aggregation.coder.com/v1alpha1) is not (coder.com/v1alpha1)";
    let swapped = "the data (coder.com/v1alpha1) is not (aggregation.coder.com/v1alpha1)";
    assert_eq!(sentence(both, true), swapped);
    let text = r#"{"uid":"0123abcd-0000-0000-0000-000000000000","resourceVersion":"12","cells":["a","7s"]} ns"#;
    assert_eq!(
        masked(text, "ns"),
        r##"{"uid":"MASKED","resourceVersion":"#","cells":["a","AGE"]} NAMESPACE"##
    );
}
