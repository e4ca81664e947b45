//! Files of a bed: written with errors that name the path, secrets readable by their owner only.

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::Error;

const TAIL_LINES: usize = 25;
const TAIL_BYTES: u64 = 8 * 1024;

/// Makes a folder and the folders above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("make the folder", path))
}

/// Writes a file that only its owner can read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::file("write", path))
}

/// Writes a file in one step: a reader sees nothing or all of it.
pub(crate) fn publish(path: &Path, text: &str) -> Result<(), Error> {
    let unfinished = path.with_extension("unfinished");
    write_secret(&unfinished, text)?;
    fs::rename(&unfinished, path).map_err(Error::file("write", path))
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Opens a log file to append to.
pub(crate) fn open_log(path: &Path) -> Result<fs::File, Error> {
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .open(path)
        .map_err(Error::file("open the log", path))
}

/// The last lines of a log, empty when there is none.
pub(crate) fn tail(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        file.read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => last_lines(&String::from_utf8_lossy(&bytes)),
        Err(_) => String::new(),
    }
}

/// The last lines of a text.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_lines() {
        let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let text = lines.join("\n");
        let tail = last_lines(&text);
        assert!(tail.starts_with("75\n"), "{tail}");
        assert!(tail.ends_with("\n99"), "{tail}");
        assert_eq!(last_lines("one"), "one");
    }

    #[test]
    fn a_missing_log_has_an_empty_tail() {
        assert_eq!(tail(Path::new("/nonexistent/log")), "");
    }
}
