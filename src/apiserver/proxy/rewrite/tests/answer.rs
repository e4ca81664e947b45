//! Answers of kube-apiserver, as it writes them.

use super::{FOREIGN, OMIT, Options, PLAIN, filtered, filtered_bytes, rename_text};

/// In the tables, this stands for the stored and the aggregated group.
fn pair(text: &str) -> (String, String) {
    (
        text.replace('@', "coder.com"),
        text.replace('@', "aggregation.coder.com"),
    )
}

const OBJECT: &str = r#"{"apiVersion":"@/v1alpha1","kind":"CoderTemplate","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"coder.com/v1alpha1\"}\n"},"finalizers":["coder.com/coderd-cleanup"],"managedFields":[{"apiVersion":"@/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:files":{}},"apiVersion":"coder.com/v1alpha1"},"manager":"kubectl","operation":"Apply","time":"2026-03-01T10:11:12Z"},{"apiVersion":"v1","manager":"x"},{"apiVersion":"@/v1alpha1","manager":"coder-k8s","subresource":"status"}],"name":"acme.docker","ownerReferences":[{"apiVersion":"coder.com/v1alpha1","kind":"CoderTemplate"}],"uid":"5a1d"},"spec":{"apiVersion":"coder.com/v1alpha1","organization":"acme"},"status":{"message":"codertemplates.coder.com","details":{"group":"coder.com"},"conditions":[{"message":"coder.com/v1alpha1"}]}}"#;

const METADATA: &str = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"x","managedFields":[{"manager":"k","apiVersion":"@/v1alpha1"}]}}"#;

#[test]
fn every_representation_is_renamed() {
    let rows = |object: &str| {
        format!(
            r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"1"}},"columnDefinitions":[{{"name":"Name"}}],"rows":[{{"cells":["coder.com/v1alpha1"],"object":{object}}},{{"cells":[1],"object":{object}}}]}}"#
        )
    };
    let list = format!(
        r#"{{"apiVersion":"@/v1alpha1","items":[{OBJECT},{OBJECT}],"kind":"CoderTemplateList","metadata":{{"continue":"","resourceVersion":"9"}}}}"#
    );
    let frame = |kind: &str, object: &str| format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n");
    let bookmark = r#"{"kind":"CoderWorkspace","apiVersion":"@/v1alpha1","metadata":{"resourceVersion":"12","creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}}}"#;
    let expired = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (345)","reason":"Expired","code":410}"#;
    let metadata_list = format!(
        r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{{}},"items":[{METADATA}]}}"#
    );
    let error = frame("ERROR", STATUSES[0]);
    for answer in [
        OBJECT.to_owned(),
        OBJECT.replace(":{", ": {\n    "),
        OBJECT.replace("@/", "@\\/"),
        r#"{"apiVersion":"@/v1alpha1","items":[],"kind":"CoderWorkspaceList","metadata":{}}"#
            .into(),
        list,
        rows(METADATA),
        rows(OBJECT),
        rows("null"),
        METADATA.to_owned(),
        metadata_list,
        frame("ADDED", OBJECT) + &frame("DELETED", OBJECT) + &frame("BOOKMARK", bookmark),
        frame("MODIFIED", &rows(METADATA)) + &frame("ADDED", &rows(OBJECT)),
        frame("ADDED", METADATA),
        frame("ERROR", expired),
        error,
    ] {
        let (stored, aggregated) = pair(&answer);
        assert_eq!(filtered(&stored, PLAIN), aggregated.replace("\\/", "/"));
        assert_eq!(filtered(&aggregated, PLAIN), aggregated, "already renamed");
    }
}

