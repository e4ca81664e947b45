use super::*;

#[test]
fn one_name_is_left_only_by_equality() {
    for (selector, expected) in [
        ("metadata.name=x", Some("x")),
        ("metadata.name==x", Some("x")),
        ("metadata.namespace=y,metadata.name=x", Some("x")),
        ("metadata.name=a.b-c", Some("a.b-c")),
        ("metadata.name=x,metadata.name=w", Some("w")),
        ("metadata.name!=w,metadata.name=x", Some("x")),
        ("metadata.name!=x", None),
        ("metadata.name=", None),
        ("metadata.name=.", None),
        ("metadata.name=..", None),
        ("metadata.name=a/b", None),
        ("metadata.name=a%62", None),
        ("metadata.name=a=b", None),
        ("metadata.name===b", None),
        ("metadata.name=!=b", None),
        ("!metadata.name=b", None),
        (" metadata.name=b", None),
        (r"a\,metadata.name=b", None),
        (r"metadata.name=a\,b", None),
        (r"metadata.name=a\=b", None),
        ("metadata.names=x", None),
        ("metadata.name", None),
        ("", None),
    ] {
        assert_eq!(exact_name(selector).as_deref(), expected, "{selector}");
    }
}
