use super::*;

#[test]
fn an_archive_of_ours_equals_its_source() {
    let long = "x/".repeat(200) + "leaf";
    let ours = source([("main.tf", "a"), ("m/n/o.tf", ""), (&long, "ü")]);
    let content = Content::read(&ours.tar_bytes()).unwrap();
    assert!(content.equals(&ours));
    assert_eq!(content.mirrorable(MIRROR_LIMIT_BYTES).unwrap(), ours.files);
    assert_eq!(content.dropped_by(&ours), Vec::<String>::new());
}

#[test]
fn equality_is_about_files_and_text_only() {
    let ours = source([("main.tf", "a"), ("m/b.tf", "b")]);
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("main.tf", "a"), ("m/b.tf", "b")], true),
        (&[("./m/b.tf", "b"), ("./main.tf", "a")], true),
        (
            &[
                ("m/", ""),
                ("empty/", ""),
                ("main.tf", "a"),
                ("m/b.tf", "b"),
            ],
            true,
        ),
        (&[("main.tf", "a"), ("m/b.tf", "c")], false),
        (&[("main.tf", "a"), ("m/c.tf", "b")], false),
        (&[("main.tf", "a")], false),
        (&[("main.tf", "a"), ("m/b.tf", "b"), ("c", "")], false),
    ];
    for (entries, equal) in cases {
        let content = Content::read(&foreign_files(entries)).unwrap();
        assert_eq!(content.equals(&ours), *equal, "{entries:?}");
    }
    let executable = foreign(&[
        (b"main.tf", EntryType::Regular, 0o755, b"a"),
        (b"m/b.tf", EntryType::Regular, 0o400, b"b"),
    ]);
    assert!(Content::read(&executable).unwrap().equals(&ours));
    let linked = foreign(&[
        (b"main.tf", EntryType::Regular, 0o644, b"a"),
        (b"m/b.tf", EntryType::Symlink, 0o644, b""),
    ]);
    assert!(!Content::read(&linked).unwrap().equals(&ours));
}

/// The entry beside a plain file is what keeps the archive from being mirrored.
fn assert_not_mirrored(entry: Entry, message: &str) {
    let archive = foreign(&[(b"main.tf", EntryType::Regular, 0o644, b"a"), entry]);
    assert_eq!(omission(&archive), message);
    let content = Content::read(&archive).unwrap();
    assert_eq!(content.dropped_by(&source([("main.tf", "a")])).len(), 1);
}

#[test]
fn only_plain_text_is_mirrored() {
    let cases: [(u32, &[u8], &str); 5] = [
        (0o755, b"", "x is executable"),
        (0o610, b"", "x is executable"),
        (0o644, b"\x89PNG", "x is not text"),
        (0o644, b"a\0b", "x is not text"),
        (0o755, b"\xff", "x is not text"),
    ];
    for (mode, data, message) in cases {
        assert_not_mirrored((b"./x", EntryType::Regular, mode, data), message);
    }
}

