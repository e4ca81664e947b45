//! YAML in and out.

use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use super::{
    super::{yaml::read, *},
    document::{self, Choices},
};

#[test]
fn an_answer_is_written_as_kube_apiserver_lays_yaml_out() {
    let answer = r#"{"apiVersion":"aggregation.coder.com/v1alpha1","items":[{"metadata":{"annotations":{"a":"yes","b":"1","c":"12:30","e":""},"creationTimestamp":"2026-01-01T00:00:00Z","labels":{},"name":"x"},"spec":{"ports":[1,2.5,true,null,[]],"text":"\tone\ntwo\n"}}],"kind":"CoderTemplateList"}"#;
    let expected = "apiVersion: aggregation.coder.com/v1alpha1
items:
- metadata:
    annotations:
      a: \"yes\"
      b: \"1\"
      c: \"12:30\"
      e: \"\"
    creationTimestamp: \"2026-01-01T00:00:00Z\"
    labels: {}
    name: x
  spec:
    ports:
    - 1
    - 2.5
    - true
    - null
    - []
    text: \"\\tone\\ntwo\\n\"
kind: CoderTemplateList
";
    assert_eq!(to_yaml(answer.as_bytes()).unwrap(), expected);
    assert_eq!(to_yaml(b"{"), None);
}

/// Texts that one reader of YAML or another takes for something else where they are not quoted.
#[test]
fn texts_stay_texts() {
    for text in [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "~",
        "null",
        "",
        "0777",
        "0o17",
        "0x1F",
        "0b1",
        "1_000",
        "1e3",
        ".5",
        "1.",
        "+1",
        ".inf",
        ".NaN",
        "12:30",
        "2001-01-01",
        "=",
        "<<",
        "---",
        "...",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "#",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "\\",
        "[",
        "{",
        ",",
        " a",
        "a ",
        "\ta",
        "a\n",
        "\n\n",
        "\r",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffe}",
        "é😀",
    ] {
        let json = serde_json::json!({ text: [text], "x": text });
        let yaml = to_yaml(json.to_string().as_bytes()).unwrap();
        assert_eq!(read_value(&yaml), json, "{yaml}");
        let is_plain = |c: char| c == '\n' || crate::k8s::yaml::is_plain(c);
        assert!(yaml.chars().all(is_plain), "{yaml:?}");
    }
}

fn read_value(yaml: &str) -> Value {
    serde_json::from_slice(&read(yaml.as_bytes()).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn yaml_says_what_json_says(tape in vec(any::<u8>(), 0..500)) {
        let json = document::json(&mut Choices(tape.iter()), false).replace("e+400", "");
        let json = format!("[{json}]");
        let yaml = to_yaml(json.as_bytes()).unwrap();
        prop_assert_eq!(&read_value(&yaml), &read_value(&json), "{}", yaml);
    }

    #[test]
    fn yaml_soup_is_survived(parts in vec(0_usize..22, 0..60)) {
        let text: String = parts.iter().map(|part| [
            "\n", " ", "  ", "- ", ": ", "? ", "{", "}", "[", "]", ",", "&a ", "*a", "|\n", "'", "\"",
            "apiVersion: aggregation.coder.com/v1alpha1\n", "items:\n", "spec:\n", "files: ", "message: coder.com/v1alpha1", "\u{e9}\r\n",
        ][*part]).collect();
        let _ = object(text.as_bytes(), true);
    }
}
