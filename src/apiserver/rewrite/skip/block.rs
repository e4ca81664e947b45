//! Sixty-four bytes of JSON at once, one bit for each byte: bit 0 is the first one.

/// Where the bytes are that matter to skipping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

/// How many bytes a block has.
pub(super) const LENGTH: usize = 64;

/// Every second bit, the first one included.
const EVEN: u64 = 0x5555_5555_5555_5555;

impl Block {
    pub(super) fn new(bytes: &[u8; LENGTH]) -> Self {
        let mut block = Self {
            quotes: 0,
            backslashes: 0,
            opens: 0,
            closes: 0,
        };
        let (words, _) = bytes.as_chunks::<8>();
        for word in words.iter().rev() {
            let word = u64::from_le_bytes(*word);
            // Brackets and braces differ in one bit.
            let folded = word | repeat(0x20);
            block.quotes = block.quotes << 8 | equal(word, b'"');
            block.backslashes = block.backslashes << 8 | equal(word, b'\\');
            block.opens = block.opens << 8 | equal(folded, b'{');
            block.closes = block.closes << 8 | equal(folded, b'}');
        }
        block
    }

    /// The opening and closing brackets outside of strings. `escaped` and `in_text` say how the
    /// block begins, and are left as it ends.
    pub(super) fn brackets(self, escaped: &mut bool, in_text: &mut bool) -> (u64, u64) {
        let quotes = if self.backslashes == 0 && !*escaped {
            self.quotes
        } else {
            self.quotes & !self.escaped(escaped)
        };
        let mut inside = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        if *in_text {
            inside = !inside;
        }
        *in_text = inside >> (LENGTH - 1) == 1;
        (self.opens & !inside, self.closes & !inside)
    }

    /// The bytes after a backslash that is not itself escaped.
    fn escaped(self, carry: &mut bool) -> u64 {
        let first = u64::from(*carry);
        let backslashes = self.backslashes & !first;
        let after = backslashes << 1 | first;
        // Adding a run of backslashes to its start carries past its end; whether that is an even
        // distance tells whether the byte there is escaped.
        let odd_starts = backslashes & !EVEN & !after;
        let (even_runs, overflow) = odd_starts.overflowing_add(backslashes);
        *carry = overflow;
        (EVEN ^ (even_runs << 1)) & after
    }
}

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The bits of those of the eight bytes of `word` that are `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let low = repeat(0x7f);
    let different = word ^ repeat(byte);
    // The high bit of each byte: set exactly where all bits of `different` are clear.
    let high = !(((different & low) + low) | different | low);
    // Gathers the eight high bits in the topmost byte.
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
