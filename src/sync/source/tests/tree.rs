use super::*;

#[test]
fn paths_are_cleaned() {
    for (given, clean) in [
        ("main.tf", "main.tf"),
        ("./main.tf", "main.tf"),
        ("a//b/./c.tf", "a/b/c.tf"),
        ("a/", "a"),
        ("a/.../b..c", "a/.../b..c"),
        (".hidden", ".hidden"),
        ("mit Leerzeichen/ü.tf", "mit Leerzeichen/ü.tf"),
    ] {
        assert_eq!(source([(given, "x")]), source([(clean, "x")]), "{given}");
    }
}

#[test]
fn bad_paths_are_refused_by_name() {
    let long = format!("{}/b", "a".repeat(511));
    let shown = format!("{}…", "a".repeat(120));
    for (path, message) in [
        ("", "the path \"\" must name a file"),
        (".", "the path . must name a file"),
        ("././", "the path ././ must name a file"),
        ("/", "the path / must be relative"),
        ("/etc/passwd", "the path /etc/passwd must be relative"),
        ("..", "the path .. must not have a part \"..\""),
        ("../a", "the path ../a must not have a part \"..\""),
        ("a/../b", "the path a/../b must not have a part \"..\""),
        (
            "a\\b",
            "the path a\\b must have / between its parts, not a backslash",
        ),
        ("a\0b", "the path a\\0b must not have a NUL character"),
        (
            &long,
            &format!("the path {shown} must have at most 512 characters"),
        ),
    ] {
        assert_eq!(refusal(&files([(path, "")])), message);
    }
    assert!(Source::from_files(&files([("ä".repeat(512), "")])).is_ok());
}

#[test]
fn two_paths_of_one_file_are_refused() {
    assert_eq!(
        refusal(&files([("a/b", "1"), ("z", ""), ("a//b", "2"), ("b", "")])),
        "the paths a//b and a/b name the same file"
    );
}

#[test]
fn a_file_is_no_folder() {
    assert_eq!(
        refusal(&files([("a", ""), ("a-b", ""), ("a/b/c", "")])),
        "a is a file, but a/b/c needs it to be a folder"
    );
    assert_eq!(
        refusal(&files([("m/x.tf", ""), ("m/x.tf/./y", "")])),
        "m/x.tf is a file, but m/x.tf/y needs it to be a folder"
    );
    assert!(Source::from_files(&files([("a", ""), ("a.b", ""), ("ab/c", "")])).is_ok());
}

#[test]
fn a_file_has_2_mib_at_most() {
    let full = "x".repeat(MAX_FILE_BYTES);
    assert!(Source::from_files(&files([("main.tf", full.clone())])).is_ok());
    assert_eq!(
        refusal(&files([("./main.tf", full + "x")])),
        "main.tf is 2.1 MiB; a file may be 2 MiB at most"
    );
}

#[test]
fn the_archive_has_3_and_a_half_mib_at_most() {
    // Two headers, and the two blocks at the end.
    let room = MAX_ARCHIVE_BYTES - 4 * 512;
    let half = "x".repeat(room / 2);
    let tree = files([("a", half.clone()), ("b", half)]);
    assert_eq!(
        Source::from_files(&tree).unwrap().tar_bytes().len(),
        MAX_ARCHIVE_BYTES
    );
    for (path, text) in [("a", "x".repeat(room / 2 + 1)), ("c", String::new())] {
        let mut tree = tree.clone();
        tree.insert(path.to_owned(), text);
        let said = refusal(&tree);
        assert!(
            said.starts_with("the source is more than 3.5 MiB as a tar archive"),
            "{said}"
        );
    }
    // Wide characters fit into the object sooner than into the archive.
    let wide = "\u{1f9ea}".repeat(MAX_INLINE_CHARACTERS / 2 - 1);
    let error = Source::from_inline(&files([("a", wide.clone()), ("b", wide)])).unwrap_err();
    assert!(matches!(error, SourceError::TooLarge), "{error}");
}

#[test]
fn files_of_variables_are_found_where_terraform_reads_them() {
    let tree = files(
        [
            "terraform.tfvars",
            "a.auto.tfvars",
            "b.auto.tfvars.json",
            "main.tf",
            "other.tfvars",
            "modules/terraform.tfvars",
        ]
        .map(|path| (path, "")),
    );
    assert_eq!(
        Source::from_files(&tree).unwrap().variable_files(),
        ["a.auto.tfvars", "b.auto.tfvars.json", "terraform.tfvars"]
    );
}

#[test]
fn what_may_be_run_is_part_of_the_hash_and_nothing_else_is() {
    let tree = files([("main.tf", "a"), ("run.sh", "b")]);
    let plain = Source::from_files(&tree).unwrap();
    let hash = |source: &Source| source.hash(&BTreeMap::new());
    let run = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        plain.clone().with_executables(&paths)
    };
    assert_eq!(hash(&run(&[])), hash(&plain));
    assert_eq!(hash(&run(&["gone.sh"])), hash(&plain));
    assert_ne!(hash(&run(&["run.sh"])), hash(&plain));
    let content = Content::read(&run(&["run.sh"]).tar_bytes()).unwrap();
    assert_eq!(content.executables().collect::<Vec<_>>(), ["run.sh"]);
    assert!(content.equals(&plain));
}

#[test]
fn files_and_folders_are_2000_at_most() {
    let message = "there are more than 2000 files and folders";
    let mut tree = files((0..2000).map(|k| (k.to_string(), "")));
    assert!(Source::from_files(&tree).is_ok());
    tree.insert("main.tf".to_owned(), String::new());
    assert_eq!(refusal(&tree), message);

    let mut tree = files((0..1000).map(|k| (format!("{k}/main.tf"), "")));
    assert!(Source::from_files(&tree).is_ok());
    tree.insert("0/variables.tf".to_owned(), String::new());
    assert_eq!(refusal(&tree), message);
}

#[test]
fn what_is_too_large_inline_is_told_of_spec_source() {
    let path = "ä.tf";
    let full = "ä".repeat(MAX_INLINE_CHARACTERS - path.chars().count());
    assert!(Source::from_inline(&files([(path, full.clone())])).is_ok());
    let over = files([(path, full + "x")]);
    let message = Source::from_inline(&over).unwrap_err().to_string();
    assert_eq!(
        message,
        "spec.files has 1000001 characters; at most 1000000 fit into an object: \
         use spec.source (configMapRef, artifact or archive)"
    );
    assert!(Source::from_files(&over).is_ok());
    assert!(Source::from_inline(&files([("/a", "")])).is_err());
}

#[test]
fn names_and_sizes_are_shown_on_one_line() {
    for (name, shown) in [
        ("it's \"a\\b\"", "it's \"a\\b\""),
        ("a\nb\r\u{1b}[31m", "a\\nb\\r\\u{1b}[31m"),
        ("a\u{202e}b", "a\\u{202e}b"),
        ("größe/名前", "größe/名前"),
    ] {
        assert_eq!(Name(name).to_string(), shown);
    }
    for (bytes, shown) in [
        (0, "0 KiB"),
        (1, "1 KiB"),
        (128 << 10, "128 KiB"),
        ((128 << 10) + 1, "129 KiB"),
        (1 << 20, "1 MiB"),
        ((1 << 20) + 1, "1.1 MiB"),
        ((3 << 20) - 1, "3 MiB"),
    ] {
        assert_eq!(Size(bytes).to_string(), shown);
    }
    assert!(!Size(usize::MAX).to_string().is_empty());
}
