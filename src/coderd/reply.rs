//! What can be read from any reply besides its body.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

/// A longer wait than this is not believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The answer to "is there one of this name?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup<T> {
    /// What was found. None means that coderd answered 404, which it also does for what the token
    /// may not read: enough to try a creation, never proof that something is gone.
    pub found: Option<T>,
    /// When coderd answered, by its own clock, cut to whole seconds: comparable with its
    /// `created_at`. None if the reply had no readable `Date`.
    pub at: Option<Timestamp>,
}

/// A reply with a status of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) at: Option<Timestamp>,
    pub(super) body: Bytes,
}

/// The server's clock, in whole seconds.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(header::DATE)?.to_str().ok()?)
}

/// How long the server wants to be left alone: seconds, or a time by the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse::<u64>().ok().or_else(|| {
        let wait = http_date(text)?
            .as_second()
            .saturating_sub(date(headers)?.as_second());
        Some(u64::try_from(wait).unwrap_or(0))
    });
    let wait = Duration::from_secs(seconds?);
    Some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(header::HeaderName, header::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn the_date_of_go_servers_is_read() {
        let read = date(&headers(&[("date", "Sat, 21 Nov 2026 12:24:07 GMT")]));
        assert_eq!(read, Some("2026-11-21T12:24:07Z".parse().unwrap()));
        for text in ["", "yesterday", "2026-11-21"] {
            assert_eq!(date(&headers(&[("date", text)])), None, "{text}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = ("date", "Sat, 21 Nov 2026 12:24:00 GMT");
        for (text, wanted) in [
            ("60", Some(60)),
            ("0", Some(0)),
            ("99999999999", Some(3600)),
            ("Sat, 21 Nov 2026 12:24:05 GMT", Some(5)),
            ("Sat, 21 Nov 2026 12:23:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let wait = retry_after(&headers(&[now, ("retry-after", text)]));
            assert_eq!(wait.map(|wait| wait.as_secs()), wanted, "{text}");
        }
        assert_eq!(retry_after(&headers(&[])), None);
    }
}
