//! What a process holds in memory, as the kernel counts it.

use std::fs;

/// What a process holds, in kB.
pub struct Held {
    /// With its own code.
    pub resident: u64,
    /// What it has allocated.
    pub anonymous: u64,
}

impl Held {
    /// By the process of this id.
    pub fn by(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.unwrap().trim().trim_end_matches(" kB");
            number.parse().unwrap()
        };
        Self {
            resident: number("VmRSS:"),
            anonymous: number("RssAnon:"),
        }
    }
}
