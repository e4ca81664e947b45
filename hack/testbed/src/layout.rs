//! Where things are inside a bed's folder.

use std::path::{Path, PathBuf};

use crate::{Error, file};

/// Every child of a bed has this variable, set to the bed's folder: what is left over after a
/// crash is found by it, and a stranger with a recycled process number never is.
pub(crate) const MARKER: &str = "TESTBED_DIRECTORY";

/// What a bed makes in its folder; nothing else is ever removed from it. The claim comes last:
/// a removal that was cut off can be taken up again.
pub(crate) const MADE: &[&str] = &[
    "env",
    "env.unfinished",
    "access.json",
    "access.unfinished",
    "kubeconfig",
    "kubeconfigs",
    "tokens",
    "certificates",
    "postgres",
    "etcd",
    "kubernetes",
    "coder",
    "home",
    "temporary",
    "logs",
    CLAIM,
];

/// The file that says whose folder it is, locked while the owner lives.
pub(crate) const CLAIM: &str = "testbed.json";

/// The paths of one bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) directory: PathBuf,
}

impl Layout {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Makes the folders that every part expects.
    pub(crate) fn make_folders(&self) -> Result<(), Error> {
        let names = [
            "kubeconfigs",
            "tokens",
            "certificates",
            "kubernetes",
            "coder",
            "home",
        ];
        for name in names.into_iter().chain(["temporary", "logs", "postgres"]) {
            file::make_folder(&self.directory.join(name))?;
        }
        Ok(())
    }

    pub(crate) fn claim(&self) -> PathBuf {
        self.directory.join(CLAIM)
    }

    pub(crate) fn access(&self) -> PathBuf {
        self.directory.join("access.json")
    }

    pub(crate) fn environment(&self) -> PathBuf {
        self.directory.join("env")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.directory
            .join("certificates")
            .join(format!("{name}.crt"))
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.directory
            .join("certificates")
            .join(format!("{name}.key"))
    }

    pub(crate) fn public_key(&self, name: &str) -> PathBuf {
        self.directory
            .join("certificates")
            .join(format!("{name}.pub"))
    }

    pub(crate) fn token(&self, name: &str) -> PathBuf {
        self.directory.join("tokens").join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join("logs").join(format!("{name}.log"))
    }

    pub(crate) fn postgres_data(&self) -> PathBuf {
        self.directory.join("postgres").join("data")
    }
}
