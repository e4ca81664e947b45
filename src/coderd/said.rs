//! Text of somebody else (coderd, Terraform, a proxy), and how it gets fit for status, Events and logs:
//! without secrets, on one line, and short.
//!
//! Secrets are taken out first: one that is cut in two would not be found any more.

use std::{borrow::Cow, cmp::Reverse, fmt};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::client::Client;
use crate::api::text::shortened;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// A text as it came. Only [`Said::line`] shows it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Said(String);

impl Said {
    /// Whether it has `words` in it.
    #[must_use]
    pub fn mentions(&self, words: &str) -> bool {
        self.0.contains(words)
    }

    /// The text without `secrets`, on one line of at most `limit` bytes.
    #[must_use]
    pub fn line(&self, secrets: &Secrets, limit: usize) -> String {
        secrets.line(&self.0, limit)
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Said").finish_non_exhaustive()
    }
}

/// What must not be repeated, whoever says it: the session token, and what a client hides besides.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<SecretString>);

/// A line of a secret that is shorter than this tells nothing by itself.
const TELLING: usize = 8;

impl Secrets {
    /// Those of `secrets` that are not empty, also as they are quoted or told line by line.
    #[must_use]
    pub fn of(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let forms = secrets.into_iter().flat_map(|secret| forms(&secret));
        let mut secrets: Vec<_> = forms.filter(|it| !it.expose_secret().is_empty()).collect();
        // One may be a part of another, which would then not be found any more.
        secrets.sort_by_key(|secret| Reverse(secret.expose_secret().len()));
        Self(secrets)
    }

    /// `text` of somebody else without secrets, on one line of at most `limit` bytes.
    #[must_use]
    pub fn line(&self, text: &str, limit: usize) -> String {
        shortened(&folded(&self.redacted(text), limit), limit)
    }

    fn redacted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.0.iter().map(ExposeSecret::expose_secret);
        secrets.fold(Cow::Borrowed(text), |text, secret| {
            if text.contains(secret) {
                Cow::Owned(text.replace(secret, REDACTED))
            } else {
                text
            }
        })
    }
}

impl Client {
    /// What must not be repeated of what coderd says.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let token = self.shared.token.latest().into_iter();
        Secrets::of(token.chain(self.hidden.iter().cloned()))
    }
}

/// A secret as somebody may repeat it: as it is, without the line break at its end, in quotes, or a line of
/// it.
fn forms(secret: &SecretString) -> Vec<SecretString> {
    let text = secret.expose_secret();
    let trimmed = text.trim_end_matches(['\n', '\r']);
    let quoted = serde_json::to_string(trimmed).unwrap_or_default();
    let quoted = quoted.trim_start_matches('"');
    let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| line.len() >= TELLING);
    let forms = [text, trimmed, quoted].into_iter().chain(lines);
    let mut forms: Vec<&str> = forms.collect();
    forms.dedup();
    forms.into_iter().map(SecretString::from).collect()
}

/// The beginning of `text` as one printable line, longer than `limit` if the text is: each run of blanks and
/// control characters becomes one blank, but for plain blanks, which indent.
fn folded(text: &str, limit: usize) -> String {
    let is_blank = |char: char| char.is_whitespace() || char.is_control();
    let mut line = String::new();
    let mut rest = text.trim_end_matches(is_blank);
    while let Some(first) = rest.chars().next()
        && line.len() <= limit
    {
        let end = rest.find(|char| is_blank(char) != is_blank(first));
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        if !is_blank(first) || run.chars().all(|char| char == ' ') {
            line.push_str(run);
        } else if !line.is_empty() {
            line.push(' ');
        }
        rest = after;
    }
    line
}

#[cfg(test)]
mod tests;