const STATUSES: [&str; 10] = [
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"coderworkspaces.@ \"x\" not found","reason":"NotFound","details":{"name":"x","group":"@","kind":"coderworkspaces"},"code":404}"#,
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 2 conflicts: conflicts with \"kubectl\" using @/v1alpha1 at 2026-03-01T10:11:12Z:\n- .spec.running\nconflicts with \"coderd\":\n- .spec.ttlMillis","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using @/v1alpha1 at 2026-03-01T10:11:12Z","field":".spec.running"},{"reason":"FieldManagerConflict","message":"conflict with \"coderd\"","field":".spec.ttlMillis"}]},"code":409}"#,
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"CoderWorkspace.@ \"x\" is invalid: spec.organization: Required value","reason":"Invalid","details":{"name":"x","group":"@","kind":"CoderWorkspace","causes":[{"reason":"FieldValueRequired","message":"Required value","field":"spec.organization"}]},"code":422}"#,
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"codertemplates.@ is forbidden: User \"u\" cannot list resource \"codertemplates\" in API group \"@\" in the namespace \"n\"","reason":"Forbidden","details":{"group":"@","kind":"codertemplates"},"code":403}"#,
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"x","group":"@","kind":"coderworkspaces","uid":"5a1d"}}"#,
    r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Operation cannot be fulfilled on CoderWorkspace.@ \"x\": the UID in the precondition (a) does not match the UID in record (b)","reason":"Conflict","code":409}"#,
    // Names of webhooks, hosts and URLs, and other groups, stay.
    r#"{"kind":"Status","message":"admission webhook \"validate.coderworkspaces.coder.com\" denied the request: see https://coder.com/v1alpha1 or /apis/coder.com/v1alpha1/x, my-coder.com/v1alpha1, coder.com/v1alpha1-x","details":{"group":"apps.coder.com"},"code":400}"#,
    r#"{"kind":"Status","message":"namespaces \"x\" not found: coder.com, API group \"coder.comx\", xAPI group \"coder.com\"","details":{"group":"","kind":"namespaces"},"code":404}"#,
    r#"{"kind":"Status","message":"\t@/v1alpha1\u003c(@/v1alpha1)\nCoderTemplate.@/x API group \"@\"é\u0026","code":400}"#,
    r#"{"kind":"Status","message":null,"details":{"causes":null,"group":null}}"#,
];

#[test]
fn statuses_name_the_aggregated_group() {
    for status in STATUSES {
        let (stored, aggregated) = pair(status);
        assert_eq!(filtered(&stored, PLAIN), aggregated);
        assert_eq!(filtered(&aggregated, PLAIN), aggregated, "already renamed");
    }
}

#[test]
fn what_was_swapped_in_the_request_is_swapped_back() {
    let answer = r#"{"message":"the API version in the data (aggregation.coder.com/v1alpha1) does not match the expected API version (coder.com/v1alpha1)","reason":"BadRequest","code":400}"#;
    let expected = r#"{"message":"the API version in the data (coder.com/v1alpha1) does not match the expected API version (aggregation.coder.com/v1alpha1)","reason":"BadRequest","code":400}"#;
    assert_eq!(filtered(answer, FOREIGN), expected);
}

