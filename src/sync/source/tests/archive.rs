use super::*;

fn everything() -> Source {
    let deep = format!("{}/{}", "folder/".repeat(20), "leaf.tf");
    let long = format!("{}ü.tf", "x".repeat(99));
    Source::from_files(&files([
        ("main.tf", "resource {}\n"),
        ("modules/vpc/main.tf", "# vpc\n"),
        ("modules/vpc/README.md", ""),
        ("modules-old", "ß"),
        (&deep, "deep"),
        (&long, "long"),
        (&"n".repeat(100), &"b".repeat(512)),
        (&"n".repeat(101), &"c".repeat(513)),
    ]))
    .unwrap()
}

/// If one of these fails, every template of every installation would be built again.
#[test]
fn the_bytes_are_the_same_in_every_release() {
    let none = BTreeMap::new();
    assert_eq!(
        source([]).hash(&none),
        "b73ba75e61167ab668dbe34bd5e803bbb2b9023c7cce171b273bc2d5a51903de"
    );
    assert_eq!(
        source([("main.tf", "resource {}\n")]).hash(&none),
        "da11416298ca3dd4104810053fdc0b4cfccf16c6adeaffcc6a51a75f7304af03"
    );
    assert_eq!(
        everything().hash(&none),
        "5c84537126b491d6c7795ea9f6a7df6cb16080ce4d9fc5c5b2ffc9e24cfda8c0"
    );
    assert_eq!(
        everything().hash(&tags([("scope", "organization"), ("env", "prod")])),
        "f817c01ef3f0a246b08fafb05ec6e6216babe0849c1300589d8d2e6d47d7b41f"
    );
}

#[test]
fn an_independent_reader_finds_files_and_folders_in_order() {
    let bytes = everything().tar_bytes();
    assert_eq!(bytes.len() % 512, 0);
    let mut archive = Archive::new(&bytes[..]);
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode().unwrap());
        assert!(matches!(
            (kind, mode),
            (EntryType::Directory, 0o755) | (EntryType::Regular, 0o644)
        ));
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.username_bytes(), Some(&b""[..]));
        assert_eq!(header.groupname_bytes(), Some(&b""[..]));
        let path = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        assert_eq!(path.ends_with('/'), kind.is_dir());
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        found.push((path, text));
    }
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));

    let everything = everything();
    let (folders, files): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(path, _)| path.ends_with('/'));
    assert_eq!(
        files.into_iter().collect::<BTreeMap<_, _>>(),
        everything.files
    );
    assert_eq!(folders.len(), 22);
}

/// coderd opens each file without making its folder.
#[test]
fn each_folder_comes_before_what_is_in_it() {
    let bytes = source([("a/b/c", ""), ("a-b/c", ""), ("a.b", "")]).tar_bytes();
    let mut archive = Archive::new(&bytes[..]);
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| String::from_utf8(entry.unwrap().path_bytes().to_vec()).unwrap())
        .collect();
    assert_eq!(names, ["a-b/", "a-b/c", "a.b", "a/", "a/b/", "a/b/c"]);
}

#[test]
fn the_hash_tells_every_difference() {
    let one = source([("a", "bc")]);
    let hashes = [
        one.hash(&tags([])),
        source([("ab", "c")]).hash(&tags([])),
        source([("a", "bc"), ("b", "")]).hash(&tags([])),
        one.hash(&tags([("a", "bc")])),
        one.hash(&tags([("ab", "c")])),
        one.hash(&tags([("a", "b"), ("c", "")])),
        one.hash(&tags([("a", ""), ("b", "c")])),
    ];
    let distinct: BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
    assert!(hashes.iter().all(|hash| hash.len() == 64));
}
