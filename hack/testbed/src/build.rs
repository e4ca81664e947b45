//! The binaries of a bed: built once into a cache outside the checkout, or the user's own.

mod cache;
mod mirror;
mod module;
mod source;
mod wait;

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{Error, tool};

use module::Module;
pub use source::go_program;

/// Where each program of a bed is.
#[derive(Debug, Clone)]
pub struct Binaries {
    pub(crate) etcd: PathBuf,
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) kube_controller_manager: PathBuf,
    pub(crate) kubectl: PathBuf,
    pub(crate) coder: PathBuf,
    /// A folder in the form that Terraform installs providers from without a network.
    pub(crate) terraform_mirror: PathBuf,
}

impl Binaries {
    /// Builds what is not there yet. Blocks, the first time for minutes; tells its progress.
    pub fn ensure(progress: &dyn Fn(&str)) -> Result<Self, Error> {
        let kubernetes = Self::kubernetes(progress)?;
        let (coder, terraform_mirror) = Self::coder(progress)?;
        let [etcd, kube_apiserver, kube_controller_manager, kubectl] = kubernetes;
        Ok(Self {
            etcd,
            kube_apiserver,
            kube_controller_manager,
            kubectl,
            coder,
            terraform_mirror,
        })
    }

    fn kubernetes(progress: &dyn Fn(&str)) -> Result<[PathBuf; 4], Error> {
        const VARIABLE: &str = "KUBEBUILDER_ASSETS";
        let names = [
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kubectl",
        ];
        let Some(assets) = env::var_os(VARIABLE).map(PathBuf::from) else {
            let folder = Module::kubernetes().build(progress)?;
            return Ok(names.map(|name| folder.join(name)));
        };
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            if !tool::is_program(&assets.join(name)) {
                let problem = "which has not all of etcd, kube-apiserver and kubectl";
                return Err(Error::Setting {
                    variable: VARIABLE,
                    path: assets,
                    problem,
                });
            }
        }
        let mut paths = names.map(|name| assets.join(name));
        if let [_, _, controller_manager, _] = &mut paths
            && !tool::is_program(controller_manager)
        {
            let folder = Module::controller_manager().build(progress)?;
            *controller_manager = folder.join("kube-controller-manager");
        }
        Ok(paths)
    }

    fn coder(progress: &dyn Fn(&str)) -> Result<(PathBuf, PathBuf), Error> {
        const VARIABLE: &str = "CODER_BIN";
        let Some(coder) = env::var_os(VARIABLE).map(PathBuf::from) else {
            let folder = Module::coder().build(progress)?;
            return Ok((folder.join("coder"), folder.join("mirror")));
        };
        if !tool::is_program(&coder) {
            let problem = "which is no program";
            return Err(Error::Setting {
                variable: VARIABLE,
                path: coder,
                problem,
            });
        }
        let folder = Module::provider().build(progress)?;
        Ok((coder, folder.join("mirror")))
    }

    /// The folders with `kubectl` and `coder`, for PATH.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        [&self.kubectl, &self.coder]
            .into_iter()
            .filter_map(|program| program.parent().map(Path::to_owned))
            .collect()
    }
}
