//! YAML answers.

use granit_parser::{Event, Parser};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

use super::{
    super::*,
    FOREIGN, OMIT, PLAIN,
    document::{self, Choices},
    reference,
};

fn renamed(text: &str, options: Options) -> String {
    String::from_utf8(response_yaml(text.as_bytes(), options)).unwrap()
}

#[test]
fn yaml_answers_are_renamed() {
    for text in [
        "apiVersion: @/v1alpha1\nkind: CoderWorkspace\nmetadata:\n  managedFields:\n  - apiVersion: @/v1alpha1\n    fieldsV1:\n      f:spec: {}\n    manager: kubectl\n  name: x\n  ownerReferences:\n  - apiVersion: coder.com/v1alpha1\n",
        "apiVersion: \"@/v1alpha1\"\nitems:\n- apiVersion: '@/v1alpha1'\n  spec:\n    apiVersion: coder.com/v1alpha1\nkind: CoderWorkspaceList\n",
        "apiVersion: v1\ncode: 404\ndetails:\n  group: @\n  kind: coderworkspaces\n  name: x\nkind: Status\nmessage: coderworkspaces.@ \"x\" not found\n",
        "details:\n  causes:\n  - field: .spec\n    message: conflict with \"kubectl\" using @/v1alpha1 at\n      2026-03-01T10:11:12Z\nkind: Status\nmessage: |-\n  conflicts with \"kubectl\" using @/v1alpha1:\n  - .spec\n",
        "message: 'codertemplates.@ is forbidden: User \"u\" cannot list resource \"codertemplates\" in\n  API group \"@\" in the namespace \"n\": it''s so'\n",
        "message: \"in API group \\\"@\\\"\"\n",
        "{apiVersion: @/v1alpha1, message: {coder.com/v1alpha1: 1}}",
    ] {
        let stored = text.replace('@', "coder.com");
        let aggregated = text.replace('@', "aggregation.coder.com");
        assert_eq!(renamed(&stored, PLAIN), aggregated);
    }
}

#[test]
fn a_token_that_a_line_break_splits_is_renamed() {
    assert_eq!(
        renamed(
            "message: 'User \"\u{e9}\" in API\n  group \"coder.com\" it''s'\nx: y\n",
            PLAIN
        ),
        "message: \"User \\\"\u{e9}\\\" in API group \\\"aggregation.coder.com\\\" it's\"\nx: y\n"
    );
    assert_eq!(
        renamed(
            "message: (aggregation.coder.com/v1alpha1) (coder.com/v1alpha1)",
            FOREIGN
        ),
        "message: (coder.com/v1alpha1) (aggregation.coder.com/v1alpha1)"
    );
}

#[test]
fn what_is_not_yaml_passes() {
    for text in [
        "apiVersion: coder.com/v1alpha1\nx: [\n",
        "apiVersion: coder.com/v1alpha1\nx: *y\n",
    ] {
        assert_eq!(renamed(text, OMIT), text);
    }
    let bytes = b"apiVersion: coder.com/v1alpha1\nx: \xff\n";
    assert_eq!(response_yaml(bytes, PLAIN), bytes);
}

#[test]
fn files_are_left_out_with_their_lines() {
    for (text, expected) in [
        (
            "items:\n- spec:\n    a: 1\n    files:\n      main.tf: |\n        x\n\n        y\n    b: 2\n",
            "items:\n- spec:\n    a: 1\n    b: 2\n",
        ),
        (
            "items:\n- spec:\n    files:\n      main.tf: x\n    b: 2\n- spec:\n    b: 2\n    files: {}\nkind: x\n",
            "items:\n- spec:\n    b: 2\n- spec:\n    b: 2\nkind: x\n",
        ),
        (
            "items:\n- spec:\n    a: 1\n    files: {a: b}",
            "items:\n- spec:\n    a: 1\n",
        ),
        (
            "items:\n- spec:\n    files: {a: b}\n  x: y\n",
            "items:\n- spec:\n    {}\n  x: y\n",
        ),
        (
            "items: [{spec: {a: 1, files: {b: c}, d: 2, 'files': 3}}]",
            "items: [{spec: {a: 1, d: 2, }}]",
        ),
        ("items: [{spec: {files: {b: c}}}]", "items: [{spec: {}}]"),
        (
            "items:\n- ? spec\n  : files: 1\n    files: 2\n    b: 3\n    c: 4\n",
            "items:\n- ? spec\n  : b: 3\n    c: 4\n",
        ),
        ("spec:\n  files: {}\n  a: 1\n", "spec:\n  a: 1\n"),
    ] {
        assert_eq!(renamed(text, OMIT), expected);
        assert_eq!(renamed(text, PLAIN), text);
    }
}

