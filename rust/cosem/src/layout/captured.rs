//! Layouts made of capture objects: a profile's own list of its columns (attribute 3), or the
//! `push_object_list` at the head of a body that describes itself.
//!
//! Rule 1: the list says which object stands where; scaler and unit come from the body, from the
//! meter's scaler profile or from a configured layout. A channel of which nobody told them makes no
//! layout: nothing is assumed.

use super::{BodyShape, Channel, FieldSpec, LayoutSpec, Target};
use crate::axdr::{self, Limits, Value};
use crate::{Layer, Reader};

use super::value;

/// The block load survey of IS 15959, load profile 1 of the Blue Book.
const LOAD_PROFILE: [u8; 6] = [1, 0, 99, 1, 0, 255];
/// Device id, name, time and list.
const PUSH_ELEMENTS: u8 = 4;
const CLASS_PROFILE: u16 = 7;
const CLASS_CLOCK: u16 = 8;
const CLASS_PUSH_SETUP: u16 = 40;
/// Columns of a profile, and elements of a body, that a list may have.
const OBJECTS_MAX: usize = 64;
const UNIT_NONE: u8 = 255;
/// The meter health indicator of IS 15959 meters.
const HEALTH: [u8; 6] = [0, 0, 96, 10, 1, 255];
const LIST_LIMITS: Limits = Limits {
    depth_max: 4,
    elements_max: 1_024,
};

/// One captured attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Captured {
    /// Interface class.
    pub class: u16,
    /// Logical name.
    pub obis: [u8; 6],
    /// Attribute.
    pub attribute: i8,
}

/// Power of ten and DLMS unit code of an object's numbers.
pub type Unit = (i8, u8);

impl Captured {
    /// A list of capture objects as a meter sends it; `None` when the bytes are none.
    pub fn list(bytes: &[u8]) -> Option<Vec<Self>> {
        let (Value::Array(entries) | Value::CompactArray(entries)) =
            axdr::whole(bytes, LIST_LIMITS).ok()?
        else {
            return None;
        };
        Self::entries(&entries)
    }

    /// A body that holds nothing but the columns of a profile: the profile's name, and the list.
    ///
    /// A push names the profile. A bare list, as an answer brings it, is that of the load profile when
    /// channels are in it: of no other profile do meters capture these.
    pub fn told(body: &[u8]) -> Option<([u8; 6], &[u8])> {
        if let Some(objects) = Self::list(body) {
            let load = objects.iter().any(|object| object.channel().is_some());
            return load.then_some((LOAD_PROFILE, body));
        }
        let mut reader = Reader::new(body, Layer::Data);
        (reader.take().ok()? == [value::tag::STRUCTURE, PUSH_ELEMENTS]).then_some(())?;
        element(&mut reader)?;
        let [value::tag::OCTET_STRING, 6, name @ ..] = reader.take::<8>().ok()? else {
            return None;
        };
        element(&mut reader)?;
        let list = element(&mut reader)?;
        (reader.is_empty() && Self::list(list).is_some()).then_some((name, list))
    }

    fn entries(entries: &[Value]) -> Option<Vec<Self>> {
        let sized = !entries.is_empty() && entries.len() <= OBJECTS_MAX;
        let objects = || entries.iter().map(Self::entry).collect();
        sized.then(objects)?
    }

    /// class, logical name, attribute, data index; a push object list may say more behind.
    fn entry(entry: &Value) -> Option<Self> {
        let Value::Structure(fields) = entry else {
            return None;
        };
        let [
            Value::Unsigned("long-unsigned", class),
            Value::Octets("octet-string", name),
            Value::Signed("integer", attribute),
            Value::Unsigned("long-unsigned", _),
            ..,
        ] = fields.as_slice()
        else {
            return None;
        };
        Some(Self {
            class: u16::try_from(*class).ok()?,
            obis: name.as_slice().try_into().ok()?,
            attribute: i8::try_from(*attribute).ok()?,
        })
    }

    const fn is_clock(self) -> bool {
        self.class == CLASS_CLOCK && self.attribute == 2
    }

    /// The channel that this object is the read of.
    pub fn channel(self) -> Option<Channel> {
        (self.attribute == 2).then(|| Channel::of_obis(self.obis))?
    }
}

