//! The rules again, slow and simple: a recursive reader of valid JSON that writes as it reads.

use super::super::Options;

const STORED: &str = "coder.com/v1alpha1";
const AGGREGATED: &str = "aggregation.coder.com/v1alpha1";

/// What the filter has to make of a sequence of valid JSON values.
pub(super) fn answer(text: &str, options: Options) -> String {
    let mut reader = Reader {
        text,
        at: 0,
        options,
        foreign: false,
        rules: Rules::Answer,
    };
    let mut output = reader.space();
    while reader.at < text.len() {
        output += &reader.value("");
        output += &reader.space();
    }
    output
}

/// What becomes of a valid JSON object in a request, and whether it was foreign.
pub(super) fn object(text: &str) -> (String, bool) {
    let mut reader = Reader {
        text,
        at: 0,
        options: Options::default(),
        foreign: false,
        rules: Rules::Object,
    };
    let output = reader.space() + &reader.value("") + &reader.space();
    (output, reader.foreign)
}

#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Answer,
    Object,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    options: Options,
    foreign: bool,
    rules: Rules,
}

/// The prefixes P, as paths with `/` before each step.
const PREFIXES: [&str; 5] = [
    "",
    "/items/*",
    "/rows/*/object",
    "/object",
    "/object/rows/*/object",
];

impl Reader<'_> {
    fn peek(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or('\0')
    }

    fn space(&mut self) -> String {
        let rest = &self.text[self.at..];
        let length = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.at += length;
        rest[..length].to_owned()
    }

    fn value(&mut self, path: &str) -> String {
        match self.peek() {
            '{' => self.object(path),
            '[' => self.array(path),
            '"' => self.string(path),
            _ => {
                let rest = &self.text[self.at..];
                let length = rest
                    .find([' ', '\t', '\n', '\r', ',', ']', '}', '{', '[', '"'])
                    .unwrap_or(rest.len());
                self.at += length;
                rest[..length].to_owned()
            }
        }
    }

    fn array(&mut self, path: &str) -> String {
        self.at += 1;
        let mut output = "[".to_owned() + &self.space();
        while self.peek() != ']' {
            if self.peek() == ',' {
                self.at += 1;
                output += ",";
                output += &self.space();
            }
            output += &self.value(&format!("{path}/*"));
            output += &self.space();
        }
        self.at += 1;
        output + "]"
    }

    fn object(&mut self, path: &str) -> String {
        let omits = self.rules == Rules::Answer
            && self.options.omit_files
            && PREFIXES
                .iter()
                .any(|prefix| path == format!("{prefix}/spec"));
        self.at += 1;
        let mut output = "{".to_owned();
        let mut before = self.space();
        if self.peek() == '}' {
            output += &before;
        }
        let mut kept = false;
        while self.peek() != '}' {
            if self.peek() == ',' {
                self.at += 1;
                before = self.space();
            }
            let start = self.at;
            self.at += 1;
            while self.peek() != '"' {
                self.at += if self.peek() == '\\' {
                    2
                } else {
                    self.peek().len_utf8()
                };
            }
            self.at += 1;
            let spelled = &self.text[start..self.at];
            let key: String = serde_json::from_str(spelled).unwrap();
            let mut member = before.clone() + spelled + &self.space() + ":";
            self.at += 1;
            member += &self.space();
            // A step that holds a slash must not look like two.
            member += &self.value(&format!("{path}/{}", key.replace(['/', '*'], "?")));
            if !(omits && key == "files") {
                output += if kept { "," } else { "" };
                output += &member;
                kept = true;
            }
            output += &self.space();
        }
        self.at += 1;
        output + "}"
    }

    fn string(&mut self, path: &str) -> String {
        let start = self.at;
        self.at += 1;
        while self.peek() != '"' {
            self.at += if self.peek() == '\\' {
                2
            } else {
                self.peek().len_utf8()
            };
        }
        self.at += 1;
        let spelled = &self.text[start..self.at];
        let Ok(said) = serde_json::from_str::<String>(spelled) else {
            return spelled.to_owned();
        };
        let new = match self.rules {
            Rules::Answer => answer_name(path, &said),
            Rules::Object => self.request_name(path, &said),
        };
        if let Some(name) = new {
            return format!("\"{name}\"");
        }
        let is_message = ["", "/object"].iter().any(|status| {
            path == format!("{status}/message")
                || path == format!("{status}/details/causes/*/message")
        });
        if self.rules == Rules::Answer && is_message {
            let characters: Vec<char> = said.chars().collect();
            let renamed = message(&characters, self.options.foreign);
            if renamed != said {
                return serde_json::to_string(&renamed).unwrap();
            }
        }
        spelled.to_owned()
    }

    fn request_name(&mut self, path: &str, said: &str) -> Option<&'static str> {
        match (path, said) {
            ("/apiVersion" | "/metadata/managedFields/*/apiVersion", AGGREGATED) => Some(STORED),
            ("/apiVersion", STORED) => {
                self.foreign = true;
                Some(AGGREGATED)
            }
            _ => None,
        }
    }
}

fn answer_name(path: &str, said: &str) -> Option<&'static str> {
    let is_version = PREFIXES.iter().any(|prefix| {
        path == format!("{prefix}/apiVersion")
            || path == format!("{prefix}/metadata/managedFields/*/apiVersion")
    });
    let is_group = path == "/details/group" || path == "/object/details/group";
    match said {
        STORED if is_version => Some(AGGREGATED),
        "coder.com" if is_group => Some("aggregation.coder.com"),
        _ => None,
    }
}

/// The tokens of a message replaced.
pub(super) fn message(characters: &[char], foreign: bool) -> String {
    let said = |from: usize, text: &str| {
        text.chars()
            .enumerate()
            .all(|(index, wanted)| characters.get(from + index).is_some_and(|c| *c == wanted))
    };
    let is_one_of = |at: usize, others: &str| {
        characters
            .get(at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || others.contains(*c))
    };
    let mut output = String::new();
    let mut at = 0;
    'characters: while at < characters.len() {
        if at == 0 || !is_one_of(at - 1, ".-/") {
            for (before, stored, aggregated, after) in [
                ("coderworkspaces.", "coder.com", "aggregation.coder.com", ""),
                ("codertemplates.", "coder.com", "aggregation.coder.com", ""),
                ("CoderWorkspace.", "coder.com", "aggregation.coder.com", ""),
                ("CoderTemplate.", "coder.com", "aggregation.coder.com", ""),
                ("", STORED, AGGREGATED, ""),
                ("API group \"", "coder.com", "aggregation.coder.com", "\""),
            ] {
                for (from, to, on) in [(stored, aggregated, true), (aggregated, stored, foreign)] {
                    let token = format!("{before}{from}{after}");
                    if on && said(at, &token) && !is_one_of(at + token.len(), "-") {
                        output += before;
                        output += to;
                        at += before.len() + from.len();
                        continue 'characters;
                    }
                }
            }
        }
        output.push(characters[at]);
        at += 1;
    }
    output
}
