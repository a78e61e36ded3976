//! Which message a block belongs to, and how the journal writes that.

use crate::record::Cursor;

/// Where blocks come from: a concentrator's envelopes outlive its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Via {
    Link(u64),
    Concentrator(u32),
}

/// What the blocks of a run are parts of. Blocks under one key never join those under another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Run {
    /// An APDU, in general-block-transfer.
    General,
    /// The same inside a cipher: whose it is, and what proves it.
    Sealed { meter: u32, key_check: u32 },
    /// The answer to a GET, in data-blocks, in clear or not.
    Answer {
        invoke_id: u8,
        meter: u32,
        key_check: u32,
    },
}

/// Which message a block belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) via: Via,
    pub(crate) source: u16,
    pub(crate) destination: u16,
    /// The device behind a gateway or in an envelope.
    pub(crate) device: Vec<u8>,
    /// How many messages in blocks it lies inside.
    pub(crate) depth: u8,
    pub(crate) run: Run,
}

impl Way {
    /// Before all that come that way.
    pub(crate) const fn first(via: Via) -> Self {
        Self {
            via,
            source: 0,
            destination: 0,
            device: Vec::new(),
            depth: 0,
            run: Run::General,
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        let via = match (cursor.u8()?, cursor.u64()?) {
            (0, link) => Via::Link(link),
            (1, dcu) => Via::Concentrator(u32::try_from(dcu).ok()?),
            _ => return None,
        };
        Some(Self {
            via,
            source: cursor.u16()?,
            destination: cursor.u16()?,
            device: cursor.counted()?.to_vec(),
            depth: cursor.u8()?,
            run: match (cursor.u8()?, cursor.u8()?, cursor.u32()?, cursor.u32()?) {
                (0, ..) => Run::General,
                (1, _, meter, key_check) => Run::Sealed { meter, key_check },
                (2, invoke_id, meter, key_check) => Run::Answer {
                    invoke_id,
                    meter,
                    key_check,
                },
                _ => return None,
            },
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (via, id) = match self.via {
            Via::Link(link) => (0, link),
            Via::Concentrator(dcu) => (1, u64::from(dcu)),
        };
        out.push(via);
        out.extend(id.to_le_bytes());
        out.extend(self.source.to_le_bytes());
        out.extend(self.destination.to_le_bytes());
        let device = u32::try_from(self.device.len()).unwrap_or(u32::MAX);
        out.extend(device.to_le_bytes());
        out.extend_from_slice(&self.device);
        let (run, invoke_id, meter, key_check) = match self.run {
            Run::General => (0, 0, 0, 0),
            Run::Sealed { meter, key_check } => (1, 0, meter, key_check),
            Run::Answer {
                invoke_id,
                meter,
                key_check,
            } => (2, invoke_id, meter, key_check),
        };
        out.extend([self.depth, run, invoke_id]);
        out.extend(meter.to_le_bytes());
        out.extend(key_check.to_le_bytes());
    }
}
