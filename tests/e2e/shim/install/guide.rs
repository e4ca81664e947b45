//! The commands of a document.

use std::{path::Path, process::Stdio};

use testbed::Access;
use tokio::process::Command;

/// The blocks of shell commands of a document, by heading.
pub struct Guide {
    document: &'static str,
    sections: Vec<Section>,
    /// Where commands are run: as in a checkout, with what else they name.
    folder: tempfile::TempDir,
}

struct Section {
    heading: String,
    commands: Vec<String>,
    was_run: bool,
}

impl Guide {
    /// Reads `document`, a path in the repository.
    pub fn read(document: &'static str) -> Self {
        let text = std::fs::read_to_string(crate::root().join(document)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for part in ["crds", "deploy"] {
            copy(&crate::root().join(part), &folder.path().join(part));
        }
        std::fs::write(folder.path().join("token.txt"), "a token").unwrap();
        Self {
            document,
            sections: sections(&text),
            folder,
        }
    }

    /// Runs the commands below `heading` one after the other, as they are written.
    pub async fn run(&mut self, bed: &Access, heading: &str) {
        self.run_with(bed, heading, async |_| {}).await;
    }

    /// Where a file of its folder is.
    pub fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// Writes the blocks of YAML below `heading` to the `files` that it is about, in the folder that its
    /// commands are run in.
    pub fn write(&self, heading: &str, files: &[&str]) {
        let text = std::fs::read_to_string(crate::root().join(self.document)).unwrap();
        let (_, section) = text.split_once(&format!("# {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let blocks = section.split("```yaml\n").skip(1);
        let blocks: Vec<_> = blocks
            .map(|rest| rest.split("```").next().unwrap())
            .collect();
        assert_eq!(blocks.len(), files.len(), "{}: {heading}", self.document);
        for (file, block) in files.iter().zip(blocks) {
            let path = self.folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, block).unwrap();
        }
    }

    /// The same, and does `after` when a command has been run, which is given to it.
    pub async fn run_with(&mut self, bed: &Access, heading: &str, after: impl AsyncFn(&str)) {
        let section = self.sections.iter_mut().find(|one| one.heading == heading);
        let section =
            section.unwrap_or_else(|| panic!("{}: no commands below {heading}", self.document));
        section.was_run = true;
        for command in &section.commands {
            let (fine, said) = run(bed, self.folder.path(), command).await;
            assert!(fine, "{}, {heading}: {command}\n{said}", self.document);
            after(command).await;
        }
    }

    /// No command is there that nobody has tried.
    pub fn was_run(&self, but: &[&str]) {
        for Section {
            heading, was_run, ..
        } in &self.sections
        {
            let is_elsewhere = but.contains(&heading.as_str());
            assert!(*was_run != is_elsewhere, "{}: {heading}", self.document);
        }
    }
}

/// Each heading with the commands of its blocks of `sh`; headings without any are left out.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let (mut heading, mut in_block, mut command) = (String::new(), false, String::new());
    for line in text.lines() {
        match (in_block, line.trim()) {
            (true, "```") => in_block = false,
            (true, part) => {
                command += part;
                if command.ends_with('\\') {
                    command.truncate(command.len() - 1);
                    continue;
                }
                let command = std::mem::take(&mut command);
                match sections.last_mut().filter(|last| last.heading == heading) {
                    Some(last) => last.commands.push(command),
                    None => sections.push(Section {
                        heading: heading.clone(),
                        commands: vec![command],
                        was_run: false,
                    }),
                }
            }
            (false, "```sh") => in_block = true,
            (false, other) if other.starts_with('#') => {
                other
                    .trim_start_matches(['#', ' '])
                    .clone_into(&mut heading);
            }
            _ => {}
        }
    }
    sections
}

/// Copies a folder with all that is in it: not every command follows links.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), there).unwrap();
        }
    }
}

/// Runs `command` in a shell of somebody whose `kubectl` is for the bed.
async fn run(bed: &Access, folder: &Path, command: &str) -> (bool, String) {
    let own = bed.kubectl().parent().unwrap().as_os_str().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = Path::new(env!("CARGO_BIN_EXE_coder-k8s")).parent().unwrap();
    let folders = [own.into(), program.to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", command])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("KUBECONFIG", bed.kubeconfig())
        .env("HOME", bed.directory().join("home"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(super::cluster::PATIENCE, output).await;
    let Ok(output) = output else {
        return (false, "it does not end".to_owned());
    };
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

#[test]
fn commands_are_found_as_they_are_written() {
    let text = "# A\n```sh\none \\\n  --two\nthree\n```\n## B\n```yaml\nno: command\n```\n## C\n```sh\nfour\n```\n";
    let found: Vec<_> = sections(text)
        .into_iter()
        .map(|section| (section.heading, section.commands))
        .collect();
    let expected =
        [("A", vec!["one --two", "three"]), ("C", vec!["four"])].map(|(heading, commands)| {
            let commands: Vec<_> = commands.into_iter().map(str::to_owned).collect();
            (heading.to_owned(), commands)
        });
    assert_eq!(found, expected);
}
