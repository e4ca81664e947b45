//! `coder-k8s crds`: the CRDs of the program that runs, for `kubectl apply -f -` and for
//! `hack/generate.sh`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::api::crd;

/// The CRDs could not be given out.
#[derive(Debug, thiserror::Error)]
pub enum CrdsError {
    /// They are no YAML.
    #[error("cannot write the CRD {name} as YAML")]
    Yaml {
        /// The CRD.
        name: String,
        /// Why.
        source: serde_saphyr::ser::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path:?}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody reads what is printed.
    #[error("cannot print the CRDs")]
    Print(#[source] io::Error),
}

/// Writes one file a kind into `folder`, which is made if need be.
pub fn write(folder: &Path) -> Result<(), CrdsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| CrdsError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, yaml) in files()? {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        fs::write(&path, yaml).map_err(failed(&path))?;
    }
    Ok(())
}

/// Prints all as one stream of documents.
pub fn print(mut out: impl Write) -> Result<(), CrdsError> {
    for (_, yaml) in files()? {
        write!(out, "---\n{yaml}").map_err(CrdsError::Print)?;
    }
    out.flush().map_err(CrdsError::Print)
}

/// Name and text of each file.
fn files() -> Result<Vec<(String, String)>, CrdsError> {
    crd::all()
        .iter()
        .map(|crd| {
            let name = crd::file_name(crd);
            match crd::to_yaml(crd) {
                Ok(yaml) => Ok((name, yaml)),
                Err(source) => Err(CrdsError::Yaml { name, source }),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_print_hold_the_same_documents() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new/crds");
        write(&target).unwrap();
        let mut printed = Vec::new();
        print(&mut printed).unwrap();

        let mut expected = String::new();
        for (name, _) in files().unwrap() {
            expected.push_str("---\n");
            expected.push_str(&fs::read_to_string(target.join(name)).unwrap());
        }
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
        assert!(expected.contains("kind: CustomResourceDefinition"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file.join("crds")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }
}
