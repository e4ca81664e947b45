use http::Uri;
use proptest::{collection::vec, prelude::*};

use super::*;

fn pairs(query: &str) -> Vec<(String, String)> {
    Query::read(query).unwrap().0
}

/// What Go's `url.ParseQuery` makes of a query, as kube-apiserver uses it: what it cannot read is left
/// out without a word.
fn in_go(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    const MOST_IN_GO: usize = 10_000;
    if query.matches('&').count() + 1 > MOST_IN_GO {
        return Vec::new();
    }
    let parts = query.split('&').filter(|part| !part.contains(';'));
    parts
        .filter(|part| !part.is_empty())
        .filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((unescaped_in_go(name)?, unescaped_in_go(value)?))
        })
        .collect()
}

fn unescaped_in_go(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut unescaped = Vec::new();
    while let Some(byte) = bytes.next() {
        unescaped.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?].map(char::from);
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    Some(unescaped)
}

fn refusal(query: &str) -> String {
    Query::read(query).unwrap_err().to_string()
}

#[test]
fn pairs_are_read_in_their_order() {
    let query = Query::read("dryRun=&a=1&&dryRun=All&b&c=d=e&%61=%2B+%26").unwrap();
    let all = |name| query.all(name).collect::<Vec<_>>();
    assert_eq!(all("dryRun"), ["", "All"]);
    assert_eq!(query.first("dryRun"), Some(""));
    assert_eq!(all("a"), ["1", "+ &"]);
    assert_eq!(query.first("b"), Some(""));
    assert_eq!(query.first("c"), Some("d=e"));
    assert_eq!(query.first("d"), None);
    assert_eq!(
        query.written(),
        "dryRun=&a=1&dryRun=All&b=&c=d%3De&a=%2B+%26"
    );
    assert_eq!(Query::read("").unwrap().written(), "");
    assert_eq!(pairs("="), [(String::new(), String::new())]);
    assert_eq!(Query::of("a b", "ü").written(), "a+b=%C3%BC");
}

#[test]
fn a_query_that_go_reads_otherwise_is_refused() {
    for query in [
        "a;b", "a=b;", "a;b=c", "a=%", "a=%z1", "a=%1", "a=%1z", "%%31", "a=%25%", "a=%é", "%=b",
        "a=%+1",
    ] {
        assert!(
            refusal(query).ends_with("a ; or a broken escape in it"),
            "{query}"
        );
    }
    for query in ["a=%ff", "%c3=b", "a=%ed%a0%80", "a=%C3%28"] {
        assert!(refusal(query).ends_with("it is no UTF-8"), "{query}");
    }
    for query in ["a=%3b", "a=%25", "a=%c3%bc", "a=%00"] {
        assert!(Query::read(query).is_ok(), "{query}");
    }
}

#[test]
fn the_number_of_pairs_is_bounded() {
    let named = "fieldSelector=metadata.name%3Dmine";
    let query = |more: usize| format!("{named}{}", "&a=b".repeat(more));
    assert_eq!(pairs(&query(MOST - 1)).len(), MOST);
    assert!(refusal(&query(MOST)).ends_with("more than 64 parameters"));
    // Go drops all of it, and the selector with it; what is written is as short as it was read.
    let padded = format!("{named}{}", "&".repeat(20_000));
    assert!(in_go(&padded).is_empty());
    assert_eq!(Query::read(&padded).unwrap().written(), named);
}

/// Bytes that mean something, and any others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any = || vec(any::<u8>(), 1..4);
    let piece = prop_oneof![
        3 => "(&|=|;|\\+|%|%[0-9a-f]{2}|%[0-9a-g]|dryRun|All|watch|false)".prop_map(String::into_bytes),
        1 => any(),
    ];
    let few = vec(piece, 0..24).prop_map(|pieces| pieces.concat());
    let many = ("[a-c]{0,2}=?[%;a]{0,1}&", 0_usize..12_000)
        .prop_map(|(pair, times)| pair.repeat(times).into_bytes());
    prop_oneof![20 => few, 1 => many]
}

proptest! {
    #[test]
    fn what_is_sent_says_to_go_what_was_read_here(bytes in bytes()) {
        let sent = Uri::try_from([b"/?", bytes.as_slice()].concat());
        let raw = sent.as_ref().ok().and_then(Uri::query).unwrap_or_default();
        if let Ok(query) = Query::read(raw) {
            let written = query.written();
            let authorized: Vec<_> = query.0.iter().cloned()
                .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
                .collect();
            prop_assert_eq!(in_go(&written), authorized);
            let is_sent = format!("/?{written}").parse::<Uri>().is_ok();
            prop_assert!(is_sent || written.len() > 60_000);
            prop_assert_eq!(Query::read(&written).unwrap(), query);
        }
    }
}
