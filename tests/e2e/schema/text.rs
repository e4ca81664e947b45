//! Whatever text coderd has: what is applied for it comes back to the byte.

use std::collections::BTreeMap;

use coder_k8s::{
    api::template::{CoderTemplate, MirroredFiles, TemplateStatus},
    k8s::object::{Force, Imported, Key, Known, Objects},
};
use serde_json::json;

use super::stage;

const NAME: &str = "acme.go";

/// What means something to YAML, to JSON or to a terminal.
const SPECIAL: &str = "\0\u{1}\t\n\r\u{1b}\u{7f}\u{80}\u{85}\u{9f}\u{a0}\u{2028}\u{2029}\u{200b}\
    \u{202e}\u{feff}\u{fffd}\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}😀 \"'#:-?{}[],&*!|>%@`=~<$é";

/// A text of `length` characters, of which blanks are many: they are what is folded.
fn text(random: &mut fastrand::Rng, length: usize) -> String {
    let special: Vec<char> = SPECIAL.chars().collect();
    let mut pick = || match random.u8(..4) {
        0 => ' ',
        1 => random.alphanumeric(),
        _ => special[random.usize(..special.len())],
    };
    (0..length).map(|_| pick()).collect()
}

/// Every character of the basic plane and some of the others, each between blanks.
fn every_character() -> String {
    let basic = (0..=0xffff).filter_map(char::from_u32);
    let others = (0x1_0000..=0x10_ffff)
        .step_by(0xfff)
        .filter_map(char::from_u32);
    basic
        .chain(others)
        .flat_map(|one| [' ', ' ', one])
        .collect()
}

fn files() -> BTreeMap<String, String> {
    let mut random = fastrand::Rng::with_seed(9);
    let mut files = BTreeMap::from([
        ("every".to_owned(), every_character()),
        ("<<".to_owned(), "null".to_owned()),
        // As long as a path may be, and much longer where it is written.
        ("\u{2028}".repeat(512), "1e3".to_owned()),
        ("\"".repeat(512), "---\n...\n".to_owned()),
    ]);
    for _ in 0..1000 {
        let (of_key, of_value) = (random.usize(1..20), random.usize(..40));
        files.insert(text(&mut random, of_key), text(&mut random, of_value));
    }
    files.remove(".");
    files.remove("..");
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_that_is_applied_comes_back_to_the_byte() {
    let scene = stage("ctpl-text").await;
    let objects = Objects::<CoderTemplate>::new(scene.kube.clone());
    let key = Key::new(&scene.namespace, NAME);
    let files = files();
    let set = json!({"spec": {"files": files}});
    let Imported::Created(created) = objects.import(&key, "coderd", set).await.unwrap() else {
        panic!("it was there");
    };
    let stored = created.spec.files.clone().unwrap();
    for (path, text) in &files {
        let seen = stored.get(path).map(String::as_str).unwrap_or_default();
        let same = seen.chars().zip(text.chars()).take_while(|(a, b)| a == b);
        assert!(
            seen == text,
            "{path:?} differs after {:?}",
            same.map(|(one, _)| one).collect::<String>()
        );
    }
    assert_eq!(stored.len(), files.len());

    let mut random = fastrand::Rng::with_seed(10);
    let known = Known::of(&created.metadata).unwrap();
    let (name, note) = (text(&mut random, 64), text(&mut random, 500));
    let set = json!({"spec": {"displayName": name}});
    let named = objects.apply(&known, "coderd", Force::No, set).await;
    let named = named.unwrap();
    assert_eq!(named.spec.display_name, Some(name));
    let status = TemplateStatus {
        mirrored_files: Some(MirroredFiles {
            version_id: "v".to_owned(),
            omitted: Some(note),
        }),
        ..TemplateStatus::default()
    };
    let known = Known::of(&named.metadata).unwrap();
    objects.apply_status(&known, &status).await.unwrap();
    let seen = objects.get(&key).await.unwrap().unwrap().status.unwrap();
    assert_eq!(seen.mirrored_files, status.mirrored_files);
}