#[test]
fn files_are_left_out_wherever_an_object_is() {
    let cases = [
        (r#"{"files":{"a":"}"},"b":1}"#, r#"{"b":1}"#),
        (r#"{"a":1,"files":{"a":"\"]"}}"#, r#"{"a":1}"#),
        (r#"{"a":1,"files":{},"b":2}"#, r#"{"a":1,"b":2}"#),
        (r#"{"files":{}}"#, "{}"),
        (
            r#"{"files":1,"files":null,"b":[{"files":1}]}"#,
            r#"{"b":[{"files":1}]}"#,
        ),
        (
            r#"{"a":1,"files":"x","files":[],"\u0066iles":true}"#,
            r#"{"a":1}"#,
        ),
        (
            r#"{"filesx":1,"file":2,"Files":3}"#,
            r#"{"filesx":1,"file":2,"Files":3}"#,
        ),
        ("{\n  \"files\": {\n  },\n  \"b\": 1\n}", "{\n  \"b\": 1\n}"),
        ("{\n  \"a\": 1,\n  \"files\": 12\n}", "{\n  \"a\": 1\n}"),
        (
            "{ \"a\":1 , \"files\":2 , \"b\":3 }",
            "{ \"a\":1  , \"b\":3 }",
        ),
        ("{ }", "{ }"),
    ];
    for (spec, expected) in cases {
        for around in [
            r#"{"spec":#}"#,
            r#"{"items":[{"spec":#,"x":1},{"spec":#}]}"#,
            r#"{"rows":[{"object":{"spec":#}}]}"#,
            r#"{"type":"ADDED","object":{"spec":#}}"#,
            r#"{"object":{"rows":[{"cells":[],"object":{"spec":#}}]}}"#,
        ] {
            let answer = around.replace('#', spec);
            assert_eq!(filtered(&answer, OMIT), around.replace('#', expected));
            assert_eq!(filtered(&answer, PLAIN), answer);
        }
    }
}

#[test]
fn a_whole_frame_is_never_held_back() {
    let mut filter = super::ResponseFilter::new(Options {
        omit_files: true,
        ..FOREIGN
    });
    for frame in [
        "{\"type\":\"ADDED\",\"object\":{\"spec\":{\"files\":{}}}}",
        "{\"message\":\"coder.com/v1alpha1\"}",
    ] {
        let mut output = Vec::new();
        filter.push(frame.as_bytes(), &mut output);
        assert!(output.ends_with(b"}"));
    }
}

#[test]
fn what_is_not_json_passes() {
    for text in [
        "404 page not found\n",
        "\u{feff}{\"apiVersion\":\"coder.com/v1alpha1\"}",
        "{apiVersion: \"coder.com/v1alpha1\"}",
        "{\"a\":1,,\"apiVersion\":\"coder.com/v1alpha1\"}",
        "{\"items\":[{]},\"apiVersion\":\"coder.com/v1alpha1\"}",
        "{\"message\":\"\\xcoder.com/v1alpha1\"}",
        "[{\"apiVersion\":\"coder.com/v1alpha1\"}]",
        "{\"apiVersion\":\"coder.com/v1alpha1",
        "{\"message\":\"coder.com/v1alpha1",
    ] {
        assert_eq!(filtered(text, OMIT), text);
    }
}

#[test]
fn warnings_are_renamed() {
    for text in [
        "@/v1alpha1 CoderWorkspace is deprecated",
        "unknown field \"spec.x\"",
        "coderworkspaces.@, API group \"@\"",
        "API group \"@",
    ] {
        let (stored, aggregated) = pair(text);
        let whole = !text.ends_with('@');
        assert_eq!(
            rename_text(&stored, false),
            if whole { &aggregated } else { &stored }.as_str()
        );
        assert_eq!(
            rename_text(&stored, true),
            if whole { &aggregated } else { &stored }.as_str()
        );
        assert_eq!(
            rename_text(&aggregated, true),
            if whole { &stored } else { &aggregated }.as_str()
        );
        assert_eq!(rename_text(&aggregated, false), aggregated);
    }
}

#[test]
fn what_is_too_long_to_be_looked_at_passes_as_it_is() {
    let message = |length: usize| {
        let text = format!("coder.com/v1alpha1 {}", "x".repeat(length));
        format!("{{\"message\":\"{text}\",\"details\":{{\"group\":\"coder.com\"}}}}")
    };
    for (length, renamed) in [(60_000, true), (70_000, false)] {
        let message = message(length);
        let expected = message.replace("\"coder.com\"", "\"aggregation.coder.com\"");
        let expected = if renamed {
            expected.replace("coder.com/", "aggregation.coder.com/")
        } else {
            expected
        };
        for size in [usize::MAX, 4096] {
            let filtered = filtered_bytes(message.as_bytes(), size, PLAIN);
            assert!(filtered == expected.as_bytes(), "{length} by {size}");
        }
    }
}
