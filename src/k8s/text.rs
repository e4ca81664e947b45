//! Text that must fit.

/// The longest beginning of `text` that has at most `limit` bytes and ends between characters.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
}
