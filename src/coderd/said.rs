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

/// What must not be repeated, whoever says it: the session token. A value that is declared as a secret and
/// sent to coderd belongs here too.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Those of `secrets` that are not empty.
    #[must_use]
    pub fn of(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let secrets = secrets.into_iter();
        let mut secrets: Vec<_> = secrets
            .filter(|it| !it.expose_secret().is_empty())
            .collect();
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
        Secrets::of(self.shared.token.latest())
    }
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
