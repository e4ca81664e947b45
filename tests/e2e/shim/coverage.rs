//! Which cases of the protocol sheet (§8.2) are tested, told by the names of tests: `case_28_…`,
//! `cases_4_10_…`.

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

/// The numbers in the names of the tests of a file.
fn cases(text: &str) -> Vec<u32> {
    let names = text.lines().filter_map(|line| {
        let name = line
            .trim()
            .trim_start_matches("async ")
            .strip_prefix("fn case")?;
        name.split_once('_').map(|(_, rest)| rest)
    });
    names
        .flat_map(|name| {
            name.split('_')
                .map_while(|part| part.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}
