//! What a JSON string says, byte by byte.

/// Stands for each character beyond ASCII that is written as an escape. No rule names such a
/// character; raw ones come as their own bytes of UTF-8, which are not ASCII either.
const BEYOND_ASCII: u8 = 0xff;

/// What one more byte of a string's spelling gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The character is not complete.
    Partial,
    /// A byte of decoded text.
    Unit(u8),
    /// The quote that ends the string.
    Closed,
    /// No escape of JSON.
    Broken,
}

/// Decodes the inside of one string.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// How many bytes the last unit, or the part of it that was read, takes.
    spelled: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Plain,
    Escape,
    /// So many hexadecimal digits are missing; the value of those read.
    Code(u8, u32),
}

impl Decoder {
    /// Reads one byte of the spelling.
    pub(super) fn feed(&mut self, byte: u8) -> Step {
        let (state, step) = match self.state {
            State::Plain => {
                self.spelled = 0;
                plain(byte)
            }
            State::Escape => escape(byte),
            State::Code(missing, value) => code(missing, value, byte),
        };
        self.state = state;
        self.spelled += 1;
        step
    }

    /// Whether the next byte begins a character.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Plain)
    }

    /// How many bytes the last unit takes, or the part of it that was read.
    pub(super) fn spelled(&self) -> usize {
        self.spelled
    }
}

fn plain(byte: u8) -> (State, Step) {
    match byte {
        b'"' => (State::Plain, Step::Closed),
        b'\\' => (State::Escape, Step::Partial),
        other => (State::Plain, Step::Unit(other)),
    }
}

fn escape(byte: u8) -> (State, Step) {
    let unit = match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return (State::Code(4, 0), Step::Partial),
        _ => return (State::Plain, Step::Broken),
    };
    (State::Plain, Step::Unit(unit))
}

fn code(missing: u8, value: u32, byte: u8) -> (State, Step) {
    let Some(digit) = char::from(byte).to_digit(16) else {
        return (State::Plain, Step::Broken);
    };
    let value = value * 16 + digit;
    if missing > 1 {
        return (State::Code(missing - 1, value), Step::Partial);
    }
    let unit = u8::try_from(value)
        .ok()
        .filter(u8::is_ascii)
        .unwrap_or(BEYOND_ASCII);
    (State::Plain, Step::Unit(unit))
}
