use super::*;

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// coderd's rule: at most 64 characters, single `_`, `.` or `-` between letters and digits.
fn coderd_takes(name: &str) -> bool {
    name.len() <= 64
        && name
            .split(['_', '.', '-'])
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[test]
fn a_name_is_read_back() {
    for attempt in [0, 1, 9, 10, u32::MAX] {
        let name = version_name(HASH, attempt);
        assert!(coderd_takes(&name), "{name}");
        assert_eq!(parse_version_name(&name), Some((&HASH[..32], attempt)));
        assert!(is_version_of(&name, HASH));
    }
    assert_eq!(version_name(HASH, 1), "0123456789abcdef0123456789abcdef-1");
}

#[test]
fn another_name_is_nobody_elses_version() {
    let other = HASH.replacen('0', "1", 1);
    assert!(!is_version_of(&version_name(HASH, 1), &other));
    assert!(!is_version_of(&version_name(HASH, 1), ""));
    for name in [
        "",
        "-",
        "1.0.0",
        "gracious_hopper1",
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef-",
        "0123456789abcdef0123456789abcdef-01",
        "0123456789abcdef0123456789abcdef-+1",
        "0123456789abcdef0123456789abcdef--1",
        "0123456789abcdef0123456789abcdef-1-1",
        "0123456789abcdef0123456789abcdef-4294967296",
        "0123456789ABCDEF0123456789ABCDEF-1",
        "0123456789abcdef0123456789abcde-1",
        "0123456789abcdef0123456789abcdef0-1",
        "ä123456789abcdef0123456789abcde-1",
    ] {
        assert_eq!(parse_version_name(name), None, "{name}");
        assert!(!is_version_of(name, HASH), "{name}");
    }
}
