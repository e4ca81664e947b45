//! Loopback ports that stay ours while a server is down.
//!
//! A port chosen by the kernel is free only until somebody else asks: a test that stops a server
//! and starts it again on the same port would sometimes meet a stranger there. So ports are taken
//! in blocks below the kernel's own range, and a locked file keeps other beds away from a block
//! for as long as its holder lives, however it ends.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
};

use crate::{Error, claim::folder_of_beds, file};

const FIRST: u16 = 20_000;
const BLOCK: u16 = 10;
const BLOCKS: u16 = 1_000;

/// A block of ports, ours until dropped.
#[derive(Debug)]
pub struct Ports {
    next: u16,
    end: u16,
    _lock: File,
}

impl Ports {
    /// Takes a free block of ten loopback ports.
    pub fn reserve() -> Result<Self, Error> {
        let folder = folder_of_beds().join("ports");
        file::make_folder(&folder)?;
        let start = fastrand::u16(0..BLOCKS);
        for offset in 0..BLOCKS {
            let block = (start + offset) % BLOCKS;
            let path = folder.join(block.to_string());
            let lock = File::create(&path).map_err(Error::file("make the port lock", &path))?;
            let next = FIRST + block * BLOCK;
            if lock.try_lock().is_ok() && (next..next + BLOCK).all(is_free) {
                return Ok(Self {
                    next,
                    end: next + BLOCK,
                    _lock: lock,
                });
            }
        }
        Err(Error::NoPorts {
            first: FIRST,
            last: FIRST + BLOCKS * BLOCK - 1,
        })
    }

    /// The next port of the block.
    pub fn take(&mut self) -> Result<u16, Error> {
        if self.next == self.end {
            return Err(Error::NoPorts {
                first: self.end - BLOCK,
                last: self.end - 1,
            });
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blocks_share_no_port() {
        let mut one = Ports::reserve().unwrap();
        let mut other = Ports::reserve().unwrap();
        assert_ne!(one.take().unwrap() / BLOCK, other.take().unwrap() / BLOCK);
    }

    #[test]
    fn a_block_ends() {
        let mut ports = Ports::reserve().unwrap();
        for _ in 0..BLOCK {
            ports.take().unwrap();
        }
        assert!(ports.take().is_err());
    }
}
