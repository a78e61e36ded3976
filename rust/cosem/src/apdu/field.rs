//! Fields of an APDU: a name and a value, in wire order, ready to be shown.

use super::Apdu;
use crate::axdr::Value;

/// One field's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Not there, where the standard lets it be absent.
    Absent,
    /// A number.
    Number(i64),
    /// A mark.
    Flag(bool),
    /// A name from the standard, or text.
    Text(String),
    /// Bytes.
    Octets(Vec<u8>),
    /// A-XDR data.
    Data(Value),
    /// Several.
    List(Vec<Self>),
    /// Fields that belong together.
    Record(Fields),
    /// An APDU carried in a field.
    Apdu(Box<Apdu>),
}

/// Named fields in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(&'static str, Field)>);

impl Fields {
    /// These fields and one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, field: impl Into<Field>) -> Self {
        self.push(name, field);
        self
    }

    /// Adds one more.
    pub fn push(&mut self, name: &'static str, field: impl Into<Field>) {
        self.0.push((name, field.into()));
    }

    /// The field called `name`.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0
            .iter()
            .find(|(each, _)| *each == name)
            .map(|(_, field)| field)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(field: Option<T>) -> Self {
        field.map_or(Self::Absent, Into::into)
    }
}

macro_rules! number {
    ($($from:ty)*) => {
        $(impl From<$from> for Field {
            fn from(number: $from) -> Self {
                Self::Number(number.into())
            }
        })*
    };
}

number!(u8 i8 u16 i16 u32 i64);

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Field {
    fn from(octets: &[u8]) -> Self {
        Self::Octets(octets.to_vec())
    }
}

impl From<Value> for Field {
    fn from(value: Value) -> Self {
        Self::Data(value)
    }
}

impl From<Vec<Self>> for Field {
    fn from(fields: Vec<Self>) -> Self {
        Self::List(fields)
    }
}

impl From<Fields> for Field {
    fn from(fields: Fields) -> Self {
        Self::Record(fields)
    }
}

impl From<Apdu> for Field {
    fn from(apdu: Apdu) -> Self {
        Self::Apdu(Box::new(apdu))
    }
}
