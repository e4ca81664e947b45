use super::*;

fn any_tree() -> impl Strategy<Value = BTreeMap<String, String>> {
    let path = prop_oneof![
        9 => "[a-c.]{1,2}(/[a-cü .-]{1,40}){0,4}",
        1 => "[a.\\\\/\0]{0,4}",
    ];
    let text = prop_oneof![
        8 => "(?s).{0,20}".boxed(),
        1 => (500..1100_usize).prop_map(|length| "x".repeat(length)).boxed(),
    ];
    prop::collection::btree_map(path, text, 0..8)
}

fn any_source() -> impl Strategy<Value = Source> {
    any_tree().prop_filter_map("refused", |tree| Source::from_files(&tree).ok())
}

proptest! {
    #[test]
    fn a_source_comes_back_from_its_archive(ours in any_source()) {
        let content = Content::read(&ours.tar_bytes()).unwrap();
        prop_assert!(content.equals(&ours));
        prop_assert!(content.dropped_by(&ours).is_empty());
        match content.mirrorable(usize::MAX) {
            Ok(files) => prop_assert_eq!(Source::from_inline(&files).unwrap(), ours),
            Err(omitted) => prop_assert!(omitted.to_string().contains("is not text")),
        }
    }

    #[test]
    fn what_is_accepted_is_clean(tree in any_tree()) {
        if let Ok(ours) = Source::from_files(&tree) {
            prop_assert_eq!(ours.files.len(), tree.len());
            prop_assert_eq!(&Source::from_files(&ours.files).unwrap(), &ours);
            for path in ours.files.keys() {
                prop_assert!(path.split('/').all(|part| !["", ".", ".."].contains(&part)));
                prop_assert!(!path.contains('\\'));
            }
        }
    }

    #[test]
    fn equal_archives_are_equal_trees(one in any_source(), other in any_source()) {
        let none = BTreeMap::new();
        prop_assert_eq!(one == other, one.tar_bytes() == other.tar_bytes());
        prop_assert_eq!(one == other, one.hash(&none) == other.hash(&none));
        let content = Content::read(&one.tar_bytes()).unwrap();
        prop_assert_eq!(content.equals(&other), one == other);
    }

    /// Whatever was done to an archive, reading it does not panic, and what is mirrored of it
    /// can be given back.
    #[test]
    fn a_damaged_archive_is_read_safely(
        ours in any_source(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        fix in any::<bool>(),
    ) {
        let mut bytes = ours.tar_bytes();
        for (index, byte) in damage {
            *index.get_mut(&mut bytes) = byte;
        }
        if fix {
            fix_checksums(&mut bytes);
        }
        if let Ok(content) = Content::read(&bytes) {
            match content.mirrorable(MIRROR_LIMIT_BYTES) {
                Ok(files) => {
                    let again = Source::from_inline(&files).unwrap();
                    prop_assert!(content.equals(&again));
                }
                Err(omitted) => prop_assert!(omitted.to_string().chars().count() < 2000),
            }
        }
    }

    #[test]
    fn any_bytes_are_read_safely(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut bytes = bytes;
        let _ = Content::read(&bytes);
        fix_checksums(&mut bytes);
        let _ = Content::read(&bytes);
    }
}

/// Gives every block that is not empty a valid checksum, so that damage gets past that check.
fn fix_checksums(bytes: &mut [u8]) {
    for block in bytes
        .chunks_exact_mut(512)
        .filter(|block| block.iter().any(|b| *b != 0))
    {
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
    }
}
