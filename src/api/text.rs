//! Text for people: errors with their causes, and what must fit.

use std::{error::Error, iter::successors};

/// An error with its causes.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let chain = successors(Some(error), |&error| error.source());
    let texts: Vec<_> = chain.map(ToString::to_string).collect();
    texts.join(": ")
}

/// The longest beginning of `text` that has at most `limit` bytes and ends between characters.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// `text` for people, in `limit` bytes at most: an ellipsis stands for what is left out.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    const LEFT_OUT: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    match limit.checked_sub(LEFT_OUT.len()) {
        Some(room) => format!("{}{LEFT_OUT}", cut(text, room)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_is_never_cut_in_two() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("a€€", 3), "a");
        assert_eq!(cut("a€€", 4), "a€");
        assert_eq!(cut("€", 2), "");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn what_is_left_out_shows() {
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("abcde", 4), "a…");
        assert_eq!(shortened("€€€", 8), "€…");
        assert_eq!(shortened("abcde", 3), "…");
        assert_eq!(shortened("abcde", 2), "");
    }

    proptest! {
        #[test]
        fn a_shortened_text_fits_and_begins_like_the_text(text in "\\PC{0,40}", limit in 0_usize..60) {
            let short = shortened(&text, limit);
            prop_assert!(short.len() <= limit);
            prop_assert!(short == text || text.starts_with(short.trim_end_matches('…')));
            prop_assert_eq!(short == text, text.len() <= limit);
        }
    }
}
