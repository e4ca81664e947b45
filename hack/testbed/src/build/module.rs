//! The Go modules whose tools a bed runs. They have no code of ours, only `tool` lines; their
//! go.sum is verified by Go as always.

use std::{
    env::temp_dir,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{cache, mirror, wait::wait_telling};
use crate::{Error, file, tool};

const KUBERNETES: &str = "k8s.io/kubernetes";
const CODER: &str = "github.com/coder/coder/v2";
const PROVIDER_MODULE: &str = "github.com/coder/terraform-provider-coder/v2";

/// Something to build.
#[derive(Debug)]
pub(super) struct Module {
    /// Name of the entry in the cache.
    name: &'static str,
    /// Its go.mod.
    requirements: &'static str,
    /// Its go.sum.
    sums: &'static str,
    /// The module whose version the binaries tell.
    main: &'static str,
    /// What to build: all tools, or some packages.
    packages: &'static [&'static str],
    /// Whether the Terraform provider is among the results.
    has_provider: bool,
}

impl Module {
    pub(super) fn kubernetes() -> Self {
        Self {
            name: "kubernetes",
            requirements: include_str!("../../go/kubernetes/go.mod"),
            sums: include_str!("../../go/kubernetes/go.sum"),
            main: KUBERNETES,
            packages: &["tool"],
            has_provider: false,
        }
    }

    /// For those who bring the rest: the usual asset folders lack it.
    pub(super) fn controller_manager() -> Self {
        let packages = &["k8s.io/kubernetes/cmd/kube-controller-manager"];
        Self {
            packages,
            ..Self::kubernetes()
        }
    }

    pub(super) fn coder() -> Self {
        Self {
            name: "coder",
            requirements: include_str!("../../go/coder/go.mod"),
            sums: include_str!("../../go/coder/go.sum"),
            main: CODER,
            packages: &["tool"],
            has_provider: true,
        }
    }

    /// For those who bring coderd.
    pub(super) fn provider() -> Self {
        Self {
            packages: &[PROVIDER_MODULE],
            ..Self::coder()
        }
    }

    /// Builds it unless the cache has it, and gives back its folder in the cache.
    pub(super) fn build(&self, progress: &dyn Fn(&str)) -> Result<PathBuf, Error> {
        let root = cache::root();
        let go = tool::go()?;
        let module = self.unpack()?;
        let version = version_of(self.requirements, self.main);
        let flags = self.linker_flags(version);
        let target = go_environment(&go, module.path(), &["GOVERSION", "GOOS", "GOARCH"])?;
        let name = format!("{}-{}", self.name, self.key(&target, &flags));
        cache::get_or_make(&root, &name, progress, |folder| {
            let log = root.join(format!("{name}.log"));
            let what = format!("{} {version}", self.name);
            self.compile(&go, module.path(), &flags, folder, &log, &|state| {
                progress(&format!("{what}: {state}"));
            })?;
            rename_etcd(folder)?;
            if self.has_provider {
                let version = version_of(self.requirements, PROVIDER_MODULE);
                mirror::make(folder, version, &target)?;
            }
            fs::remove_file(&log).map_err(Error::file("remove", &log))
        })
    }

