//! The Terraform provider in a folder that Terraform installs from without a network.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::{Error, file};

const PROVIDER: &str = "terraform-provider-coder";

/// Where Terraform looks for the provider `coder/coder` in a mirror: the host is part of each
/// provider's full name, nothing is fetched from it.
const PROVIDER_NAME: &str = "registry.terraform.io/coder/coder";

/// Moves the built provider of a version to where Terraform looks for it.
pub(super) fn make(folder: &Path, version: &str, target: &[String]) -> Result<(), Error> {
    let version = version.trim_start_matches('v');
    let platform = target.get(1..).unwrap_or_default().join("_");
    let place = folder
        .join("mirror")
        .join(PROVIDER_NAME)
        .join(version)
        .join(platform);
    file::make_folder(&place)?;
    let provider = place.join(format!("{PROVIDER}_v{version}"));
    let built = folder.join(PROVIDER);
    fs::rename(&built, &provider).map_err(Error::file("put in place", &provider))?;
    // Kept under its plain name too, relative, so that the cache can be moved.
    let relative = provider.strip_prefix(folder).unwrap_or(&provider);
    symlink(relative, &built).map_err(Error::file("link", &built))
}
