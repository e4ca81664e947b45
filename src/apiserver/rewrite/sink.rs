//! Where a streaming filter's output goes: copied in long runs, with a short tail held back.

/// What is being done with the bytes that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Copy,
    /// They wait for a decision.
    Hold,
    Drop,
}

/// What outlives a chunk.
#[derive(Debug, Default)]
pub(super) struct Pending {
    mode: Mode,
    /// The held bytes of earlier chunks.
    held: Vec<u8>,
}

impl Pending {
    /// Gives up what is held.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self).held
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.held.capacity()
    }
}

/// The output of one chunk. Positions are those of the chunk, and never go back.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    chunk: &'a [u8],
    /// All before was written, dropped, or is in `pending.held`.
    done: usize,
    /// Where holding began, at least in this chunk. If something is held from earlier chunks, this
    /// is `done`.
    mark: usize,
    pending: &'a mut Pending,
    output: &'a mut Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(chunk: &'a [u8], pending: &'a mut Pending, output: &'a mut Vec<u8>) -> Self {
        Self {
            chunk,
            done: 0,
            mark: 0,
            pending,
            output,
        }
    }

    pub(super) fn is_holding(&self) -> bool {
        self.pending.mode == Mode::Hold
    }

    /// Holds back what comes from `at` on.
    pub(super) fn hold(&mut self, at: usize) {
        self.pending.mode = Mode::Hold;
        self.mark = at;
    }

    /// Lets all that is held go, as it is.
    pub(super) fn release(&mut self) {
        if self.is_holding() {
            self.output.append(&mut self.pending.held);
            self.pending.mode = Mode::Copy;
        }
    }

    /// Decides on all that is held before `at` but its last `tail` bytes, which stay held: lets it
    /// go as it is, or writes `replacement` instead.
    pub(super) fn settle(&mut self, at: usize, tail: usize, replacement: Option<&str>) {
        let fresh = at - self.mark;
        let earlier = self
            .pending
            .held
            .len()
            .saturating_sub(tail.saturating_sub(fresh));
        let cut = at - tail.min(fresh);
        match replacement {
            Some(text) => {
                self.write(self.mark);
                self.output.extend_from_slice(text.as_bytes());
                self.pending.held.drain(..earlier);
                self.done = cut;
            }
            None => self.output.extend(self.pending.held.drain(..earlier)),
        }
        self.mark = cut;
    }

    /// Leaves the byte at `at` out of what is held.
    pub(super) fn skip(&mut self, at: usize) {
        self.park(at);
        self.done = at + 1;
        self.mark = self.done;
    }

    /// Drops what is held, and all that comes until [`Self::end_drop`].
    pub(super) fn begin_drop(&mut self, at: usize) {
        let end = if self.is_holding() { self.mark } else { at };
        self.write(end);
        self.pending.held.clear();
        self.pending.mode = Mode::Drop;
    }

    /// Ends dropping before `at`.
    pub(super) fn end_drop(&mut self, at: usize) {
        if self.pending.mode == Mode::Drop {
            self.pending.mode = Mode::Copy;
            self.done = at;
        }
    }

    /// The chunk ends.
    pub(super) fn finish(mut self) {
        match self.pending.mode {
            Mode::Copy => self.write(self.chunk.len()),
            Mode::Hold => self.park(self.chunk.len()),
            Mode::Drop => {}
        }
    }

    /// Writes the part of the chunk that is not done and before `end`.
    fn write(&mut self, end: usize) {
        let run = self.chunk.get(self.done..end).unwrap_or_default();
        self.output.extend_from_slice(run);
        self.done = end;
    }

    /// Moves what is held before `end` out of the chunk.
    fn park(&mut self, end: usize) {
        self.write(self.mark);
        let run = self.chunk.get(self.mark..end).unwrap_or_default();
        self.pending.held.extend_from_slice(run);
        self.done = end;
        self.mark = end;
    }
}
