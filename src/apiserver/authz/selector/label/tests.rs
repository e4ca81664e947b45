use std::fmt::Write as _;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Each requirement in brackets, with `,` between values.
fn shown(selector: &str) -> Option<String> {
    let shown = requirements(selector)?.into_iter().map(|one| {
        let values = one.values.map_or("-".to_owned(), |values| values.join(","));
        format!("[{} {} {values}]", one.key, one.operator)
    });
    Some(shown.collect())
}

#[test]
fn label_selectors_are_read_as_kube_apiserver_reads_them() {
    for (selector, expected) in [
        ("", ""),
        (" \t", ""),
        ("a", "[a Exists -]"),
        ("!a", "[a DoesNotExist -]"),
        (" ! a ", "[a DoesNotExist -]"),
        ("a=b", "[a In b]"),
        ("a==b", "[a In b]"),
        ("a!=b", "[a NotIn b]"),
        (" a\t=\r\nb ", "[a In b]"),
        ("a=", "[a In ]"),
        ("a=,b", "[a In ][b Exists -]"),
        ("a!=,b!=", "[a NotIn ][b NotIn ]"),
        ("a in (b)", "[a In b]"),
        ("a in(c,b,c)", "[a In b,c]"),
        ("a notin (b)", "[a NotIn b]"),
        ("a in ()", "[a In ]"),
        ("a in (,)", "[a In ]"),
        ("a in (,b)", "[a In ,b]"),
        ("a in (b,)", "[a In ,b]"),
        ("a in (b,,c)", "[a In ,b,c]"),
        ("in in (in,notin)", "[in In in,notin]"),
        ("notin=in", "[notin In in]"),
        ("in", "[in Exists -]"),
        ("c,b=1,a in (2)", "[a In 2][b In 1][c Exists -]"),
        ("a!=1,a", "[a NotIn 1][a Exists -]"),
        ("example.com/a_b.C-d=X", "[example.com/a_b.C-d In X]"),
        ("a>1,b", "[b Exists -]"),
        ("a<10", ""),
    ] {
        assert_eq!(shown(selector).as_deref(), Some(expected), "{selector}");
    }
}

#[test]
fn what_kube_apiserver_refuses_is_refused() {
    let long = "a".repeat(64);
    for selector in [
        ",",
        "a,",
        ",a",
        "a,,b",
        "!",
        "!!a",
        "!a=b",
        "!a in (b)",
        "a b",
        "a=b c",
        "a in",
        "a in b",
        "a in (",
        "a in (b",
        "a in (b c)",
        "a in (b),",
        "a in (b))",
        "a notin",
        "a===b",
        "a=!b",
        "a!b",
        "a=(b)",
        "=b",
        "(a)",
        "a in (b=c)",
        "a in (!b)",
        "a=-b",
        "a=b-",
        "a=b/c",
        "-a",
        "a-",
        "/a",
        "a/",
        "a/b/c",
        "A.com/b",
        "-a.com/b",
        "a..b/c",
        "a_b/c",
        "a>b",
        "a<",
        "a>+1",
        "a>-1",
        "a>99999999999999999999",
        "a=\u{e9}",
        "\u{e9}",
        "a\0",
        "a=b\0,c",
        "a\u{a0}=b",
        &long,
        &format!("a={long}"),
        &format!("{}/a", "b".repeat(254)),
    ] {
        assert_eq!(shown(selector), None, "{selector}");
    }
    let longest = "a".repeat(63);
    assert!(shown(&format!("{longest}={longest}")).is_some());
}

proptest! {
    /// Whatever is written from requirements is read as these requirements.
    #[test]
    fn what_is_written_is_read_back(
        values in vec(vec("[a-zA-Z0-9]([a-z._-]{0,5}[a-z0-9])?|", 1..4), 1..5),
        operators in vec(select(vec!["in", "notin", "=", "!=", "", "!"]), 5),
    ) {
        let mut written = Vec::new();
        let mut expected = String::new();
        for (index, (values, operator)) in values.iter().zip(&operators).enumerate() {
            let key = format!("k{index}");
            let set: BTreeSet<_> = values.iter().map(String::as_str).collect();
            let sorted = set.into_iter().collect::<Vec<_>>().join(",");
            let (first, all) = (&values[0], values.join(" , "));
            let (text, read) = match *operator {
                "in" => (format!("{key} in ( {all})"), format!("In {sorted}")),
                "notin" => (format!("{key} notin({all} )"), format!("NotIn {sorted}")),
                "=" => (format!("{key}={first}"), format!("In {first}")),
                "!=" => (format!("{key} != {first}"), format!("NotIn {first}")),
                "" => (key.clone(), "Exists -".to_owned()),
                _ => (format!("!{key}"), "DoesNotExist -".to_owned()),
            };
            written.push(text);
            let _ = write!(expected, "[{key} {read}]");
        }
        written.reverse();
        prop_assert_eq!(shown(&written.join(",")), Some(expected));
    }

    #[test]
    fn nothing_makes_it_fail(selector in r"[ab=!,()<> \x00-]{0,20}|\PC{0,20}|(in|notin|[(),=!]| ){0,12}") {
        let _ = requirements(&selector);
    }
}