    /// The module as files for Go. The program carries them, since it may be run where the checkout
    /// that it was built from is not.
    fn unpack(&self) -> Result<TempDir, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("make a folder in", &temp_dir()))?;
        for (name, text) in [("go.mod", self.requirements), ("go.sum", self.sums)] {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(Error::file("write", &path))?;
        }
        Ok(folder)
    }

    fn linker_flags(&self, version: &str) -> String {
        let plain = version.trim_start_matches('v');
        let mut parts = plain.split('.');
        let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
        if self.main == CODER {
            // coder puts the v before it by itself.
            return format!("-s -w -X {CODER}/buildinfo.tag={plain}");
        }
        let stamp = "k8s.io/component-base/version.git";
        format!("-s -w -X {stamp}Version={version} -X {stamp}Major={major} -X {stamp}Minor={minor}")
    }

    fn key(&self, target: &[String], flags: &str) -> String {
        let packages = self.packages.join(" ");
        let target = target.join(" ");
        hash(&[self.requirements, self.sums, &target, flags, &packages])
    }

    fn compile(
        &self,
        go: &Path,
        module: &Path,
        flags: &str,
        folder: &Path,
        log: &Path,
        progress: &dyn Fn(&str),
    ) -> Result<(), Error> {
        progress("building; the first time this takes minutes (downloads included)");
        fs::File::create(log).map_err(Error::file("make the log", log))?;
        let command = || Error::spawn("go build");
        let output = file::open_log(log)?;
        let errors = output.try_clone().map_err(command())?;
        let start = Instant::now();
        let child = Command::new(tool::setpriv()?)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(go)
            .args(["build", "-buildvcs=false", "-ldflags", flags, "-o"])
            .arg(folder)
            .args(self.packages)
            .current_dir(module)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(command())?;
        let status = wait_telling(child, start, progress).map_err(command())?;
        if !status.success() {
            return Err(Error::Command {
                command: format!("go build of {} (log: {})", self.name, log.display()),
                status: status.to_string(),
                output: file::tail(log),
            });
        }
        progress(&format!("built in {} s", start.elapsed().as_secs()));
        Ok(())
    }
}

/// etcd's main package is called `server`.
fn rename_etcd(folder: &Path) -> Result<(), Error> {
    let server = folder.join("server");
    if server.exists() {
        fs::rename(&server, folder.join("etcd")).map_err(Error::file("rename", &server))?;
    }
    Ok(())
}

/// The version that a go.mod requires of a module, empty when it is not required.
fn version_of<'a>(requirements: &'a str, module: &str) -> &'a str {
    requirements
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            line.strip_prefix("require ")
                .unwrap_or(line)
                .strip_prefix(module)
        })
        .filter_map(|rest| rest.strip_prefix(' '))
        .find_map(|rest| {
            rest.split_whitespace()
                .next()
                .filter(|version| version.starts_with('v'))
        })
        .unwrap_or_default()
}

pub(super) fn go_environment(
    go: &Path,
    folder: &Path,
    names: &[&str],
) -> Result<Vec<String>, Error> {
    let output = Command::new(go)
        .arg("env")
        .args(names)
        .current_dir(folder)
        .output()
        .map_err(Error::spawn("go env"))?;
    if !output.status.success() {
        return Err(Error::Command {
            command: "go env".to_owned(),
            status: output.status.to_string(),
            output: file::last_lines(&String::from_utf8_lossy(&output.stderr)),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

pub(super) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hasher.finalize().iter().take(8) {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_requirements() {
        let text =
            "require a.b/c v1.2.3 // indirect\nrequire (\n\ta.b/cd v0.1.0\n\ta.b/d v4.5.6\n)";
        assert_eq!(version_of(text, "a.b/c"), "v1.2.3");
        assert_eq!(version_of(text, "a.b/d"), "v4.5.6");
        assert_eq!(version_of(text, "a.b/e"), "");
    }

    #[test]
    fn the_checked_in_modules_name_their_versions() {
        for module in [Module::kubernetes(), Module::coder()] {
            assert!(
                version_of(module.requirements, module.main).starts_with('v'),
                "{}",
                module.name
            );
        }
    }

    #[test]
    fn a_key_tells_its_parts_apart() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["a"]).len(), 16);
    }

    #[test]
    fn versions_are_stamped() {
        let flags = Module::kubernetes().linker_flags("v1.36.3");
        assert!(flags.contains("gitVersion=v1.36.3"), "{flags}");
        assert!(flags.contains("gitMajor=1 "), "{flags}");
        assert!(flags.ends_with("gitMinor=36"), "{flags}");
        let flags = Module::coder().linker_flags("v2.36.0");
        assert!(flags.ends_with("buildinfo.tag=2.36.0"), "{flags}");
    }
}
