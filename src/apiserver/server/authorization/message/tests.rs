use k8s_openapi::api::authorization::v1::ResourceAttributes;

use super::*;

fn user(name: &str) -> Identity {
    Identity {
        name: name.to_owned(),
        ..Identity::anonymous()
    }
}

fn request(verb: &str, namespace: &str, resource: &str, name: &str) -> ResourceAttributes {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    ResourceAttributes {
        verb: some(verb),
        namespace: some(namespace),
        resource: some(resource),
        subresource: some(subresource),
        name: some(name),
        ..ResourceAttributes::default()
    }
}

#[test]
fn the_words_are_those_of_kube_apiserver() {
    for (name, request, reason, expected) in [
        (
            "alice",
            request("get", "team", "coderworkspaces", "x"),
            "",
            r#"coderworkspaces.aggregation.coder.com "x" is forbidden: User "alice" cannot get resource "coderworkspaces" in API group "aggregation.coder.com" in the namespace "team""#,
        ),
        (
            "alice",
            request("list", "", "codertemplates", ""),
            "",
            r#"codertemplates.aggregation.coder.com is forbidden: User "alice" cannot list resource "codertemplates" in API group "aggregation.coder.com" at the cluster scope"#,
        ),
        (
            "system:serviceaccount:a:b",
            request("patch", "team", "coderworkspaces/status", "x"),
            "",
            r#"coderworkspaces.aggregation.coder.com "x" is forbidden: User "system:serviceaccount:a:b" cannot patch resource "coderworkspaces/status" in API group "aggregation.coder.com" in the namespace "team""#,
        ),
        // Only the part that names the user and the action is made harmless for browsers.
        (
            "a<b>&\"c\"\n",
            request("create", "te&am", "coderworkspaces", "<x>"),
            "RBAC: <role>",
            r#"coderworkspaces.aggregation.coder.com "<x>" is forbidden: User "a&lt;b&gt;&amp;\"c\"\n" cannot create resource "coderworkspaces" in API group "aggregation.coder.com" in the namespace "te&amp;am": RBAC: <role>"#,
        ),
    ] {
        let attributes = Attributes::Resource(request.into());
        assert_eq!(
            forbidden_message(&user(name), &attributes, reason),
            expected
        );
    }
    let path = |path: &str| Attributes::Path {
        path: path.to_owned(),
        verb: "get".to_owned(),
    };
    for (path, reason, expected) in [
        (
            path("/metrics"),
            "",
            r#"forbidden: User "alice" cannot get path "/metrics""#,
        ),
        (
            path("/a<b"),
            "no",
            r#"forbidden: User "alice" cannot get path "/a&lt;b": no"#,
        ),
    ] {
        assert_eq!(forbidden_message(&user("alice"), &path, reason), expected);
    }
}

#[test]
fn texts_are_quoted_as_go_quotes_them() {
    for (text, expected) in [
        ("", r#""""#),
        ("a'b`c", r#""a'b`c""#),
        (r#"a"b\c"#, r#""a\"b\\c""#),
        ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
        ("\0\u{1b}\u{7f}", r#""\x00\x1b\x7f""#),
        ("\u{80}\u{a0}\u{ad}", r#""\u0080\u00a0\u00ad""#),
        (
            "\u{200b}\u{2028}\u{202e}\u{feff}\u{e000}",
            r#""\u200b\u2028\u202e\ufeff\ue000""#,
        ),
        ("\u{e0001}\u{10ffff}", r#""\U000e0001\U0010ffff""#),
        (
            "R\u{e9}n\u{e9}e \u{65e5}\u{672c} \u{1f600}\u{fffd}",
            "\"R\u{e9}n\u{e9}e \u{65e5}\u{672c} \u{1f600}\u{fffd}\"",
        ),
        // Marks: alone and after a letter.
        ("\u{301}e\u{301}\u{200d}", "\"\u{301}e\u{301}\\u200d\""),
    ] {
        assert_eq!(Quoted(text).to_string(), expected);
    }
}
