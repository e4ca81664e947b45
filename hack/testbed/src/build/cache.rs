//! The cache of built binaries: a folder appears complete or not at all.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{Error, file};

/// The folder that all builds of this user share.
pub(super) fn root() -> PathBuf {
    let given = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    given("CODER_K8S_CACHE").unwrap_or_else(|| {
        given("XDG_CACHE_HOME")
            .or_else(|| given("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(env::temp_dir)
            .join("coder-k8s")
    })
}

/// Gives back the folder of that name, made by `make` in a folder that is renamed at the end.
///
/// One build at a time: a second one waits, and then mostly finds what it wanted.
pub(super) fn get_or_make(
    root: &Path,
    name: &str,
    progress: &dyn Fn(&str),
    make: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let complete = root.join(name);
    if complete.is_dir() {
        return Ok(complete);
    }
    file::make_folder(root)?;
    let path = root.join("build.lock");
    let lock = File::create(&path).map_err(Error::file("make the lock", &path))?;
    if lock.try_lock().is_err() {
        progress("another build is running: waiting for its end");
        lock.lock().map_err(Error::file("lock", &path))?;
    }
    if complete.is_dir() {
        return Ok(complete);
    }
    remove_unfinished(root);
    let unfinished = root.join(format!("{name}.unfinished"));
    file::make_folder(&unfinished)?;
    if let Err(error) = make(&unfinished) {
        // Removed by the next build otherwise.
        fs::remove_dir_all(&unfinished).ok();
        return Err(error);
    }
    fs::rename(&unfinished, &complete).map_err(Error::file("put in place", &complete))?;
    Ok(complete)
}

/// Only to be called with the lock: then nobody is at work on them.
fn remove_unfinished(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".unfinished") {
            // What cannot be removed shows in the build itself.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(_: &Path) -> Result<(), Error> {
        Err(Error::Thread)
    }

    #[test]
    fn a_failed_build_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert!(get_or_make(root.path(), "one", &|_| (), fail).is_err());
        let names: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["build.lock"]);
    }

    #[test]
    fn a_second_call_builds_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("zero.unfinished")).unwrap();
        let make = |folder: &Path| file::write_secret(&folder.join("program"), "text");
        let folder = get_or_make(root.path(), "one", &|_| (), make).unwrap();
        assert!(folder.join("program").exists());
        assert_eq!(
            get_or_make(root.path(), "one", &|_| (), fail).unwrap(),
            folder
        );
        assert!(!root.path().join("zero.unfinished").exists());
    }

    #[test]
    fn two_builds_at_once_are_one() {
        let root = tempfile::tempdir().unwrap();
        let builds = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    get_or_make(root.path(), "one", &|_| (), |_| {
                        builds.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        Ok(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(builds.into_inner(), 1);
    }
}
