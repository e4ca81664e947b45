//! Programs that the machine provides, and where each comes from when it is missing.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;

const OLDEST_POSTGRES: u32 = 13;

/// `go`, needed to build.
pub(crate) fn go() -> Result<PathBuf, Error> {
    required(
        "go",
        "Go 1.26 or newer (the Debian package golang-go, or the Go project's archive)",
    )
}

/// `terraform`, which coderd looks for on its PATH.
pub(crate) fn terraform() -> Result<PathBuf, Error> {
    required("terraform", "Terraform 1.1 to 1.14 and put it on PATH")
}

/// `setpriv`, which ties each child's life to its parent's.
pub(crate) fn setpriv() -> Result<PathBuf, Error> {
    required("setpriv", "the Debian package util-linux")
}

fn required(tool: &str, package: &'static str) -> Result<PathBuf, Error> {
    on_path(tool).ok_or_else(|| Error::MissingTool {
        tool: tool.to_owned(),
        package,
    })
}

/// The first program of that name on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

/// Whether the file is there and may be executed.
pub(crate) fn is_program(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The folder with `initdb` and `postgres`: the first on PATH, else the newest that Debian has.
pub(crate) fn postgres_folder() -> Result<PathBuf, Error> {
    let package = "the Debian package postgresql";
    let folder = postgres_folders()
        .into_iter()
        .find(|folder| is_program(&folder.join("postgres")) && is_program(&folder.join("initdb")))
        .ok_or_else(|| Error::MissingTool {
            tool: "initdb/postgres".to_owned(),
            package,
        })?;
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .map_err(|source| Error::Spawn {
            program: "postgres --version".to_owned(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major_version(&text) {
        Some(major) if major >= OLDEST_POSTGRES => Ok(folder),
        _ => Err(Error::OldTool {
            tool: "postgres",
            found: text,
            wanted: OLDEST_POSTGRES,
            package,
        }),
    }
}

/// A client program of PostgreSQL, such as `createdb`.
pub(crate) fn postgres_client(name: &str) -> Result<PathBuf, Error> {
    let folders = postgres_folders().into_iter();
    let mut programs = folders.map(|folder| folder.join(name));
    programs
        .find(|program| is_program(program))
        .ok_or_else(|| Error::MissingTool {
            tool: name.to_owned(),
            package: "the Debian package postgresql",
        })
}

fn postgres_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    folders.extend(versions.into_iter().map(|(_, folder)| folder));
    folders
}

/// The 15 in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_postgres_is_read() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("nonsense"), None);
    }

    #[test]
    fn a_missing_tool_names_its_package() {
        let error = required("no-such-program", "the Debian package nothing").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program was not found: install the Debian package nothing"
        );
    }
}
