//! Which cases of the protocol sheet (§8.2) are tested, told by the names of tests: `case_28_…`,
//! `cases_4_10_…`. A name counts where the function is run as a test and holds something to an
//! answer.

use std::collections::BTreeSet;

/// How many cases there are.
const CASES: u32 = 80;

/// Cases that no test here has, and why.
const NOT_HERE: &[(u32, &str)] = &[(80, "the test bed has no Argo CD yet")];

#[test]
fn every_case_is_tested_or_has_a_reason_why_not() {
    let folder = crate::root().join("tests").join("e2e").join("shim");
    let mut tested = BTreeSet::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                tested.extend(cases(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    let excused: BTreeSet<_> = NOT_HERE.iter().map(|(case, _)| *case).collect();
    let missing: Vec<_> = (1..=CASES)
        .filter(|case| !tested.contains(case) && !excused.contains(case))
        .collect();
    assert_eq!(missing, Vec::<u32>::new(), "not tested, and no word why");
    assert!(tested.is_disjoint(&excused), "tested after all");
}

/// What holds an answer to something.
const HOLDS: [&str; 8] = [
    "assert",
    ".expect(",
    "agree(",
    ".same(",
    ".alike(",
    ".refused",
    ".eventually(",
    "panic!(",
];

/// The numbers in the names of the tests of a file.
fn cases(text: &str) -> Vec<u32> {
    let lines: Vec<_> = text.lines().collect();
    let mut tested = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let name = line.trim_start_matches("async ").strip_prefix("fn case");
        let Some((_, name)) = name.and_then(|name| name.split_once('_')) else {
            continue;
        };
        let cases: Vec<u32> = name
            .split('_')
            .map_while(|part| part.parse().ok())
            .collect();
        let attributes = lines[..number].iter().rev();
        let attributes: Vec<_> = attributes
            .take_while(|line| line.starts_with("#["))
            .collect();
        let is_test =
            |line: &&&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let is_run = attributes.iter().any(is_test)
            && !attributes.iter().any(|line| line.starts_with("#[ignore"));
        let mut body = lines[number..]
            .iter()
            .copied()
            .take_while(|line| *line != "}");
        let holds = |line: &str| HOLDS.iter().any(|word| line.contains(word));
        if is_run && body.any(holds) {
            tested.extend(cases);
        }
    }
    tested
}

#[test]
fn a_name_alone_is_no_test() {
    let test = |attributes: &str, body: &str| {
        format!(
            "{attributes}\nasync fn cases_1_2_work() {{\n    {body}\n}}\nfn other() {{ assert!(true) }}\n"
        )
    };
    let holding = "ask.expect(200);";
    assert_eq!(cases(&test("#[tokio::test]", holding)), [1, 2]);
    for nothing in [
        test("", holding),
        test("#[tokio::test]\n#[ignore = \"slow\"]", holding),
        test("#[tokio::test]", ""),
    ] {
        assert_eq!(cases(&nothing), Vec::<u32>::new(), "{nothing}");
    }
}
