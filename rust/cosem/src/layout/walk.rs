//! The general walk: one row, field by field, whatever integer types it uses.

use super::columns::Row;
use super::compile::Step;
use super::head::{no_layout, structure_of};
use super::scale::Scale;
use super::value::{self, Number, tag};
use super::{Channel, Layout};
use crate::clock::{Days, RawClock};
use crate::{DecodeError, Kind, Layer, Reader};

/// A clock or status tag followed by its length.
const DATE_TIME_BYTES: usize = 12;

/// What null-data and deltas refer to: the row above, sound or not (Green Book 9, clause 4.3.6: profile generic).
#[derive(Debug, Clone)]
pub(super) struct Above {
    /// Whether there is no row above that could be referred to.
    alone: bool,
    pub(super) interval_s: u32,
    pub(super) days: Days,
    clock: Option<RawClock>,
    raw: [i64; Channel::COUNT],
    known: u16,
    /// Channels whose value above was a float, and those values as they were stored.
    floats: u16,
    scaled: [u32; Channel::COUNT],
    status: u32,
}

impl Above {
    pub(super) fn new(interval_s: u32) -> Self {
        Self {
            alone: false,
            interval_s,
            days: Days::default(),
            clock: None,
            raw: [0; Channel::COUNT],
            known: 0,
            floats: 0,
            scaled: [0; Channel::COUNT],
            status: 0,
        }
    }
}

impl Above {
    /// Above a row that stands alone.
    pub(super) fn none() -> Self {
        Self {
            alone: true,
            ..Self::new(0)
        }
    }
}

/// One row, and what was wrong with it alone.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) row: Row,
    pub(super) fault: Option<DecodeError>,
}

impl Layout {
    /// Takes one row. An error is structural: the bytes after it cannot be trusted to be rows.
    pub(super) fn walk(
        &self,
        reader: &mut Reader<'_>,
        structured: bool,
        above: &mut Above,
    ) -> Result<Walked, DecodeError> {
        if structured {
            structure_of(reader, self.steps.len())?;
        }
        let mut walked = Walked::default();
        for step in &self.steps {
            let offset = reader.offset();
            let taken = match *step {
                Step::Clock => clock(reader, above)?.map(|clock| walked.row.clock = clock),
                Step::Channel(channel, scale) => {
                    self::channel(reader, above, channel, scale, &mut walked.row)?
                }
                Step::Status => status(reader, above)?.map(|status| walked.row.status = status),
                Step::Ignored => value::skip(reader).map(Ok)?,
            };
            if let (Err(kind), None) = (taken, walked.fault) {
                walked.fault = Some(DecodeError::new(Layer::Layout, offset, kind));
            }
        }
        Ok(walked)
    }
}

/// The outer result is the body's, the inner one the row's.
type Taken<T> = Result<Result<T, Kind>, DecodeError>;

fn clock(reader: &mut Reader<'_>, above: &mut Above) -> Taken<RawClock> {
    let misfit = no_layout(reader);
    let clock = match reader.u8()? {
        tag::NULL => next_clock(above),
        tag::DOUBLE_LONG_UNSIGNED => Ok(RawClock::unix(reader.be_u32()?).ok_or(misfit)?),
        tag::DATE_TIME => above.days.clock(&reader.take()?),
        tag::OCTET_STRING => match reader.length()? {
            DATE_TIME_BYTES => above.days.clock(&reader.take()?),
            other => reader.bytes(other).map(|_| Err(Kind::BadClock))?,
        },
        _ => return Err(misfit),
    };
    above.clock = clock.ok();
    Ok(clock)
}

/// null-data in the clock column is the clock above and one capture period; the first row has none above.
fn next_clock(above: &Above) -> Result<RawClock, Kind> {
    let clock = above.clock.ok_or(Kind::BadClock)?;
    let local_s = clock.local_s.saturating_add(i64::from(above.interval_s));
    Ok(RawClock { local_s, ..clock })
}