impl LayoutSpec {
    /// The layout of rows with these columns, in this order; `unit` tells scaler and unit of a name.
    /// `None` when no channel is among them, or one whose unit nobody told.
    pub fn of_captured(
        name: &str,
        body: BodyShape,
        logical_names: Vec<[u8; 6]>,
        objects: &[Captured],
        unit: impl Fn([u8; 6]) -> Option<Unit>,
    ) -> Option<Self> {
        let mut fields = Vec::with_capacity(objects.len());
        let mut clocks = 0_u32;
        for object in objects {
            let channel = object.channel();
            let (scaler, code) = match channel {
                Some(_) => unit(object.obis)?,
                None => (0, UNIT_NONE),
            };
            let target = match channel {
                Some(channel) => Target::Channel(channel),
                None if object.is_clock() && clocks == 0 => Target::Clock,
                None if object.obis == HEALTH && object.attribute == 2 => Target::Status,
                None => Target::Ignored,
            };
            clocks = clocks.saturating_add(u32::from(target == Target::Clock));
            fields.push(FieldSpec {
                obis: object.obis,
                attribute: object.attribute,
                target,
                scaler,
                unit: code,
            });
        }
        let any = objects.iter().any(|object| object.channel().is_some());
        (any && clocks == 1).then(|| Self {
            name: name.to_owned(),
            logical_names,
            body,
            fields,
        })
    }
}

/// A body whose first element lists the objects of all its elements, itself among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Every element: what it is, and its bytes.
    elements: Vec<(Captured, &'a [u8])>,
}

impl<'a> Listed<'a> {
    /// Reads the list and finds the elements' bytes; `None` when the body does not describe itself.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body, Layer::Data);
        (reader.u8().ok()? == value::tag::STRUCTURE).then_some(())?;
        let count = reader.length().ok()?;
        (2..=OBJECTS_MAX).contains(&count).then_some(())?;
        let list = element(&mut reader)?;
        let objects = Captured::list(list)?;
        let first = objects.first()?;
        let itself = first.class == CLASS_PUSH_SETUP && first.attribute == 2;
        (itself && objects.len() == count).then_some(())?;
        let mut elements = vec![(*first, list)];
        for object in objects.into_iter().skip(1) {
            elements.push((object, element(&mut reader)?));
        }
        reader.is_empty().then_some(Self { elements })
    }

    /// All objects, the list itself first.
    pub fn objects(&self) -> Vec<Captured> {
        self.elements.iter().map(|(object, _)| *object).collect()
    }

    /// Scaler and unit of a name whose attribute 3 is in the body.
    pub fn unit(&self, obis: [u8; 6]) -> Option<Unit> {
        let told = |(object, _): &&(Captured, &[u8])| object.obis == obis && object.attribute == 3;
        let (_, bytes) = self.elements.iter().find(told)?;
        unit_of(&axdr::whole(bytes, LIST_LIMITS).ok()?)
    }

    /// Profiles of which this attribute is in the body, with its bytes: 2 is rows, 3 their columns.
    pub fn profiles(&self, attribute: i8) -> impl Iterator<Item = ([u8; 6], &'a [u8])> + '_ {
        let ours = move |(object, _): &&(Captured, &'a [u8])| {
            object.class == CLASS_PROFILE && object.attribute == attribute
        };
        let elements = self.elements.iter().filter(ours);
        elements.map(|(object, bytes)| (object.obis, *bytes))
    }
}

/// The units a scaler profile tells: one row, its columns the attribute 3 of the registers that
/// `objects` lists. They are matched by name: the profile has fewer columns than the rows it is for.
pub fn scaler_profile(objects: &[Captured], buffer: &[u8]) -> Vec<([u8; 6], Unit)> {
    let Ok(Value::Array(rows) | Value::CompactArray(rows)) = axdr::whole(buffer, LIST_LIMITS)
    else {
        return Vec::new();
    };
    let Some(Value::Structure(row)) = rows.into_iter().next() else {
        return Vec::new();
    };
    let columns = objects.iter().zip(&row);
    let told = columns.filter(|(object, _)| row.len() == objects.len() && object.attribute == 3);
    told.filter_map(|(object, value)| Some((object.obis, unit_of(value)?)))
        .collect()
}

/// structure{scaler, unit}.
fn unit_of(value: &Value) -> Option<Unit> {
    let Value::Structure(fields) = value else {
        return None;
    };
    let [
        Value::Signed("integer", scaler),
        Value::Unsigned("enum", unit),
    ] = fields.as_slice()
    else {
        return None;
    };
    Some((i8::try_from(*scaler).ok()?, u8::try_from(*unit).ok()?))
}

/// The bytes of the next value.
fn element<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let before = reader.rest();
    value::skip(reader).ok()?;
    before.get(..before.len().checked_sub(reader.rest().len())?)
}
