use proptest::prelude::*;

use super::*;

/// No text of these tests has any of its characters but by repeating it.
const TOKEN: &str = "QZQZQZQZQZ-QZQZQZQZQZQZQZQZQZQZQZ";

/// Those that are no control characters.
const LINE_BREAKS: [char; 2] = ['\u{2028}', '\u{2029}'];

fn secrets() -> Secrets {
    Secrets::of([TOKEN.into()])
}

#[test]
fn a_text_becomes_one_line() {
    let table = [
        ("plain words", "plain words"),
        (
            "<html>\n\t<h1>Bad\tGateway</h1>\r\n</html>\n",
            "<html> <h1>Bad Gateway</h1> </html>",
        ),
        ("   3:   cpu = 4  ", "   3:   cpu = 4"),
        ("\n  two\n\n  three", "two three"),
        (
            "a\u{85}b\u{2028}c\u{2029}d\u{1b}[31me\0f",
            "a b c d [31me f",
        ),
        (" \n \t", ""),
        ("", ""),
    ];
    for (text, line) in table {
        assert_eq!(Secrets::default().line(text, 100), line, "{text:?}");
    }
}

#[test]
fn a_secret_is_taken_out_before_the_text_is_cut() {
    let text = format!("{} {TOKEN} said", "a".repeat(20));
    for limit in 0..100 {
        let line = secrets().line(&text, limit);
        assert!(!line.contains(['Q', 'Z']), "{line}");
    }
    assert_eq!(
        secrets().line(&format!("bad {TOKEN}."), 100),
        "bad [redacted]."
    );
}

#[test]
fn a_secret_within_another_leaves_nothing_of_it() {
    let (short, long) = ("QZQZQZ", "QZQZQZ-ZZZZ");
    for secrets in [[short, long], [long, short]] {
        let line = Secrets::of(secrets.map(SecretString::from)).line(&format!("<{long}>"), 100);
        assert_eq!(line, "<[redacted]>");
    }
    // Nothing is no secret.
    assert_eq!(Secrets::of(["".into()]).line("words", 100), "words");
}

#[test]
fn a_text_as_it_came_and_secrets_are_not_printed() {
    let said: Said = serde_json::from_str(&format!("\"no good: {TOKEN}\"")).unwrap();
    let text = format!("{said:?} {:?}", secrets());
    assert!(!text.contains(['Q', 'Z']), "{text}");
    assert!(said.mentions("no good"));
    assert_eq!(said.line(&secrets(), 100), "no good: [redacted]");
}

proptest! {
    #[test]
    fn no_line_is_long_or_broken_or_holds_a_part_of_a_secret(
        parts in prop::collection::vec(prop_oneof![
            "\\PC{0,30}".prop_map(|text| text.replace(['Q', 'Z'], "€")),
            "[ \\n\\r\\t\u{85}\u{2028}\u{1b}]{0,4}",
            Just(TOKEN.to_owned()),
        ], 0..8),
        limit in 0_usize..200,
    ) {
        let text = parts.concat();
        let line = secrets().line(&text, limit);
        prop_assert!(line.len() <= limit, "{line:?}");
        prop_assert!(!line.contains(['Q', 'Z']), "{line:?}");
        let is_broken = line.contains(|char: char| char.is_control() || LINE_BREAKS.contains(&char));
        prop_assert!(!is_broken, "{line:?}");
        let is_whole = limit >= text.len() * REDACTED.len();
        prop_assert!(!is_whole || !line.ends_with('…') || text.trim_end().ends_with('…'));
    }
}

#[test]
fn a_secret_is_found_in_quotes_and_line_by_line() {
    let secret = "first-line-\"QZQZ\\\nsecond-line-QZQZ\n";
    let secrets = Secrets::of([secret.into()]);
    let quoted = format!("{:?}", secret.trim_end());
    for text in [
        secret.to_owned(),
        secret.trim_end().to_owned(),
        format!("the value {quoted} is no option"),
        secret.replace('\n', "\n  | "),
    ] {
        let line = secrets.line(&text, 1000);
        assert!(!line.contains(['Q', 'Z']), "{text:?}: {line}");
    }
}