fn channel(
    reader: &mut Reader<'_>,
    above: &mut Above,
    channel: Channel,
    scale: Scale,
    row: &mut Row,
) -> Taken<()> {
    let misfit = no_layout(reader);
    let (Some(before), Some(value)) = (
        above.raw.get_mut(channel.index()),
        row.values.get_mut(channel.index()),
    ) else {
        return Err(misfit);
    };
    let known = above.known & channel.bit() != 0;
    let raw = match value::number(reader)? {
        Number::Null | Number::Delta(_) if above.alone => return Ok(Err(Kind::BadValue)),
        Number::Null if above.floats & channel.bit() != 0 => {
            let scaled = above.scaled.get(channel.index());
            *value = scaled.copied().unwrap_or_default();
            row.present |= channel.bit();
            return Ok(Ok(()));
        }
        Number::Null if !known => return Ok(Ok(())),
        Number::Null => *before,
        Number::Absolute(number) => number,
        Number::Delta(_) if above.floats & channel.bit() != 0 => return Ok(Err(Kind::BadValue)),
        // The first row's delta is absolute: 0 stands above it.
        Number::Delta(delta) => match before.checked_add(delta) {
            Some(number) => number,
            None => return Ok(Err(Kind::BadValue)),
        },
        Number::Huge => return Ok(Err(Kind::BadValue)),
        Number::Other(tag @ (tag::FLOATING_POINT | tag::FLOAT32 | tag::FLOAT64)) => {
            let scaled = scale.apply_float(&value::float(reader, tag)?);
            above.known &= !channel.bit();
            above.floats |= channel.bit();
            return Ok(scaled.map(|scaled| {
                *value = scaled;
                if let Some(place) = above.scaled.get_mut(channel.index()) {
                    *place = scaled;
                }
                row.present |= channel.bit();
            }));
        }
        Number::Other(_) => return Err(misfit),
    };
    *before = raw;
    above.known |= channel.bit();
    above.floats &= !channel.bit();
    Ok(scale.apply(raw).map(|scaled| {
        *value = scaled;
        row.present |= channel.bit();
    }))
}

/// A health word: an integer, up to 32 bits of a bit-string (its first bit is bit 0), or up to 4 octets.
fn status(reader: &mut Reader<'_>, above: &mut Above) -> Taken<u32> {
    let misfit = no_layout(reader);
    let status = match value::number(reader)? {
        Number::Null if above.alone => Err(Kind::BadValue),
        Number::Null => Ok(above.status),
        Number::Absolute(number) => u32::try_from(number).map_err(|_| Kind::BadValue),
        Number::Other(tag::BOOLEAN) => Ok(u32::from(reader.u8()? != 0)),
        Number::Other(tag::BIT_STRING) => {
            let bits = reader.length()?;
            let unused = u32::try_from(bits).map_or(0, |bits| u32::BITS.saturating_sub(bits));
            word(reader.bytes(bits.div_ceil(8))?)
                .map(|word| word.reverse_bits() & u32::MAX.checked_shr(unused).unwrap_or(0))
        }
        Number::Other(tag::OCTET_STRING) => {
            let octets = reader.counted()?;
            let unused_bits = 32_usize.saturating_sub(octets.len().saturating_mul(8));
            word(octets).map(|word| {
                word.checked_shr(u32::try_from(unused_bits).unwrap_or(0))
                    .unwrap_or(0)
            })
        }
        Number::Delta(_) | Number::Huge | Number::Other(_) => return Err(misfit),
    };
    above.status = status.unwrap_or(0);
    Ok(status)
}

/// Up to four octets, the first one uppermost, zeros behind the last.
fn word(octets: &[u8]) -> Result<u32, Kind> {
    let mut word = [0; 4];
    let room = word.get_mut(..octets.len()).ok_or(Kind::BadValue)?;
    room.copy_from_slice(octets);
    Ok(u32::from_be_bytes(word))
}
