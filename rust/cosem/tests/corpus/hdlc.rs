//! HDLC links written by a script of frames, flags, noise and damage: a fuzzer alone would hardly
//! ever find a checksum that holds.

use cosem::framing::{Frames, Framing, Limits, Splitter, What};

use crate::limits::bounded;

/// Small enough for a fuzzer to reach.
const FRAME_BYTES_MAX: usize = 2_048;
const FLAG: u8 = 0x7e;
/// Addresses of one, two and four bytes with the logical device or client they name.
const ADDRESSES: [(&[u8], u16); 4] = [
    (&[0x21], 16),
    (&[0x02, 0x23], 1),
    (&[0x02, 0x04, 0x06, 0x09], 130),
    (&[0x81], 64),
];

/// The first byte chooses how the link is cut, the rest is a script.
pub(crate) fn check(bytes: &[u8]) {
    let [size, script @ ..] = bytes else {
        return;
    };
    let link = Link::written_by(script);
    let whole = found(&link.bytes, link.bytes.len().max(1));
    assert_eq!(whole, found(&link.bytes, usize::from(*size).max(1)));
    assert_eq!(whole, found(&link.bytes, 1));
    if link.sound {
        let (messages, rest): (Vec<_>, Vec<_>) = whole.into_iter().partition(|(_, what)| {
            // A message over the limit is one reject.
            what.starts_with("apdu")
        });
        assert!(rest.is_empty(), "{rest:?}");
        assert_eq!(messages, link.messages);
    }
}

/// What was sent, and what must come of it while nothing is damaged.
#[derive(Default)]
struct Link {
    bytes: Vec<u8>,
    messages: Vec<(Vec<u8>, String)>,
    sound: bool,
}

impl Link {
    fn written_by(script: &[u8]) -> Self {
        let mut link = Self {
            sound: true,
            ..Self::default()
        };
        let mut rest = script;
        while let [operation, count, behind @ ..] = rest {
            let length = usize::from(*count).min(behind.len());
            let (content, behind) = behind.split_at_checked(length).unwrap_or((behind, &[]));
            match operation {
                0..0xc0 => link.message(*operation, content),
                0xc0..0xd0 => link.bytes.extend(std::iter::repeat_n(FLAG, length)),
                0xd0..0xe0 => link.noise(content),
                0xe0..0xf0 => link.damage(usize::from(*count)),
                _ => link.cut(usize::from(*count)),
            }
            rest = behind;
        }
        link
    }

    /// A message in up to three frames; `shape` chooses addresses, segments, LLC and shared flag.
    fn message(&mut self, shape: u8, content: &[u8]) {
        let (to, destination) = address(shape);
        let (from, source) = address(shape >> 2);
        // No byte that could begin an LLC: it would be taken off, or begin a new message.
        let apdu: Vec<u8> = content.iter().map(|byte| byte & 0x7f).collect();
        if apdu.is_empty() {
            return;
        }
        let llc: &[u8] = if shape & 0x40 == 0 {
            &[0xe6, 0xe7, 0]
        } else {
            &[]
        };
        let segments = usize::from(shape >> 4 & 3).saturating_add(1);
        let info = [llc, &apdu].concat();
        let size = info.len().div_ceil(segments).max(llc.len()).max(1);
        let pieces: Vec<&[u8]> = info.chunks(size).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let last = index.saturating_add(1) == pieces.len();
            self.frame(to, from, piece, !last, shape & 0x80 != 0);
        }
        let what = format!("apdu {source} {destination}");
        self.messages.push((apdu, what));
    }

    fn frame(&mut self, to: &[u8], from: &[u8], info: &[u8], segmented: bool, shared: bool) {
        let around = to.len().saturating_add(from.len()).saturating_add(7);
        let length = u16::try_from(info.len().saturating_add(around)).unwrap_or(0x7ff);
        let format = 0xa000 | length | if segmented { 0x0800 } else { 0 };
        let mut content = [&format.to_be_bytes(), to, from, &[0x13]].concat();
        content.extend(check_sequence(&content));
        content.extend(info);
        content.extend(check_sequence(&content));
        if !(shared && self.bytes.last() == Some(&FLAG)) {
            self.bytes.push(FLAG);
        }
        self.bytes.append(&mut content);
        self.bytes.push(FLAG);
    }

    fn noise(&mut self, noise: &[u8]) {
        self.sound &= noise.is_empty();
        self.bytes.extend(noise);
    }

    fn damage(&mut self, from_the_end: usize) {
        if let Some(byte) = self.bytes.iter_mut().nth_back(from_the_end) {
            *byte ^= 0x41;
            self.sound = false;
        }
    }

    fn cut(&mut self, count: usize) {
        self.sound &= count == 0;
        let left = self.bytes.len().saturating_sub(count);
        self.bytes.truncate(left);
    }
}

fn address(choice: u8) -> (&'static [u8], u16) {
    let index = usize::from(choice & 3);
    ADDRESSES.get(index).copied().unwrap_or((&[0x03], 1))
}

/// CRC-16/X.25, low byte first, written apart from the one under test.
fn check_sequence(bytes: &[u8]) -> [u8; 2] {
    let register = bytes.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 0 { 0 } else { 0x8408 }
        })
    });
    (register ^ 0xffff).to_le_bytes()
}

/// APDUs and rejects in order, free of where in the arena they lie.
fn found(bytes: &[u8], size: usize) -> Vec<(Vec<u8>, String)> {
    let mut splitter = Splitter::new(Framing::Hdlc, Limits::of_frames(FRAME_BYTES_MAX));
    let mut frames = Frames::default();
    bounded(bytes.len(), || {
        for chunk in bytes.chunks(size) {
            splitter.feed(chunk, &mut frames);
            assert!(splitter.pending_bytes() <= FRAME_BYTES_MAX);
        }
        splitter.finish(&mut frames);
    });
    let described = frames.entries.iter().map(|entry| match entry.what {
        What::Apdu {
            source,
            destination,
            ..
        } => {
            let what = format!("apdu {source} {destination}");
            (frames.get(entry.apdu).to_vec(), what)
        }
        What::Link { .. } | What::Reject(_) | What::Envelope { .. } | What::Notice => {
            (frames.get(entry.raw).to_vec(), format!("{:?}", entry.what))
        }
    });
    described.collect()
}
