//! Request bodies.

use std::borrow::Cow;

use super::{files_of, has_files, insert_files, json_patch, merge_patch, object};

const AGV: &str = "aggregation.coder.com/v1alpha1";
const SGV: &str = "coder.com/v1alpha1";

fn check(rewritten: &super::Rewritten<'_>, expected: &str, foreign: bool) {
    assert_eq!(std::str::from_utf8(&rewritten.body).unwrap(), expected);
    assert_eq!(rewritten.foreign, foreign, "{expected}");
}

#[test]
fn json_bodies_name_the_stored_group() {
    for (body, expected, foreign) in [
        (
            r#"{"apiVersion":"AGV","kind":"CoderWorkspace","x":1.50}"#,
            r#"{"apiVersion":"SGV","kind":"CoderWorkspace","x":1.50}"#,
            false,
        ),
        (r#"{"apiVersion":"SGV"}"#, r#"{"apiVersion":"AGV"}"#, true),
        (
            r#"{ "apiVersion" : "AGV", "apiVersion": "SGV", "apiVersion":"AGV" }"#,
            r#"{ "apiVersion" : "SGV", "apiVersion": "AGV", "apiVersion":"SGV" }"#,
            true,
        ),
        (
            r#"{"\u0061piVersion":"aggregation.coder.com\/v1alpha1"}"#,
            r#"{"\u0061piVersion":"SGV"}"#,
            false,
        ),
        (
            r#"{"metadata":{"managedFields":[{"apiVersion":"AGV"},{"apiVersion":"SGV"},{"apiVersion":"v1"}],"ownerReferences":[{"apiVersion":"AGV"}]}}"#,
            r#"{"metadata":{"managedFields":[{"apiVersion":"SGV"},{"apiVersion":"SGV"},{"apiVersion":"v1"}],"ownerReferences":[{"apiVersion":"AGV"}]}}"#,
            false,
        ),
        (
            r#"{"metadata":{"managedFields":[{}]},"spec":{"apiVersion":"AGV"}}"#,
            r#"{"metadata":{"managedFields":[{}]},"spec":{"apiVersion":"AGV"}}"#,
            false,
        ),
        (
            r#"{"apiVersion":"AGV"} x"#,
            r#"{"apiVersion":"AGV"} x"#,
            false,
        ),
        (
            r#"{"apiVersion":"AGV",}"#,
            r#"{"apiVersion":"AGV",}"#,
            false,
        ),
        (
            r#"[{"apiVersion":"AGV"}]"#,
            r#"[{"apiVersion":"AGV"}]"#,
            false,
        ),
        ("", "", false),
        ("null", "null", false),
    ] {
        let body = body.replace("AGV", AGV).replace("SGV", SGV);
        let expected = expected.replace("AGV", AGV).replace("SGV", SGV);
        check(&object(body.as_bytes(), false), &expected, foreign);
        check(&merge_patch(body.as_bytes()), &expected, foreign);
        if !body.contains(" x") && !body.contains(",}") {
            check(&object(body.as_bytes(), true), &expected, foreign);
        }
    }
}

#[test]
fn an_unchanged_body_is_not_copied() {
    let body = br#"{"kind":"CoderWorkspace"}"#;
    assert!(matches!(object(body, false).body, Cow::Borrowed(_)));
    let bytes = b"{\"apiVersion\":\"\xff\"}";
    assert_eq!(*object(bytes, true).body, *bytes);
}

/// What is sent, what becomes of it, and whether it is foreign.
const YAML_BODIES: &[(&str, &str, bool)] = &[
    (
        "# é\napiVersion: AGV # c\nkind: CoderWorkspace\n",
        "# é\napiVersion: SGV # c\nkind: CoderWorkspace\n",
        false,
    ),
    (
        "\u{feff}apiVersion: 'AGV'\r\nspec:\r\n  é: AGV\r\n",
        "\u{feff}apiVersion: 'SGV'\r\nspec:\r\n  é: AGV\r\n",
        false,
    ),
    (
        "{apiVersion: AGV, \"metadata\": {managedFields: [{apiVersion: \"AGV\"}]}}",
        "{apiVersion: SGV, \"metadata\": {managedFields: [{apiVersion: \"SGV\"}]}}",
        false,
    ),
    (
        "apiVersion: SGV\napiVersion: AGV\n",
        "apiVersion: AGV\napiVersion: SGV\n",
        true,
    ),
    (
        "a: &v AGV\napiVersion: *v\nb: *v\n",
        "a: &v AGV\napiVersion: \"SGV\"\nb: *v\n",
        false,
    ),
    (
        "apiVersion: &v AGV\nb: *v\napiVersion: AGV\n",
        "apiVersion: &v SGV\nb: \"AGV\"\napiVersion: SGV\n",
        false,
    ),
    (
        "apiVersion: &v AGV\napiVersion: *v\n",
        "apiVersion: &v SGV\napiVersion: \"SGV\"\n",
        false,
    ),
    (
        "apiVersion: &v AGV\nb: *v\nc: [*v, *v]\n",
        "apiVersion: &v SGV\nb: \"AGV\"\nc: [\"AGV\", \"AGV\"]\n",
        false,
    ),
    (
        "&k apiVersion: !!str AGV\n",
        "&k apiVersion: !!str SGV\n",
        false,
    ),
    (
        "x: &k apiVersion\n*k : AGV\n",
        "x: &k apiVersion\n*k : SGV\n",
        false,
    ),
    (
        "apiVersion: !!binary AGV\n",
        "apiVersion: !!binary AGV\n",
        false,
    ),
    ("apiVersion: ! AGV\n", "apiVersion: ! SGV\n", false),
    (
        "apiVersion: >-\n  AGV\nkind: x\n",
        "apiVersion: >-\n  SGV\nkind: x\n",
        false,
    ),
    ("apiVersion: |\n  AGV\n", "apiVersion: |\n  AGV\n", false),
    (
        "apiVersion: \"aggregation.\\\n  coder.com/v1alpha1\"\n",
        "apiVersion: \"SGV\"\n",
        false,
    ),
    (
        "%YAML 1.1\n---\napiVersion: AGV\n---\napiVersion: AGV\n...\n",
        "%YAML 1.1\n---\napiVersion: SGV\n---\napiVersion: AGV\n...\n",
        false,
    ),
    (
        "apiVersion: AGV\n---\n]\n",
        "apiVersion: SGV\n---\n]\n",
        false,
    ),
    (
        "metadata:\n  managedFields:\n  - apiVersion: AGV\n    manager: x\n  ownerReferences:\n  - apiVersion: AGV\n",
        "metadata:\n  managedFields:\n  - apiVersion: SGV\n    manager: x\n  ownerReferences:\n  - apiVersion: AGV\n",
        false,
    ),
    (
        "? [a, {apiVersion: AGV}]\n: x\n? apiVersion\n: AGV\n",
        "? [a, {apiVersion: AGV}]\n: x\n? apiVersion\n: SGV\n",
        false,
    ),
    (
        "apiVersion: AGV\nb: *none\n",
        "apiVersion: AGV\nb: *none\n",
        false,
    ),
    ("apiVersion: AGV\nb: [\n", "apiVersion: AGV\nb: [\n", false),
    (
        "apiVersion: AGV\n\tb: c\n d",
        "apiVersion: AGV\n\tb: c\n d",
        false,
    ),
];

#[test]
fn yaml_bodies_change_in_the_name_only() {
    for (body, expected, foreign) in YAML_BODIES.iter().copied() {
        let body = body.replace("AGV", AGV).replace("SGV", SGV);
        let expected = expected.replace("AGV", AGV).replace("SGV", SGV);
        check(&object(body.as_bytes(), true), &expected, foreign);
        check(&object(body.as_bytes(), false), &body, false);
    }
}

/// What is sent, what becomes of it, and whether it is foreign.
const OPERATIONS: &[(&str, &str, bool)] = &[
    (
        r#"{"op":"test","path":"/apiVersion","value":"AGV"}"#,
        r#"{"op":"test","path":"/apiVersion","value":"SGV"}"#,
        false,
    ),
    (
        r#"{"value":"AGV","op":"replace","path":"/apiVersion"}"#,
        r#"{"value":"SGV","op":"replace","path":"/apiVersion"}"#,
        false,
    ),
    (
        r#"{"op":"test","path":"/apiVersion","value":"SGV"}"#,
        r#"{"op":"test","path":"/apiVersion","value":"AGV"}"#,
        true,
    ),
    (
        r#"{"path":"\/api\u0056ersion","value":"AGV"}"#,
        r#"{"path":"\/api\u0056ersion","value":"SGV"}"#,
        false,
    ),
    (
        r#"{"path":"/apiVersion","value":"AGV","path":"/kind"}"#,
        r#"{"path":"/apiVersion","value":"AGV","path":"/kind"}"#,
        false,
    ),
    (
        r#"{"path":"/apiVersion","value":"AGV","path":1}"#,
        r#"{"path":"/apiVersion","value":"AGV","path":1}"#,
        false,
    ),
    (
        r#"{"path":"/kind","value":"AGV","value":"AGV","path":"/apiVersion"}"#,
        r#"{"path":"/kind","value":"SGV","value":"SGV","path":"/apiVersion"}"#,
        false,
    ),
    (
        r#"{"path":"","value":{"apiVersion":"AGV","metadata":{"managedFields":[{"apiVersion":"AGV"}]}}}"#,
        r#"{"path":"","value":{"apiVersion":"SGV","metadata":{"managedFields":[{"apiVersion":"SGV"}]}}}"#,
        false,
    ),
    (
        r#"{"path":"/metadata","value":{"managedFields":[{"apiVersion":"AGV"}],"apiVersion":"AGV"}}"#,
        r#"{"path":"/metadata","value":{"managedFields":[{"apiVersion":"SGV"}],"apiVersion":"AGV"}}"#,
        false,
    ),
    (
        r#"{"path":"/metadata/managedFields","value":[{"apiVersion":"AGV"}]}"#,
        r#"{"path":"/metadata/managedFields","value":[{"apiVersion":"SGV"}]}"#,
        false,
    ),
    (
        r#"{"path":"/metadata/managedFields/-","value":{"apiVersion":"AGV"}}"#,
        r#"{"path":"/metadata/managedFields/-","value":{"apiVersion":"SGV"}}"#,
        false,
    ),
    (
        r#"{"path":"/metadata/managedFields/12/apiVersion","value":"AGV"}"#,
        r#"{"path":"/metadata/managedFields/12/apiVersion","value":"SGV"}"#,
        false,
    ),
    (
        r#"{"path":"/metadata/managedFields/0/apiVersion","value":"SGV"}"#,
        r#"{"path":"/metadata/managedFields/0/apiVersion","value":"SGV"}"#,
        false,
    ),
    (
        r#"{"path":"/apiVersion/x","value":"AGV"}"#,
        r#"{"path":"/apiVersion/x","value":"AGV"}"#,
        false,
    ),
    (
        r#"{"path":"apiVersion","value":"AGV"}"#,
        r#"{"path":"apiVersion","value":"AGV"}"#,
        false,
    ),
    (
        r#"{"path":"/","value":{"apiVersion":"AGV"}}"#,
        r#"{"path":"/","value":{"apiVersion":"AGV"}}"#,
        false,
    ),
    (
        r#"{"path":"/metadata/ownerReferences/0/apiVersion","value":"AGV"}"#,
        r#"{"path":"/metadata/ownerReferences/0/apiVersion","value":"AGV"}"#,
        false,
    ),
    (
        r#"{"op":"move","path":"/apiVersion","from":"/AGV"}"#,
        r#"{"op":"move","path":"/apiVersion","from":"/AGV"}"#,
        false,
    ),
];

#[test]
fn values_of_a_json_patch_are_renamed_by_their_path() {
    for (operation, expected, foreign) in OPERATIONS.iter().copied() {
        for around in [
            "[#]",
            "[ {\"path\":\"/apiVersion\"}, # , {\"value\":\"AGV\"} ]",
        ] {
            let body = around
                .replace('#', operation)
                .replace("AGV", AGV)
                .replace("SGV", SGV);
            let expected = around
                .replace('#', expected)
                .replace("AGV", AGV)
                .replace("SGV", SGV);
            check(&json_patch(body.as_bytes()), &expected, foreign);
        }
        let single = operation.replace("AGV", AGV).replace("SGV", SGV);
        check(&json_patch(single.as_bytes()), &single, false);
    }
}

#[test]
fn huge_and_deep_bodies_are_read_in_linear_time() {
    for filler in [
        "[",
        "{\"a\":",
        "- ",
        "? ",
        "{a: ",
        "[[",
        "&a ",
        "*a ",
        "a: &a b\n",
        "- *b\n",
        "!!str ",
        "'",
        "\"a\\",
        "# x\n",
        "a:\n ",
    ] {
        for prefix in [
            "",
            "apiVersion: x\nb: &b [c]\nd:\n",
            "[{\"path\":\"/metadata\",\"value\":",
        ] {
            let body = prefix.to_owned() + &filler.repeat(300_000 / filler.len());
            assert_eq!(*object(body.as_bytes(), true).body, *body.as_bytes());
            assert_eq!(*json_patch(body.as_bytes()).body, *body.as_bytes());
            assert_eq!(has_files(body.as_bytes(), true), gap_is_unknown(&body));
        }
    }
}

/// Of the bodies above, those that are a mapping can take files.
fn gap_is_unknown(body: &str) -> bool {
    let text = insert_files(body.as_bytes(), true, b"{}");
    text == body.as_bytes()
}

#[test]
fn files_are_inserted_where_they_are_missing() {
    let files = "{ \"main.tf\": \"a\\/\\ud83d\\ude00\\n\u{7f}\" }";
    let flow = "{\"main.tf\":\"a/\u{1F600}\\n\\u007f\"}";
    for (body, yaml, expected) in [
        (
            r#"{"spec":{"organization":"a"}}"#,
            false,
            r#"{"spec":{"files":@,"organization":"a"}}"#,
        ),
        (r#"{"spec":{}}"#, false, r#"{"spec":{"files":@}}"#),
        (
            r#"{"spec":null,"x":1}"#,
            false,
            r#"{"spec":{"files":@},"x":1}"#,
        ),
        (
            r#"{"kind":"x"}"#,
            false,
            r#"{"spec":{"files":@},"kind":"x"}"#,
        ),
        ("{ }", true, r#"{"spec":{"files":~} }"#),
        (
            r#"{"spec":{"a":1,"files":null}}"#,
            true,
            r#"{"spec":{"a":1,"files":~}}"#,
        ),
        (
            r#"{"spec":{"files":{}},"spec":{"files":{},"files":null}}"#,
            false,
            r#"{"spec":{"files":{}},"spec":{"files":{},"files":@}}"#,
        ),
        (
            "spec:\n  organization: a # c\n",
            true,
            "spec:\n  files: ~\n  organization: a # c\n",
        ),
        (
            "spec:\n  !!str a: b\n",
            true,
            "spec:\n  files: ~\n  !!str a: b\n",
        ),
        ("spec: {a: b}\n", true, "spec: {\"files\":~,a: b}\n"),
        ("spec: {}\n", true, "spec: {\"files\":~}\n"),
        ("spec:\nkind: x\n", true, "spec: {\"files\":~}\nkind: x\n"),
        ("spec: null # c\r\n", true, "spec: {\"files\":~} # c\r\n"),
        (
            "spec:\n  files:\n  a: b\n",
            true,
            "spec:\n  files: ~\n  a: b\n",
        ),
        (
            "\u{feff}kind: x\nmetadata: {}\n",
            true,
            "\u{feff}spec: {\"files\":~}\nkind: x\nmetadata: {}\n",
        ),
        (
            "? spec\n: a: b\n  c: d\n",
            true,
            "? spec\n: files: ~\n  a: b\n  c: d\n",
        ),
    ] {
        let expected = expected.replace('@', files).replace('~', flow);
        assert!(!has_files(body.as_bytes(), yaml), "{body}");
        let filled = insert_files(body.as_bytes(), yaml, files.as_bytes());
        assert_eq!(String::from_utf8(filled).unwrap(), expected);
        assert!(has_files(expected.as_bytes(), yaml), "{expected}");
    }
    for (body, yaml) in [
        (r#"{"spec":{"files":{}}}"#, false),
        (r#"{"spec":{"files":null,"files":1}}"#, false),
        (r#"{"spec":[]}"#, false),
        ("[]", false),
        ("nonsense", false),
        ("spec: {}", false),
        ("nonsense", true),
        ("spec:\n  files: {a: b}\n", true),
        ("spec:\n  files: ''\n", true),
        ("spec: &a\nx: y\n", true),
        ("x: &a {}\nspec: *a\n", true),
    ] {
        assert!(has_files(body.as_bytes(), yaml), "{body}");
        assert_eq!(insert_files(body.as_bytes(), yaml, b"{}"), body.as_bytes());
    }
}

#[test]
fn files_of_an_object_are_its_last_ones() {
    for (object, files) in [
        (
            r#"{"spec":{"files": {"a":"b"} ,"x":1}}"#,
            Some(r#"{"a":"b"}"#),
        ),
        (r#"{"spec":{"files":1,"files":[2]}}"#, Some("[2]")),
        (r#"{"spec":{"files":1,"files":null}}"#, None),
        (r#"{"spec":{"files":1},"spec":{}}"#, None),
        (r#"{"files":1}"#, None),
        (r#"{"spec":{"files":1}"#, None),
    ] {
        assert_eq!(
            files_of(object.as_bytes()),
            files.map(str::as_bytes),
            "{object}"
        );
    }
}
