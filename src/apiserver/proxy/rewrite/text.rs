//! The names of both groups in text for people.
//!
//! A name counts only if the character before it is no ASCII letter, digit, `.`, `-` or `/`, and
//! the one after it no ASCII letter, digit or `-`: names of webhooks, longer hosts and URLs stay.

use std::borrow::Cow;

use crate::apiserver::names::{GROUP, STORED_GROUP, VERSION};

/// What a name of our kinds begins with; its group follows.
const KINDS: [&str; 4] = [
    "coderworkspaces.",
    "codertemplates.",
    "CoderWorkspace.",
    "CoderTemplate.",
];
/// What stands before a bare group, in quotes, in the texts of authorization.
const BARE: &str = "API group \"";

/// `text` with the stored group replaced by the aggregated one in each name; if `foreign`, also the
/// other way round, so that renaming twice gives `text` again.
#[must_use]
pub fn rename_text(text: &str, foreign: bool) -> Cow<'_, str> {
    let mut renamed = String::new();
    let mut copied = 0;
    for (at, _) in text.match_indices(STORED_GROUP) {
        let (before, after) = (upto(text, at), from(text, at + STORED_GROUP.len()));
        // The name of the aggregated group ends with that of the stored one.
        let beginning = GROUP.strip_suffix(STORED_GROUP).unwrap_or_default();
        let (before, to) = match before.strip_suffix(beginning) {
            Some(before) if foreign => (before, STORED_GROUP),
            _ => (before, GROUP),
        };
        if is_name(before, after) {
            let kept = text.get(copied..before.len()).unwrap_or_default();
            renamed.extend([kept, to]);
            copied = text.len() - after.len();
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    renamed.push_str(from(text, copied));
    Cow::Owned(renamed)
}

/// Whether a group that stands between these is one of a name.
fn is_name(before: &str, after: &str) -> bool {
    let of_kind = KINDS.iter().find_map(|kind| before.strip_suffix(kind));
    let versioned = after.strip_prefix('/');
    let versioned = versioned.and_then(|after| after.strip_prefix(VERSION));
    let bare = before.strip_suffix(BARE).zip(after.strip_prefix('"'));
    let whole = [
        of_kind.map(|before| (before, after)),
        versioned.map(|after| (before, after)),
        bare,
    ];
    let mut whole = whole.into_iter().flatten();
    whole.any(|(before, after)| {
        !goes_on(before.chars().next_back(), ".-/") && !goes_on(after.chars().next(), "-")
    })
}

/// Whether what stands beside a name makes it a longer one.
fn goes_on(beside: Option<char>, more: &str) -> bool {
    beside.is_some_and(|beside| beside.is_ascii_alphanumeric() || more.contains(beside))
}

fn upto(text: &str, end: usize) -> &str {
    text.get(..end).unwrap_or_default()
}

fn from(text: &str, start: usize) -> &str {
    text.get(start..).unwrap_or_default()
}