/// `value` as kube-apiserver writes it, or in flow style at some places.
fn emit(value: &Value, indent: usize, choices: &mut Choices<'_>, output: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() && choices.below(8) > 0 => {
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 || !output.ends_with("- ") {
                    output.push('\n');
                    output.push_str(&pad);
                }
                output.push_str(&Value::from(key.as_str()).to_string());
                output.push_str(": ");
                emit(value, indent + 2, choices, output);
            }
        }
        Value::Array(elements) if !elements.is_empty() && choices.below(8) > 0 => {
            for element in elements {
                output.push('\n');
                output.push_str(&pad);
                output.push_str("- ");
                emit(element, indent + 2, choices, output);
            }
        }
        Value::String(text) => match choices.below(4) {
            0 => {
                let text = text.replace('\'', "''");
                let text = text.replace('\n', &format!("\n\n{pad}  "));
                output.extend(["'", &text, "'"]);
            }
            1 if !text.is_empty()
                && !text.starts_with(['\t', ' ', '\n'])
                && !text.ends_with('\n') =>
            {
                output.push_str("|-\n");
                for line in text.lines() {
                    output.extend([pad.as_str(), "   ", line, "\n"]);
                }
                output.pop();
            }
            2 if text.starts_with('c') && !text.contains(['"', ':', '\n']) => output.push_str(text),
            _ => output.push_str(&value.to_string()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            output.push_str(&value.to_string());
        }
    }
}

/// What YAML says, all scalars as text.
fn read(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.unwrap().0);
    value(&mut events).unwrap_or_default()
}

/// The next node; none where a container ends.
fn value(events: &mut dyn Iterator<Item = Event<'_>>) -> Option<Value> {
    let event = events.next().unwrap();
    if let Some((text, _)) = event.scalar() {
        return Some(Value::from(text));
    }
    if matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
        return value(events);
    }
    if matches!(event, Event::MappingStart(..)) {
        let mut members = Map::new();
        while let Some(key) = value(events) {
            let member = value(events).unwrap();
            members.insert(key.as_str().unwrap().to_owned(), member);
        }
        return Some(Value::Object(members));
    }
    matches!(event, Event::SequenceStart(..))
        .then(|| std::iter::from_fn(|| value(events)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn yaml_says_what_renamed_json_says(tape in vec(any::<u8>(), 0..500), style in vec(any::<u8>(), 0..200), omit_files: bool, foreign: bool) {
        let options = Options { omit_files, foreign };
        let json = document::json(&mut Choices(tape.iter()), false);
        let json: Value = serde_json::from_str(&json.replace("e+400", "")).unwrap();
        let mut text = String::new();
        emit(&json, 0, &mut Choices(style.iter()), &mut text);
        text.push('\n');
        let expected = reference::answer(&read(&text).to_string(), options);
        let expected: Value = serde_json::from_str(&expected).unwrap();
        prop_assert_eq!(read(&renamed(&text, options)), expected, "{}\n{}", text, renamed(&text, options));
    }

    #[test]
    fn json_read_as_yaml_is_renamed_alike(tape in vec(any::<u8>(), 0..500), comment: bool) {
        let text = document::json(&mut Choices(tape.iter()), false);
        let expected = object(text.as_bytes(), false);
        let end = if comment { " # c" } else { "" };
        let text = text.clone() + end;
        let rewritten = object(text.as_bytes(), true);
        prop_assert_eq!(rewritten.foreign, expected.foreign);
        let expected = String::from_utf8(expected.body.into_owned()).unwrap() + end;
        prop_assert_eq!(std::str::from_utf8(&rewritten.body).unwrap(), expected);
    }

    #[test]
    fn yaml_soup_is_survived(parts in vec(0_usize..22, 0..60)) {
        let text: String = parts.iter().map(|part| [
            "\n", " ", "  ", "- ", ": ", "? ", "{", "}", "[", "]", ",", "&a ", "*a", "|\n", "'", "\"",
            "apiVersion: aggregation.coder.com/v1alpha1\n", "items:\n", "spec:\n", "files: ", "message: coder.com/v1alpha1", "\u{e9}\r\n",
        ][*part]).collect();
        for options in [PLAIN, OMIT, FOREIGN] {
            let output = renamed(&text, options);
            prop_assert!(output.len() <= 2 * text.len() + 8);
        }
        let _ = object(text.as_bytes(), true);
        let filled = insert_files(text.as_bytes(), true, b"{\"a\":\"b\"}");
        prop_assert_eq!(filled == text.as_bytes(), has_files(text.as_bytes(), true));
    }
}
