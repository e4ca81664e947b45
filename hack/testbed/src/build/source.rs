//! Go programs of the tests: built once for each state of their source.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    cache,
    module::{go_environment, hash},
};
use crate::{Error, file, tool};

/// Builds the Go program whose module is `folder`, unless the cache has it, and gives back its file.
/// Blocks; `go.sum` is verified by Go as always.
pub fn go_program(folder: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    let name = folder
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or("program");
    let root = cache::root();
    let go = tool::go()?;
    let target = go_environment(&go, folder, &["GOVERSION", "GOOS", "GOARCH"])?;
    let entry = format!("{name}-{}", key(folder, &target)?);
    let built = cache::get_or_make(&root, &entry, progress, |place| {
        compile(&go, folder, &place.join(name))
    })?;
    Ok(built.join(name))
}

/// Stands for everything that the program is made of.
fn key(folder: &Path, target: &[String]) -> Result<String, Error> {
    let mut parts = target.to_vec();
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for path in files {
        parts.push(
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
        );
        parts.push(file::read(&path)?);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(hash(&parts))
}

fn compile(go: &Path, folder: &Path, program: &Path) -> Result<(), Error> {
    let output = Command::new(tool::setpriv()?)
        .args(["--pdeathsig", "KILL", "--"])
        .arg(go)
        .args(["build", "-mod=readonly", "-buildvcs=false", "-o"])
        .arg(program)
        .arg(".")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::spawn("go build"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Command {
        command: format!("go build of {}", folder.display()),
        status: output.status.to_string(),
        output: file::last_lines(&String::from_utf8_lossy(&output.stderr)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main.go");
        fs::write(&main, "package main").unwrap();
        let target = ["go1".to_owned()];
        let first = key(folder.path(), &target).unwrap();
        assert_eq!(key(folder.path(), &target).unwrap(), first);
        fs::write(&main, "package main // changed").unwrap();
        assert_ne!(key(folder.path(), &target).unwrap(), first);
        assert_ne!(key(folder.path(), &["go2".to_owned()]).unwrap(), first);
    }
}
