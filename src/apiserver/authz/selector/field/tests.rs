use proptest::prelude::*;

use super::*;

/// As `key=value` and `key!value`, in brackets.
fn shown(selector: &str) -> Option<String> {
    let shown = requirements(selector)?.into_iter().map(|one| {
        let sign = if one.operator == IN { '=' } else { '!' };
        format!("[{}{sign}{}]", one.key, one.values.unwrap().concat())
    });
    Some(shown.collect())
}

#[test]
fn field_selectors_are_read_as_kube_apiserver_reads_them() {
    for (selector, expected) in [
        ("", Some("")),
        (",", Some("")),
        ("a=b", Some("[a=b]")),
        ("a==b", Some("[a=b]")),
        ("a!=b", Some("[a!b]")),
        ("a=", Some("[a=]")),
        ("=b", Some("[=b]")),
        ("=", Some("")),
        ("!=,a=b", Some("[a=b]")),
        ("b=1,a=2,,", Some("[a=2][b=1]")),
        (" a = b ", Some("[ a = b ]")),
        ("a!b=c", Some("[a!b=c]")),
        (r"a=b\,c\=d\\", Some(r"[a=b,c=d\]")),
        (r"a=b\,c,d=e", Some("[a=b,c][d=e]")),
        (r"a\,b=c", Some(r"[a\,b=c]")),
        (r"a=b\\,c=d", Some(r"[a=b\][c=d]")),
        ("a", None),
        ("a=b,c", None),
        ("a=b=c", None),
        ("a===b", None),
        (r"a=b\", None),
        (r"a=b\c", None),
        ("a!b", None),
    ] {
        assert_eq!(shown(selector).as_deref(), expected, "{selector}");
    }
}

proptest! {
    #[test]
    fn what_is_escaped_is_read_back(value in r"[a-z\\,=!]{0,12}") {
        let escaped = value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
        let shown = shown(&format!("z!=1,key={escaped}"));
        prop_assert_eq!(shown, Some(format!("[key={value}][z!1]")));
    }
}