#[test]
fn special_files_are_named_for_what_they_are() {
    for (kind, message) in [
        (EntryType::Symlink, "x is a symbolic link"),
        (EntryType::Link, "x is a hard link"),
        (EntryType::Char, "x is a device or a pipe"),
        (EntryType::Block, "x is a device or a pipe"),
        (EntryType::Fifo, "x is a device or a pipe"),
        (EntryType::Continuous, "x is of an unknown kind"),
        (EntryType::new(b'Z'), "x is of an unknown kind"),
    ] {
        assert_not_mirrored((b"x", kind, 0o644, b""), message);
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_not_trusted() {
    let cases: [(&[u8], &str); 6] = [
        (
            b"../up",
            "../up has a path that must not have a part \"..\"",
        ),
        (
            b"a/../../up",
            "a/../../up has a path that must not have a part \"..\"",
        ),
        (
            b"/etc/passwd",
            "/etc/passwd has a path that must be relative",
        ),
        (
            b"a\\b",
            "a\\b has a path that must have / between its parts, not a backslash",
        ),
        (b"a\xff", "a\u{fffd} has a path that must be text"),
        (b"", "\"\" has a path that must name a file"),
    ];
    for (name, message) in cases {
        assert_not_mirrored((name, EntryType::Regular, 0o644, b"x"), message);
        if !name.is_empty() {
            assert_not_mirrored((name, EntryType::Symlink, 0o644, b""), message);
        }
    }
}

#[test]
fn a_blank_mode_is_no_reason_to_give_up() {
    let mut bytes = source([("main.tf", "x")]).tar_bytes();
    bytes[100..108].fill(0);
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(&bytes[..512]);
    header.set_cksum();
    bytes[..512].copy_from_slice(header.as_bytes());
    let content = Content::read(&bytes).unwrap();
    assert!(content.mirrorable(MIRROR_LIMIT_BYTES).is_ok());
}

#[test]
fn the_mirror_limit_counts_paths_and_text() {
    let text = "x".repeat((128 << 10) - "main.tf".len());
    let content = Content::read(&foreign_files(&[("main.tf", &text)])).unwrap();
    assert_eq!(
        content.mirrorable(MIRROR_LIMIT_BYTES).unwrap(),
        files([("main.tf", text.clone())])
    );
    let over = foreign_files(&[("main.tf", &text), ("a", "")]);
    assert_eq!(
        omission(&over),
        "the files are 129 KiB in all; at most 128 KiB are mirrored"
    );
}

#[test]
fn what_could_not_be_given_back_is_not_mirrored() {
    assert_eq!(
        omission(&foreign_files(&[("a", ""), ("a/b", "")])),
        "a is a file, but a/b needs it to be a folder"
    );
    let many: Vec<String> = (0..1500).map(|k| format!("{k}/x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "")).collect();
    assert_eq!(
        omission(&foreign_files(&many)),
        "there are more than 2000 files and folders"
    );
}

#[test]
fn a_tree_in_which_a_path_is_there_twice_equals_nothing() {
    let twice = foreign_files(&[("a", "old"), ("b", ""), ("./a", "new")]);
    let content = Content::read(&twice).unwrap();
    for text in ["old", "new"] {
        assert!(!content.equals(&source([("a", text), ("b", "")])));
    }
    assert_eq!(omission(&twice), "a is there twice");
    assert_eq!(
        omission(&foreign_files(&[("a", "x"), ("a", "x")])),
        "a is there twice"
    );
}

#[test]
fn dropped_files_are_named_in_order() {
    let archive = foreign(&[
        (b"z", EntryType::Symlink, 0o644, b""),
        (b"main.tf", EntryType::Regular, 0o644, b"a"),
        (b"./b\n.tf", EntryType::Regular, 0o644, b""),
        (b"lib/", EntryType::Directory, 0o755, b""),
        (b"lib/a.tf", EntryType::Regular, 0o644, b""),
    ]);
    let content = Content::read(&archive).unwrap();
    assert_eq!(
        content.dropped_by(&source([("main.tf", "other"), ("new.tf", "")])),
        ["b\\n.tf", "lib/a.tf", "z"]
    );
    // A file in place of a link is not that link.
    assert_eq!(
        content.dropped_by(&source([
            ("main.tf", "a"),
            ("b\n.tf", ""),
            ("lib/a.tf", ""),
            ("z", "")
        ])),
        ["z"]
    );
}

#[test]
fn long_names_of_gnu_and_pax_are_read() {
    let name = "d/".repeat(100) + "main.tf";
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    gnu.append_data(&mut header, &name, &b"x"[..]).unwrap();

    let mut ustar = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o644);
    ustar.append_data(&mut header, &name, &b"x"[..]).unwrap();

    let pax = with_pax(&[("mtime", "1.5"), ("path", &name)], b"short", b"x");

    for archive in [gnu.into_inner().unwrap(), ustar.into_inner().unwrap(), pax] {
        let content = Content::read(&archive).unwrap();
        assert!(content.equals(&source([(&name, "x")])));
    }
}

/// What `git archive` puts in front.
#[test]
fn a_global_pax_header_is_no_file() {
    let archive = foreign(&[
        (
            b"pax_global_header",
            EntryType::XGlobalHeader,
            0o666,
            b"14 comment=ab\n",
        ),
        (b"main.tf", EntryType::Regular, 0o664, b"x"),
    ]);
    assert!(
        Content::read(&archive)
            .unwrap()
            .equals(&source([("main.tf", "x")]))
    );
}

#[test]
fn sparse_files_are_named_and_never_expanded() {
    let pax = with_pax(
        &[
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "disk.img"),
            ("GNU.sparse.realsize", "1099511627776"),
        ],
        b"GNUSparseFile.0/disk.img",
        b"0\n",
    );
    assert_eq!(omission(&pax), "disk.img is a sparse file");

    let mut header = Header::new_gnu();
    header.as_old_mut().name[..8].copy_from_slice(b"disk.img");
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    let tebibyte = b"20000000000\0";
    let gnu = header.as_gnu_mut().unwrap();
    gnu.sparse[0].offset.copy_from_slice(tebibyte);
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    gnu.realsize.copy_from_slice(tebibyte);
    header.set_cksum();
    let mut archive = Builder::new(Vec::new());
    archive.append(&header, &b""[..]).unwrap();
    assert_eq!(
        omission(&archive.into_inner().unwrap()),
        "disk.img is a sparse file"
    );
}

#[test]
fn large_archives_are_bounded() {
    let large = vec![b'x'; MAX_FILE_BYTES + 1];
    let one = foreign(&[(b"big.tf", EntryType::Regular, 0o644, &large)]);
    assert_eq!(omission(&one), "big.tf is larger than 2 MiB");

    let full = &large[1..];
    let entry: Entry = (b"a", EntryType::Regular, 0o644, full);
    assert!(Content::read(&foreign(&[entry; 8])).is_ok());
    let error = Content::read(&foreign(&[entry; 9])).unwrap_err();
    assert_eq!(error.to_string(), "the files are more than 16 MiB in all");

    let entry: Entry = (b"a/", EntryType::Directory, 0o755, b"");
    assert!(Content::read(&foreign(&vec![entry; 2000])).is_ok());
    let error = Content::read(&foreign(&vec![entry; 2001])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there are more than 2000 files and folders"
    );
}

#[test]
fn a_size_that_is_not_there_is_an_error() {
    for size in [1, 512, 1 << 20, 1 << 33, u64::MAX - 1024, u64::MAX] {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[0] = b'a';
        header.set_mode(0o644);
        header.set_size(size);
        header.set_cksum();
        assert!(Content::read(header.as_bytes()).is_err(), "{size}");
    }
    let ours = source([("main.tf", &"x".repeat(600))]).tar_bytes();
    for length in 1..ours.len() - 1024 {
        assert!(Content::read(&ours[..length]).is_err(), "{length}");
    }
}

#[test]
fn what_is_no_archive_is_an_error() {
    for bytes in [&b"x"[..], b"\x1f\x8b\x08\0", &[b'x'; 512], &[0xff; 2048]] {
        let error = Content::read(bytes).unwrap_err();
        assert_eq!(error.to_string(), "the archive cannot be read");
        assert!(std::error::Error::source(&error).is_some());
    }
    let damaged = with_pax(&[("path", "a\nb")], b"short", b"x");
    assert!(Content::read(&damaged).is_err());
}

#[test]
fn an_empty_archive_has_no_files() {
    for bytes in [&b""[..], &[0; 1024], &source([]).tar_bytes()] {
        let content = Content::read(bytes).unwrap();
        assert!(content.equals(&source([])));
        assert!(content.mirrorable(0).unwrap().is_empty());
    }
}

fn with_pax(records: &[(&str, &str)], name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let digits = (1..9).find(|n| (rest + n).to_string().len() == *n).unwrap();
        body.extend(format!("{} {key}={value}\n", rest + digits).bytes());
    }
    foreign(&[
        (b"PaxHeaders.0/x", EntryType::XHeader, 0o644, &body),
        (name, EntryType::Regular, 0o644, data),
    ])
}
