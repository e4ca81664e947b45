//! Removes a bed when its program ended without doing so.
//!
//! The children die by their death signal, but nobody would remove the folder: a shared bed is a
//! static, and statics are not dropped. So a small shell script waits for the end of its standard
//! input, which is the end of this program.

use std::{
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{Error, layout::Layout};

const SCRIPT: &str = include_str!("guard.sh");

/// A waiting script; it ends by itself once the bed's folder is gone.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    /// Starts the script in a process group of its own, out of reach of Ctrl-C.
    pub(crate) fn start(layout: &Layout) -> Result<Self, Error> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "testbed-guard"])
            .arg(&layout.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn {
                program: "sh".to_owned(),
                source,
            })?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Lets the script end; to be called when the folder is gone.
    pub(crate) fn dismiss(mut self) {
        drop(self.input.take());
        // Nothing to be done about a script that cannot be waited for.
        self.child.wait().ok();
    }
}
