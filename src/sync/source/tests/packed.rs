//! Sources that somebody packed, or keeps in a ConfigMap.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn hash(source: &Source) -> String {
    source.hash(&BTreeMap::new())
}

fn from_keys(text: &[(&str, &str)], binary: &[(&str, &[u8])]) -> Result<Source, SourceError> {
    let binary = binary.iter();
    let binary = binary.map(|(key, bytes)| ((*key).to_owned(), *bytes));
    let text = files(text.iter().copied());
    Source::from_keys(&text, &binary.collect())
}

#[test]
fn one_tree_has_one_hash_however_it_is_given() {
    let wanted = hash(&source([("main.tf", "a"), ("other.tf", "b")]));
    // Another order, time and owner, and a folder that is nobody's.
    let packed = foreign(&[
        (b"./", EntryType::Directory, 0o755, b""),
        (b"./other.tf", EntryType::Regular, 0o664, b"b"),
        (b"./main.tf", EntryType::Regular, 0o600, b"a"),
    ]);
    let zipped = gzip(&packed);
    for given in [
        Source::from_packed(&packed),
        Source::from_packed(&zipped),
        from_keys(&[("main.tf", "a"), ("other.tf", "b")], &[]),
        from_keys(&[("main.tf", "a")], &[("other.tf", b"b")]),
        from_keys(&[], &[("any.tar", &packed)]),
        from_keys(&[], &[("any.tgz", &zipped)]),
    ] {
        assert_eq!(hash(&given.unwrap()), wanted);
    }
}

#[test]
fn an_archive_says_itself_what_may_be_run() {
    let packed = |mode| {
        let entries = foreign(&[(b"bin/run.sh", EntryType::Regular, mode, b"x")]);
        Source::from_packed(&entries).unwrap()
    };
    let (run, plain) = (packed(0o755), packed(0o644));
    assert_eq!(run.executables(), ["bin/run.sh"]);
    assert_ne!(hash(&run), hash(&plain));
    let others = ["bin/run.sh".to_owned()];
    assert!(
        plain
            .clone()
            .with_executables(&others)
            .executables()
            .is_empty()
    );
    assert_eq!(run.clone().with_executables([]).executables(), others);
    let content = Content::read(&run.tar_bytes()).unwrap();
    assert!(content.equals(&run));
    assert!(!content.equals(&plain));
}

#[test]
fn what_is_no_file_of_text_is_named() {
    let link = foreign(&[
        (b"main.tf", EntryType::Regular, 0o644, b"a"),
        (b"passwd", EntryType::Symlink, 0o644, b""),
    ]);
    let climbing = foreign(&[(b"../main.tf", EntryType::Regular, 0o644, b"a")]);
    let zeros = gzip(&vec![0; MAX_READ_BYTES + 1]);
    for (given, said) in [
        (Source::from_packed(&link), "passwd is a symbolic link"),
        (
            Source::from_packed(&climbing),
            "../main.tf has a path that must not have a part \"..\"",
        ),
        (Source::from_packed(&zeros), "more than 16 MiB in all"),
        (Source::from_packed(b"PK\x03\x04"), "a zip archive"),
        (Source::from_packed(b"none"), "cannot be read"),
        (Source::from_packed(&gzip(b"")), "no file in it"),
        (Source::from_packed(&gzip(&link)[..40]), "cannot be read"),
        (from_keys(&[], &[("s.zip", b"PK")]), "a zip archive"),
        (from_keys(&[], &[]), "no file in it"),
        (
            from_keys(&[], &[("logo.png", b"\xff")]),
            "logo.png is not text",
        ),
        (
            from_keys(&[("main.tf", "a")], &[("s.tgz", b"\x1f\x8b")]),
            "s.tgz is not text",
        ),
        (from_keys(&[("..", "a")], &[]), "must not have a part"),
    ] {
        let error = given.unwrap_err().to_string();
        assert!(error.contains(said), "{error}: {said}");
    }
}
