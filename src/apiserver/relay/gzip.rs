//! gzip of a stream, at the level that kube-apiserver uses.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

/// A compression that is under way.
pub(super) struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    /// Takes `bytes` and gives what is compressed so far, which may be nothing.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// Takes the last `bytes` and gives everything that is left.
    pub(super) fn finish(mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        self.0.finish()
    }
}
