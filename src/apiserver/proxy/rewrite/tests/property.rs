//! Properties of the streaming filter and of renamed text.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{json, stream::ResponseFilter, *},
    FOREIGN, OMIT, PLAIN,
    document::{self, Choices},
    filtered, filtered_bytes, reference,
};

/// More than is ever held back between chunks.
const HELD: usize = 65 * 1024;

fn options() -> impl Strategy<Value = Options> {
    (any::<bool>(), any::<bool>()).prop_map(|(omit_files, foreign)| Options {
        omit_files,
        foreign,
        yaml: false,
    })
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

/// `input` in chunks of the given sizes, over and over.
fn chunked(input: &[u8], sizes: &[usize], options: Options) -> Vec<u8> {
    let mut filter = ResponseFilter::new(options);
    let mut output = Vec::new();
    let mut rest = input;
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        filter.push(chunk, &mut output);
        assert!(filter.memory() <= HELD, "{}", filter.memory());
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    filter.finish(&mut output);
    output
}

/// What damages JSON most.
const BYTES: &[u8] = b"\"\\{}[],:u0 \nax\xff\x00";

/// Text that is nearly JSON.
fn damaged(tape: &[u8], odd: bool, damage: &[(usize, u8)]) -> Vec<u8> {
    let mut text = document::json(&mut Choices(tape.iter()), odd).into_bytes();
    for (at, byte) in damage {
        let at = at % (text.len() + 1);
        let new = BYTES[usize::from(*byte) % BYTES.len()];
        match byte % 3 {
            0 => text.insert(at, new),
            1 if at < text.len() => text[at] = new,
            _ => text.truncate(at),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn filter_equals_the_reference(tapes in vec(tape(), 1..3), sizes in vec(1_usize..90, 1..5), options in options()) {
        let text: String = tapes.iter().map(|tape| document::json(&mut Choices(tape.iter()), true) + "\n").collect();
        let expected = reference::answer(&text, options);
        prop_assert_eq!(&filtered(&text, options), &expected);
        prop_assert_eq!(String::from_utf8(chunked(text.as_bytes(), &sizes, options)).unwrap(), expected);
    }

    #[test]
    fn filter_keeps_valid_json_valid(tape in tape(), options in options()) {
        let text = document::json(&mut Choices(tape.iter()), true);
        let renamed = filtered(&text, options);
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&renamed).is_ok(), "{}", renamed);
    }

    #[test]
    fn chunks_make_no_difference_to_damaged_text(
        tape in tape(),
        damage in vec((any::<usize>(), any::<u8>()), 1..4),
        sizes in vec(1_usize..90, 1..5),
        options in options(),
    ) {
        let text = damaged(&tape, true, &damage);
        let whole = chunked(&text, &[usize::MAX], options);
        prop_assert_eq!(&chunked(&text, &[1], options), &whole);
        prop_assert_eq!(&chunked(&text, &sizes, options), &whole);
        prop_assert!(whole.len() <= 2 * text.len());
    }

    #[test]
    fn damaged_text_without_names_is_kept(tape in tape(), damage in vec((any::<usize>(), any::<u8>()), 0..4)) {
        let text = damaged(&tape, false, &damage);
        let text = String::from_utf8_lossy(&text).replace("coder", "k\\u");
        prop_assert_eq!(filtered(&text, FOREIGN), text);
    }

    #[test]
    fn soup_is_survived(parts in vec(prop_oneof![
        vec(any::<u8>(), 0..9),
        Just(b"{\"apiVersion\":\"coder.com/v1alpha1\",".to_vec()),
        Just(b"{\"object\":{\"spec\":{\"a\":1,\"files\":".to_vec()),
        Just(b"\"message\":\"API group \\\"coder.com\\\"".to_vec()),
        Just(b"}".to_vec()), Just(b"[".to_vec()), Just(b",".to_vec()), Just(b"\"\\".to_vec()),
    ], 0..40), size in 1_usize..70, options in options()) {
        let soup = parts.concat();
        let whole = filtered_bytes(&soup, usize::MAX, options);
        prop_assert_eq!(chunked(&soup, &[size], options), whole);
    }

    #[test]
    fn text_renamed_twice_is_itself(words in vec(0_usize..14, 0..12)) {
        let text: String = words.iter().map(|word| [
            "coder.com", "aggregation.", "coderworkspaces.", "CoderTemplate.", "/v1alpha1", "API group ",
            "\"", " ", "-", "x", "coder.com/v1alpha1", "API group \"coder.com\"", "aggregation.coder.com", "é",
        ][*word]).collect();
        let characters: Vec<char> = text.chars().collect();
        for foreign in [false, true] {
            prop_assert_eq!(rename_text(&text, foreign), reference::message(&characters, foreign));
        }
        let once = rename_text(&text, true);
        prop_assert_eq!(rename_text(&once, true), text.as_str());
    }

    #[test]
    fn requests_equal_the_reference(tape in tape()) {
        let text = document::json(&mut Choices(tape.iter()), true);
        let (expected, foreign) = reference::object(&text);
        let rewritten = object(text.as_bytes(), false);
        prop_assert_eq!(std::str::from_utf8(&rewritten.body).unwrap(), expected);
        prop_assert_eq!(rewritten.foreign, foreign);
        let patch = format!("[{{\"value\":{text},\"path\":\"\"}}]");
        let expected = format!("[{{\"value\":{},\"path\":\"\"}}]", reference::object(&text).0);
        let patched = json_patch(patch.as_bytes());
        prop_assert_eq!(std::str::from_utf8(&patched.body).unwrap(), expected);
    }

    #[test]
    fn json_is_what_serde_says(tape in tape(), damage in vec((any::<usize>(), any::<u8>()), 0..3)) {
        let text = damaged(&tape, true, &damage);
        let text = String::from_utf8_lossy(&text);
        let valid = json::children(&text, |_, _| {});
        let container = text.trim_start().starts_with(['{', '[']);
        let expected = container && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(valid, expected);
        if !valid {
            prop_assert_eq!(&*object(text.as_bytes(), false).body, text.as_bytes());
            prop_assert_eq!(&*json_patch(text.as_bytes()).body, text.as_bytes());
        }
    }

    #[test]
    fn inserted_files_are_found_again(tape in tape(), spec in 0_usize..3) {
        let tape = document::json(&mut Choices(tape.iter()), true);
        let body = match spec {
            0 => tape,
            1 => format!("{{\"x\":1, \"spec\" :{tape}}}"),
            _ => format!("{{\"spec\":null,\"spec\": {{ \"files\" : null ,\"y\":{tape}}}}}"),
        };
        let files: &[u8] = b"{\"main.tf\":\"a\\nb\"}";
        let filled = insert_files(body.as_bytes(), files);
        prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&filled).is_ok());
        if has_files(body.as_bytes()) {
            prop_assert_eq!(&filled, body.as_bytes());
        } else {
            prop_assert_eq!(files_of(&filled), Some(files));
            let more = filled.len() - body.len();
            prop_assert!(more >= files.len() - 4 && more <= files.len() + 20, "{}", more);
        }
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let prefixes = [
        "",
        "{\"",
        "[",
        "{\"apiVersion\":\"",
        "{\"message\":\"",
        "{\"items\":[{\"spec\":{\"a\":1,",
        "{\"object\":{\"spec\":{\"",
        "{\"object\":{\"spec\":{\"files\":",
        "{\"x\":",
        "{\"items\":[",
    ];
    let fillers = [
        " ",
        "a",
        "[",
        "{",
        "\\",
        "\\u0063",
        "{\"items\":[",
        "{\"object\":",
        "coder.com",
        "\"",
        "1",
        "{\"a\":",
        "CoderTemplate.coder.co",
        "\\u0043oderTemplate.",
        "{}",
        "API group \\\"",
    ];
    for prefix in prefixes {
        for filler in fillers {
            for options in [PLAIN, OMIT, FOREIGN] {
                let text = prefix.to_owned() + &filler.repeat(60_000 / filler.len());
                let output = chunked(text.as_bytes(), &[1000], options);
                assert!(output.len() <= 3 * text.len());
            }
        }
    }
}
