//! The documents: tables that are made from the code, names that exist, links that lead somewhere.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use coder_k8s::{
    api::{
        condition::{ConditionType, Reason},
        template::CoderTemplate,
        workspace::CoderWorkspace,
    },
    app::args::Args,
    sync::{chain::Planned, events::EventReason},
};

fn read(path: impl AsRef<Path>) -> String {
    let path = crate::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut folders = vec![crate::root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Holds the part of a document between two marks to `expected`, or rewrites it.
fn hold(document: &str, mark: &str, expected: &str) {
    let text = read(document);
    let (begin, end) = (
        format!("<!-- begin {mark} -->\n"),
        format!("<!-- end {mark} -->"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{document}: no {begin}"));
    let (found, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("{document}: no {end}"));
    if found == expected {
        return;
    }
    assert!(
        env::var_os("UPDATE").is_some(),
        "{document} is out of date: UPDATE=1 cargo test --test integration docs"
    );
    fs::write(
        crate::root().join(document),
        format!("{before}{begin}{expected}{end}{after}"),
    )
    .unwrap();
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_flags_are_those_of_the_program() {
    let mut table =
        "| flag | environment variable | default | what |\n| --- | --- | --- | --- |\n".to_owned();
    for flag in Args::command().get_arguments() {
        let Some(name) = flag
            .get_long()
            .filter(|name| !["help", "version"].contains(name))
        else {
            continue;
        };
        let variable = format!("CODER_K8S_{}", name.to_uppercase().replace('-', "_"));
        let default: Vec<_> = flag
            .get_default_values()
            .iter()
            .filter_map(|value| value.to_str())
            .collect();
        let default = default.join(",");
        let default = if default.is_empty() {
            "–".to_owned()
        } else {
            format!("`{default}`")
        };
        let help = cell(&flag.get_help().unwrap().to_string());
        let row = format!("| `--{name}` | `{variable}` | {default} | {help} |\n");
        table.push_str(&row);
    }
    hold("docs/reference/flags.md", "flags", &table);
}

#[test]
fn variables_without_a_flag_are_described() {
    let document = read("docs/reference/flags.md");
    for file in files("src", "rs")
        .iter()
        .filter(|file| !file.ends_with("tests.rs"))
    {
        for part in fs::read_to_string(file)
            .unwrap()
            .split("\"CODER_K8S_")
            .skip(1)
        {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_')
                .collect();
            let is_whole = part[name.len()..].starts_with('"') && !name.is_empty();
            assert!(
                !is_whole || document.contains(&format!("`CODER_K8S_{name}`")),
                "CODER_K8S_{name} of {} is not in docs/reference/flags.md",
                file.display()
            );
        }
    }
}

#[test]
fn the_reasons_are_those_of_the_program() {
    let mut table = "| reason | what it means |\n| --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        let row = format!("| `{reason}` | {} |\n", cell(reason.meaning()));
        table.push_str(&row);
    }
    hold("docs/reference/conditions.md", "reasons", &table);
}

#[test]
fn the_condition_types_are_described() {
    let document = read("docs/reference/conditions.md");
    for kind in [
        ConditionType::Ready,
        ConditionType::Synced,
        ConditionType::Running,
        ConditionType::VersionPromoted,
        ConditionType::Drifted,
        ConditionType::Reconciling,
        ConditionType::Stalled,
    ] {
        assert!(
            document.contains(&format!("| `{}` |", kind.as_str())),
            "{}",
            kind.as_str()
        );
    }
}

#[test]
fn the_events_are_those_that_are_told() {
    let told: BTreeSet<String> = EventReason::ALL
        .iter()
        .map(|reason| reason.as_str().to_owned())
        .collect();
    let document = read("docs/reference/events.md");
    let described: BTreeSet<String> = document
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(described, told);
}

#[test]
fn the_names_are_those_of_the_program() {
    let document = read("docs/reference/names.md");
    let names = read("src/api/names.rs");
    let constants = names
        .lines()
        .filter(|line| line.starts_with("pub const ") && line.contains("&str"));
    let mut count = 0;
    for constant in constants.filter(|line| !line.contains('[')) {
        let value = constant.split('"').nth(1).unwrap();
        assert!(
            document.contains(&format!("`{value}`")),
            "{value} is not in docs/reference/names.md"
        );
        count += 1;
    }
    assert!(
        count >= 8,
        "only {count} names were found in src/api/names.rs"
    );
}

#[test]
fn the_metrics_are_those_of_the_program() {
    let document = read("docs/reference/metrics.md");
    // One that has not counted yet is not in what a scrape gets, so the code is asked.
    let files = ["controller", "apiserver/server", "mcp"];
    let code = files
        .map(|folder| read(format!("src/{folder}/metrics.rs")))
        .concat();
    let mut count = 0;
    for call in code.split("registry.register").skip(1) {
        let name = call.split('"').nth(1).unwrap();
        let unit = if call.starts_with("_with_unit") {
            "_seconds"
        } else {
            ""
        };
        let name = format!("`coder_k8s_{name}{unit}");
        assert!(
            document.contains(&name),
            "{name} is not in docs/reference/metrics.md"
        );
        count += 1;
    }
    assert!(count >= 14, "only {count} metrics were found");
}

#[test]
fn what_is_not_synchronised_yet_is_said() {
    let document = read("docs/reference/fields.md");
    for file in [
        "src/sync/workspace/fields.rs",
        "src/sync/template/fields.rs",
    ] {
        let text = read(file);
        let (_, body) = text.split_once("pub fn unsupported").unwrap();
        let texts = body.split('"').skip(1).step_by(2);
        let names: Vec<_> = texts.filter(|text| !text.contains('{')).collect();
        assert!(!names.is_empty(), "no field is found in {file}");
        for name in names {
            let name = name.trim_start_matches("spec.");
            assert!(
                document
                    .lines()
                    .any(|line| line.starts_with(&format!("| `{name}` |"))
                        && line.contains("not yet")),
                "docs/reference/fields.md does not say that {name} is not synchronised yet"
            );
        }
    }
}

#[test]
fn what_both_sides_hold_is_said_to_be_declared_or_mirrored() {
    let document = read("docs/reference/fields.md");
    let (workspaces, templates) = document.split_once("## CoderTemplate").unwrap();
    let of_workspaces = CoderWorkspace::FIELDS.iter().map(|field| field.name);
    let of_templates = CoderTemplate::FIELDS.iter().map(|field| field.name);
    let rows = of_workspaces.map(|name| (workspaces, name));
    for (page, name) in rows.chain(of_templates.map(|name| (templates, name))) {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let is_said = row.is_some_and(|row| row.contains("declared or mirrored"));
        assert!(is_said, "{name}: {row:?}");
    }
}

#[test]
fn every_field_of_spec_is_described() {
    let mut document = read("docs/reference/fields.md");
    document.push_str(&read("docs/reference/control-planes.md"));
    for crd in coder_k8s::api::crd::all() {
        let crd = serde_json::to_value(crd).unwrap();
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
        for name in crd.pointer(spec).unwrap().as_object().unwrap().keys() {
            assert!(
                document.contains(&format!("| `{name}`")),
                "{name} of {}",
                crd["spec"]["names"]["kind"]
            );
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut documents = files("docs", "md");
    documents.push(crate::root().join("README.md"));
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let there = document.parent().unwrap().join(path);
            assert!(there.exists(), "{} links to {target}", document.display());
        }
    }
}

#[test]
fn every_document_is_found_from_the_index() {
    let index = read("docs/README.md");
    for document in files("docs", "md") {
        let path = document
            .strip_prefix(crate::root().join("docs"))
            .unwrap()
            .display()
            .to_string();
        assert!(
            path == "README.md" || index.contains(&format!("({path})")),
            "{path} is not listed"
        );
    }
}

#[test]
fn the_map_of_the_repository_is_complete() {
    let readme = read("README.md");
    for entry in fs::read_dir(crate::root())
        .unwrap()
        .chain(fs::read_dir(crate::root().join("src")).unwrap())
    {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') && name != "target" {
            assert!(
                readme.contains(&format!("{name}/")),
                "{name}/ is not in README.md"
            );
        }
    }
}

#[test]
fn scripts_that_are_named_exist() {
    let mut documents = files("docs", "md");
    documents.extend(["README.md", ".ci/run"].map(|name| crate::root().join(name)));
    for document in documents {
        for part in fs::read_to_string(&document)
            .unwrap()
            .split("hack/")
            .skip(1)
        {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
                .collect();
            let name = name.trim_end_matches('.');
            assert!(
                crate::root().join("hack").join(name).exists(),
                "{}: hack/{name}",
                document.display()
            );
        }
    }
}

/// Whoever follows the ways that the page describes finds each file.
#[test]
fn the_files_of_the_architecture_exist() {
    let page = read("docs/explanation/architecture.md");
    let named = page.split('`').skip(1).step_by(2);
    let files: BTreeSet<_> = named
        .filter(|name| {
            name.starts_with("src/") || name.starts_with("tests/") || name.starts_with("hack/")
        })
        .collect();
    assert!(files.len() > 30, "{files:?}");
    let missing: Vec<_> = files
        .into_iter()
        .filter(|name| !crate::root().join(name).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
