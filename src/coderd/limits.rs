//! The bounds of everything that could otherwise grow or wait without end.

use std::time::Duration;

/// How much one client may ask of its deployment and of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A call ends by then, all its attempts, pauses and the wait for a free slot included.
    pub deadline: Duration,
    /// The same for uploads and downloads of files (100 MiB at most).
    pub transfer_deadline: Duration,
    /// A connection is made by then, or the request was certainly not sent.
    pub connect_timeout: Duration,
    /// Requests on their way at the same time, shared by all clones of a client. coderd has 10
    /// database connections by default.
    pub in_flight: usize,
    /// How often a read is sent at most. Writes are sent once, whatever this says.
    pub attempts: usize,
    /// The largest reply that is taken in.
    pub reply_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            transfer_deadline: Duration::from_secs(5 * 60),
            connect_timeout: Duration::from_secs(10),
            in_flight: 8,
            attempts: 3,
            reply_bytes: 256 * 1024 * 1024,
        }
    }
}
