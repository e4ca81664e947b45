//! Request bodies.

use std::borrow::Cow;

use super::{files_of, has_files, insert_files, json_patch, object};

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
        r#"{"apiVersion":"SGV","kind":"CoderWorkspace"}"#,
        false,
    ),
    (
        "\u{feff}apiVersion: 'AGV'\r\nspec:\r\n  é: AGV\r\n",
        r#"{"apiVersion":"SGV","spec":{"é":"AGV"}}"#,
        false,
    ),
    (
        "{apiVersion: AGV, \"metadata\": {managedFields: [{apiVersion: \"AGV\"}]}}",
        r#"{"apiVersion":"SGV","metadata":{"managedFields":[{"apiVersion":"SGV"}]}}"#,
        false,
    ),
    // Duplicates are kube-apiserver's to judge.
    (
        "apiVersion: SGV\nspec: {running: true, running: false}\napiVersion: AGV\n",
        r#"{"apiVersion":"AGV","spec":{"running":true,"running":false},"apiVersion":"SGV"}"#,
        true,
    ),
    (
        "a: &v AGV\napiVersion: *v\nb: [*v]\nc: &m {d: 1}\n<<: *m\n",
        r#"{"a":"AGV","apiVersion":"SGV","b":["AGV"],"c":{"d":1},"d":1}"#,
        false,
    ),
    (
        "x: &k apiVersion\n*k : !!str AGV\n",
        r#"{"x":"apiVersion","apiVersion":"SGV"}"#,
        false,
    ),
    (
        "apiVersion: >-\n  AGV\nspec: |\n  AGV\n",
        r#"{"apiVersion":"SGV","spec":"AGV\n"}"#,
        false,
    ),
    (
        "apiVersion: \"aggregation.\\\n  coder.com/v1alpha1\"\n",
        r#"{"apiVersion":"SGV"}"#,
        false,
    ),
    (
        "%YAML 1.1\n---\napiVersion: AGV\n---\napiVersion: x\n...\n",
        r#"{"apiVersion":"SGV"}"#,
        false,
    ),
    ("- apiVersion: AGV\n", r#"[{"apiVersion":"AGV"}]"#, false),
    // As kube-apiserver's reader takes them.
    (
        "[yes, No, on, off, true, ~, null, 0777, 0x1F, 1_000, +1, 1.0, 1.50, 1e3, 1e-7, 12:30, 2001-01-01]",
        "[true,false,true,false,true,null,null,511,31,1000,1,1,1.5,1000,0.0000001,\"12:30\",\"2001-01-01\"]",
        false,
    ),
    (
        "- 9223372036854775807\n- 18446744073709551615\n- -9223372036854775808",
        "[9223372036854775807,18446744073709551615,-9223372036854775808]",
        false,
    ),
    (
        "{1: a, true: b, 1.5: c}",
        r#"{"1":"a","true":"b","1.5":"c"}"#,
        false,
    ),
    // Characters that would not stand for themselves when this is read as YAML again.
    (
        r#"["\L\P\N", "\uFEFF\x7F", "é😀"]"#,
        r#"["\u2028\u2029\u0085","\ufeff\u007f","é😀"]"#,
        false,
    ),
];

#[test]
fn yaml_bodies_become_json_that_says_the_same() {
    for (body, expected, foreign) in YAML_BODIES.iter().copied() {
        let body = body.replace("AGV", AGV).replace("SGV", SGV);
        let expected = expected.replace("AGV", AGV).replace("SGV", SGV);
        check(&object(body.as_bytes(), true), &expected, foreign);
        // The last but one of these is JSON as well.
        if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_err() {
            check(&object(body.as_bytes(), false), &body, false);
        }
    }
}

#[test]
fn what_is_no_yaml_is_left_to_kube_apiserver() {
    for body in [
        "",
        "# c",
        "\t",
        "apiVersion: AGV\nb: *none\n",
        "apiVersion: AGV\nb: [\n",
        "apiVersion: AGV\n\tb: c\n d",
        "apiVersion: AGV\nb: .inf\n",
        "  apiVersion: AGV\nkind: x\n",
        "apiVersion: AGV\nb: !!int x\n",
    ] {
        let body = body.replace("AGV", AGV);
        check(&object(body.as_bytes(), true), &body, false);
    }
    let bytes = b"apiVersion: \xff";
    assert_eq!(*object(bytes, true).body, *bytes);
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
            assert_eq!(*object(body.as_bytes(), false).body, *body.as_bytes());
            let rewritten = object(body.as_bytes(), true).body.len();
            assert!(rewritten <= 3 * body.len(), "{filler:?} after {prefix:?}");
            assert_eq!(*json_patch(body.as_bytes()).body, *body.as_bytes());
            assert!(has_files(body.as_bytes()));
        }
    }
}

#[test]
fn aliases_do_not_make_much_out_of_little() {
    let long = |aliases| {
        let text = "x".repeat(100_000);
        format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(aliases))
    };
    let mut nested = "a0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        nested = format!("{nested}a{level}: &a{level} [{aliases}]\n");
    }
    for body in [long(99), long(10_000), nested] {
        assert_eq!(*object(body.as_bytes(), true).body, *body.as_bytes());
    }
    assert!(object(long(10).as_bytes(), true).body.len() > 1_000_000);
}

#[test]
fn files_are_inserted_where_they_are_missing() {
    let files = "{ \"main.tf\": \"a\\/\\ud83d\\ude00\\n\u{7f}\" }";
    let written = "{\"main.tf\":\"a/\u{1F600}\\n\\u007f\"}";
    for (body, expected) in [
        (
            r#"{"spec":{"organization":"a"}}"#,
            r#"{"spec":{"files":@,"organization":"a"}}"#,
        ),
        (r#" {"spec":{} }"#, r#" {"spec":{"files":@} }"#),
        (r#"{"spec":null,"x":1}"#, r#"{"spec":{"files":@},"x":1}"#),
        (r#"{"kind":"x"}"#, r#"{"spec":{"files":@},"kind":"x"}"#),
        ("{ }", r#"{"spec":{"files":@} }"#),
        (
            r#"{"spec":{"a":1,"files":null}}"#,
            r#"{"spec":{"a":1,"files":@}}"#,
        ),
        (
            r#"{"spec":{"files":{}},"spec":{"files":{},"files":null}}"#,
            r#"{"spec":{"files":{}},"spec":{"files":{},"files":@}}"#,
        ),
        (
            r#"{"\u0073pec":{"x":"\ud800"}}"#,
            r#"{"\u0073pec":{"files":@,"x":"\ud800"}}"#,
        ),
    ] {
        let expected = expected.replace('@', written);
        assert!(!has_files(body.as_bytes()), "{body}");
        let filled = insert_files(body.as_bytes(), files.as_bytes());
        assert_eq!(String::from_utf8(filled).unwrap(), expected);
        assert!(has_files(expected.as_bytes()), "{expected}");
    }
    for body in [
        r#"{"spec":{"files":{}}}"#,
        r#"{"spec":{"files":null,"files":1}}"#,
        r#"{"spec":[]}"#,
        r#"{"spec":"{"}"#,
        r#"[{"spec":{}}]"#,
        "[]",
        "{\"spec\":{}} x",
        "nonsense",
        "spec: {}",
    ] {
        assert!(has_files(body.as_bytes()), "{body}");
        assert_eq!(insert_files(body.as_bytes(), b"{}"), body.as_bytes());
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
