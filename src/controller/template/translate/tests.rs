use proptest::prelude::*;
use serde_json::json;

use super::*;

/// No text of these tests has any of its characters but by repeating it.
const TOKEN: &str = "QZQZQZQZQZ-QZQZQZQZQZQZQZQZQZQZQZ";

fn secrets() -> Secrets {
    Secrets::of([TOKEN.into()])
}

fn failed(error: Option<&str>) -> coderd::Version {
    let job = json!({
        "id": "9f0c1e2a-0000-4000-8000-000000000001", "created_at": "2026-11-21T10:00:00Z",
        "status": "failed", "error": error,
    });
    let version = json!({
        "id": "9f0c1e2a-0000-4000-8000-000000000002", "name": "v1",
        "created_at": "2026-11-21T10:00:00Z", "job": job,
    });
    serde_json::from_value(version).unwrap()
}

fn logged(level: &str, output: &str) -> LogLine {
    let line = json!({
        "created_at": "2026-11-21T10:00:00Z", "log_level": level, "output": output,
    });
    serde_json::from_value(line).unwrap()
}

/// What is told of an import that failed.
fn told(error: Option<&str>, log: &[LogLine]) -> String {
    let found = version(&failed(error), log, None, &secrets());
    let VersionJob::Failed { error, .. } = found.job else {
        panic!("{found:?}");
    };
    error
}

#[test]
fn a_failure_is_told_with_the_telling_lines_of_the_log() {
    let log = [
        logged("info", "Initializing"),
        logged("error", "Error: no such argument"),
        logged("error", ""),
        logged("error", "   3:   cpu = 4\r\n"),
        logged("debug", "Ended"),
    ];
    let lines = "exit status 1\nError: no such argument\n\n   3:   cpu = 4";
    assert_eq!(told(Some("exit status 1"), &log), lines);
    let quiet = [logged("info", "Initializing"), logged("debug", "Ended")];
    assert_eq!(
        told(None, &quiet),
        "no error was given\nInitializing\nEnded"
    );
    assert_eq!(told(Some("gone"), &[logged("info", " ")]), "gone");
}

#[test]
fn the_last_lines_are_kept_and_an_endless_one_is_cut() {
    let numbered = |number: usize| logged("info", &format!("{number} {}", "x".repeat(500)));
    let log: Vec<_> = (0..20).map(numbered).collect();
    let text = told(Some("e"), &log);
    let numbers: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        numbers,
        ["12", "13", "14", "15", "16", "17", "18", "19"].map(Some)
    );
    let text = told(Some("e"), &[logged("info", &"x".repeat(100_000))]);
    assert!(text.ends_with("xxx…") && text.len() > LINE, "{text}");
}

#[test]
fn a_job_that_was_reaped_was_given_up_wherever_that_is_said() {
    for said in [
        "terminated by the reaper",
        &format!("{} {REAPER}", "x".repeat(5000)),
    ] {
        let found = version(&failed(Some(said)), &[], None, &secrets()).job;
        assert!(matches!(
            found,
            VersionJob::Failed {
                is_given_up: true,
                ..
            }
        ));
    }
    let found = version(&failed(Some("exit status 1")), &[], None, &secrets()).job;
    assert!(matches!(
        found,
        VersionJob::Failed {
            is_given_up: false,
            ..
        }
    ));
}

#[test]
fn a_status_that_we_do_not_know_is_told_in_short_and_without_secrets() {
    let mut wire = failed(None);
    wire.job.status = JobStatus::from(&*format!("{TOKEN} {}", "x".repeat(500)));
    let told = version(&wire, &[], None, &secrets());
    assert_eq!(told.job, VersionJob::Active);
    assert_eq!(told.job_status, format!("[redacted] {}…", "x".repeat(50)));
}

#[test]
fn a_kept_variable_is_told_in_short_and_without_secrets() {
    let variable = |value: &str, sensitive: bool| {
        let variable = json!({
            "name": "n".repeat(1000), "value": value, "default_value": format!("is {TOKEN}"),
            "sensitive": sensitive,
        });
        serde_json::from_value(variable).unwrap()
    };
    let variables = vec![variable("a\nb", false), variable("x", true)];
    let kept = version(&failed(None), &[], Some(variables), &secrets()).kept_variables;
    let [kept] = &kept.unwrap()[..] else {
        panic!("one is not sensitive");
    };
    assert!(
        kept.name.len() <= VARIABLE && kept.name.ends_with("n…"),
        "{}",
        kept.name
    );
    assert_eq!(kept.in_source, "is [redacted]");
}

proptest! {
    #[test]
    fn nothing_that_is_told_is_long_or_repeats_the_token(
        texts in prop::collection::vec((0_usize..2000, any::<bool>(), "[a-z€\\n]{0,40}"), 1..12),
    ) {
        let text = |(length, repeats, end): &(usize, bool, String)| {
            let token = if *repeats { TOKEN } else { "" };
            format!("{}{token}{end}{token}", "€".repeat(*length))
        };
        let log: Vec<_> = texts.iter().map(|it| logged("error", &text(it))).collect();
        let told = told(Some(&text(&texts[0])), &log);
        prop_assert!(told.len() <= LINE + LOG, "{}", told.len());
        prop_assert!(!told.contains(['Q', 'Z']), "{told}");
    }
}
