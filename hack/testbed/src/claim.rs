//! Whose folder it is, and whether the owner still lives.
//!
//! The owner keeps the claim file locked; the kernel gives the lock back however the owner ends.
//! A claim that can be locked is therefore stale, and what it stands for is swept.

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, file, layout::Layout, leftovers};

/// The owner as written into the claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// Process number.
    pub(crate) process: u32,
    /// Start of that process, so that a recycled number is told apart.
    pub(crate) started: Option<u64>,
    /// Whether the folder itself was made, and so has to go too.
    pub(crate) made_folder: bool,
}

/// A folder that is ours until dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    layout: Layout,
    owner: Owner,
    _lock: File,
}

impl Claim {
    /// Takes a folder, after sweeping what a dead owner left in it.
    pub(crate) fn take(directory: &Path) -> Result<Self, Error> {
        let made_folder = !directory.exists();
        file::make_folder(directory)?;
        let directory = directory
            .canonicalize()
            .map_err(Error::file("find", directory))?;
        let layout = Layout::new(&directory);
        sweep(&layout)?;
        // A sweep removes a folder that the dead owner had made.
        let made_folder = made_folder || !directory.exists();
        file::make_folder(&directory)?;
        if fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::NotABed { directory });
        }
        let process = std::process::id();
        let owner = Owner {
            process,
            started: leftovers::start_time(process),
            made_folder,
        };
        let path = layout.claim();
        let mut lock = File::create_new(&path).map_err(Error::file("claim", &path))?;
        lock.lock().map_err(Error::file("lock", &path))?;
        let text = serde_json::to_string(&owner).unwrap_or_default();
        lock.write_all(text.as_bytes())
            .map_err(Error::file("write", &path))?;
        Ok(Self {
            layout,
            owner,
            _lock: lock,
        })
    }

    /// Takes a new folder below the folder of beds, after sweeping all beds with dead owners.
    pub(crate) fn take_new() -> Result<Self, Error> {
        let parent = folder_of_beds();
        file::make_folder(&parent)?;
        // Nobody sweeps while a bed has a folder and no locked claim yet.
        let path = parent.join("lock");
        let lock = File::create(&path).map_err(Error::file("make the lock", &path))?;
        lock.lock().map_err(Error::file("lock", &path))?;
        sweep_all(&parent);
        let name = format!("bed-{}-{:08x}", std::process::id(), fastrand::u32(..));
        Self::take(&parent.join(name))
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Ends what is left of the bed and removes what it made.
    pub(crate) fn clean(&self) -> bool {
        clean(&self.layout, &self.owner)
    }
}

/// The folder below which the beds of tests live.
pub(crate) fn folder_of_beds() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    env::temp_dir().join(format!("coder-k8s-testbed-{user}"))
}

/// Removes every bed whose owner has ended.
fn sweep_all(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("bed-") {
            let layout = Layout::new(&entry.path());
            // A bed in use, or one that resists, is not a reason to refuse a new one.
            if matches!(sweep(&layout), Ok(())) {
                fs::remove_dir(entry.path()).ok();
            }
        }
    }
}

/// Removes what a dead owner left in a folder; refuses when the owner lives.
pub(crate) fn sweep(layout: &Layout) -> Result<(), Error> {
    let path = layout.claim();
    let Ok(claim) = File::open(&path) else {
        return Ok(());
    };
    let owner = owner(layout);
    if claim.try_lock().is_err() {
        let process = owner.map_or(0, |owner| owner.process);
        return Err(Error::InUse {
            directory: layout.directory.clone(),
            process,
        });
    }
    let made_folder = owner.is_some_and(|owner| owner.made_folder);
    clean(
        layout,
        &Owner {
            process: 0,
            started: None,
            made_folder,
        },
    );
    Ok(())
}

/// Who claims the folder, if the claim can be read.
pub(crate) fn owner(layout: &Layout) -> Option<Owner> {
    serde_json::from_str(&fs::read_to_string(layout.claim()).ok()?).ok()
}

/// The owner of a folder, if it lives.
pub(crate) fn living_owner(layout: &Layout) -> Option<Owner> {
    let claim = File::open(layout.claim()).ok()?;
    if claim.try_lock().is_ok() {
        None
    } else {
        owner(layout)
    }
}

fn clean(layout: &Layout, owner: &Owner) -> bool {
    let clean = leftovers::clean(layout);
    if owner.made_folder {
        // Stays when somebody put something into it.
        fs::remove_dir(&layout.directory).ok();
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_owner_keeps_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let claim = Claim::take(folder.path()).unwrap();
        let refusal = Claim::take(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("holds a running test bed"), "{refusal}");
        assert!(living_owner(claim.layout()).is_some());
        drop(claim);
        Claim::take(folder.path()).unwrap();
    }

    #[test]
    fn a_dead_owner_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("bed");
        let claim = Claim::take(&directory).unwrap();
        let layout = claim.layout().clone();
        layout.make_folders().unwrap();
        drop(claim);
        sweep(&layout).unwrap();
        assert!(!directory.exists());
    }

    #[test]
    fn a_folder_with_other_things_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis"), "text").unwrap();
        assert!(matches!(
            Claim::take(folder.path()),
            Err(Error::NotABed { .. })
        ));
        assert!(folder.path().join("thesis").exists());
    }
}
