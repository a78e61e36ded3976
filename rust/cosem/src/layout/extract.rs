//! A body to columns: the head, then runs of rows that look alike, then whatever is left one by one.

use super::columns::Columns;
use super::head::Head;
use super::template::Template;
use super::walk::Above;
use super::{BodyShape, Layout};
use crate::{DecodeError, Layer, Reader, axdr};

/// Row shapes a layout remembers; a fifth replaces the oldest.
const TEMPLATES_MAX: usize = 4;

/// What a body said about itself, and how many reads came out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extracted<'a> {
    /// The device id, when the body has one.
    pub device_id: Option<&'a [u8]>,
    /// The logical name of the push setup or profile, when the body has one.
    pub logical_name: Option<[u8; 6]>,
    /// Rows appended to the columns; refused rows are not among them.
    pub rows: usize,
}

/// A row that was refused alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRow {
    /// Where its bytes begin in the body.
    pub start: u32,
    /// Where they end.
    pub end: u32,
    /// What was wrong; its offset is the field's.
    pub error: DecodeError,
}

/// What the fast path made of the rows in front of it.
enum Run {
    /// This many rows are in the columns.
    Taken(usize),
    /// This many rows have a known shape but not all have sound values.
    Refused(usize),
    /// The next row has no known shape.
    Unlike,
}

/// `body` with everything packed or quirky in the standard's plain form: compact arrays as arrays
/// of tagged rows, swapped tags and untagged descriptors set right. `None` when it is plain already,
/// or no data at all.
#[cold]
pub fn plain(body: &[u8]) -> Option<Vec<u8>> {
    let (tree, _quirks) = axdr::tolerant(body, crate::profile::LIMITS).ok()?;
    let mut written = Vec::with_capacity(body.len());
    axdr::write(&tree, &mut written);
    (written != body).then_some(written)
}

impl Layout {
    /// Extracts every row of a notification's or profile's body.
    ///
    /// `interval_s` is the meter's capture period, which null-data in the clock column stands for.
    /// A structural fault refuses the body and leaves `out` and `bad` as they were; a row with an impossible
    /// clock, an unscalable or an outsized value goes to `bad` alone.
    pub fn extract<'a>(
        &mut self,
        body: &'a [u8],
        interval_s: u32,
        out: &mut Columns,
        bad: &mut Vec<BadRow>,
    ) -> Result<Extracted<'a>, DecodeError> {
        let (rows, bad_rows, mark) = (out.len(), bad.len(), out.mark());
        let head = self.body(body, interval_s, out, bad).inspect_err(|_| {
            out.roll_back(mark);
            bad.truncate(bad_rows);
        })?;
        Ok(Extracted {
            device_id: head.device_id,
            logical_name: head.logical_name,
            rows: out.len().saturating_sub(rows),
        })
    }

    /// Extracts one row that stands alone, as it was kept when it was refused: of a flat body all of
    /// it, of any other the row's structure.
    ///
    /// A row that refers to the one above it is refused: that one is not here.
    #[cold]
    pub fn extract_row(
        &mut self,
        row: &[u8],
        out: &mut Columns,
        bad: &mut Vec<BadRow>,
    ) -> Result<(), DecodeError> {
        if self.body == BodyShape::Flat {
            return self.extract(row, 0, out, bad).map(|_| ());
        }
        let mut reader = Reader::new(row, Layer::Data);
        let mut above = Above::none();
        let walked = self.walk(&mut reader, true, &mut above)?;
        reader.end()?;
        let end = reader.offset();
        match walked.fault {
            Some(error) => bad.push(BadRow {
                start: 0,
                end,
                error,
            }),
            None => out.push(&walked.row, (0, end)),
        }
        Ok(())
    }

    fn body<'a>(
        &mut self,
        body: &'a [u8],
        interval_s: u32,
        out: &mut Columns,
        bad: &mut Vec<BadRow>,
    ) -> Result<Head<'a>, DecodeError> {
        let mut reader = Reader::new(body, Layer::Data);
        let head = self.head(&mut reader)?;
        let mut rows = Rows {
            layout: self,
            head: &head,
            above: None,
            interval_s,
            last_run_row: None,
            may_be_alike: true,
            may_learn: true,
        };
        rows.all(&mut reader, out, bad)?;
        reader.end()?;
        Ok(head)
    }
}

/// The rows of one body.
struct Rows<'l, 'a> {
    layout: &'l mut Layout,
    head: &'l Head<'a>,
    /// Made when the first row is walked: most bodies have none that is.
    above: Option<Above>,
    interval_s: u32,
    /// The last row the fast path took: the row above, should a slow one follow.
    last_run_row: Option<&'a [u8]>,
    /// Whether all rows may still turn out to have one shape.
    may_be_alike: bool,
    /// One shape is learnt from a body at most, so that a hostile one cannot make every row allocate.
    may_learn: bool,
}

impl<'a> Rows<'_, 'a> {
    fn all(
        &mut self,
        reader: &mut Reader<'a>,
        out: &mut Columns,
        bad: &mut Vec<BadRow>,
    ) -> Result<(), DecodeError> {
        let mut left = self.head.rows;
        while left > 0 {
            let slow = match self.run(reader, left, out)? {
                Run::Taken(rows) => {
                    left = left.saturating_sub(rows);
                    continue;
                }
                Run::Refused(rows) => rows,
                Run::Unlike => 1,
            };
            for _ in 0..slow {
                self.one(reader, out, bad)?;
            }
            left = left.saturating_sub(slow);
        }
        Ok(())
    }

    /// Takes as many rows as share the shape of the next one.
    fn run(
        &mut self,
        reader: &mut Reader<'a>,
        left: usize,
        out: &mut Columns,
    ) -> Result<Run, DecodeError> {
        let (bytes, start) = (reader.rest(), reader.offset());
        // Rows that all look alike are compared word by word, once in a body: were it tried again after
        // every odd row, a body of odd rows would cost the square of its length.
        let whole = core::mem::take(&mut self.may_be_alike);
        let mut templates = self.layout.templates.iter();
        let Some((template, (rows, region))) = templates.find_map(|template| {
            let all = whole.then(|| template.all(bytes, left)).flatten();
            Some((template, all.or_else(|| template.some(bytes, left))?))
        }) else {
            return Ok(Run::Unlike);
        };
        let mark = out.mark();
        if !template.extract(region, start, &mut self.layout.days, out) {
            out.roll_back(mark);
            return Ok(Run::Refused(rows));
        }
        let (_, last) = region.split_at(region.len().saturating_sub(template.stride()));
        self.last_run_row = Some(last);
        reader.bytes(region.len())?;
        if !self.head.structured
            && let Some(span) = out.spans.last_mut()
        {
            *span = (0, reader.offset()); // The row is the body.
        }
        Ok(Run::Taken(rows))
    }

    /// Takes one row, whatever it looks like.
    fn one(
        &mut self,
        reader: &mut Reader<'a>,
        out: &mut Columns,
        bad: &mut Vec<BadRow>,
    ) -> Result<(), DecodeError> {
        let structured = self.head.structured;
        let above = self
            .above
            .get_or_insert_with(|| Above::new(self.interval_s));
        if let Some(row) = self.last_run_row.take() {
            let mut again = Reader::new(row, Layer::Data);
            self.layout.walk(&mut again, structured, above)?;
        }
        let (bytes, mut start) = (reader.rest(), reader.offset());
        let walked = self.layout.walk(reader, structured, above)?;
        let end = reader.offset();
        if !structured {
            start = 0; // As above.
        }
        if let Some(error) = walked.fault {
            bad.push(BadRow { start, end, error });
            return Ok(());
        }
        out.push(&walked.row, (start, end));
        let length = bytes.len().saturating_sub(reader.rest().len());
        self.learn(bytes.get(..length).unwrap_or_default());
        Ok(())
    }

    /// Remembers the shape of a sound row, so that rows like it are taken at once.
    fn learn(&mut self, row: &[u8]) {
        if !core::mem::take(&mut self.may_learn) {
            return;
        }
        let templates = &mut self.layout.templates;
        if templates.iter().any(|template| template.fits(row)) {
            return;
        }
        let Some(template) = Template::learn(&self.layout.steps, self.head.structured, row) else {
            return;
        };
        templates.truncate(TEMPLATES_MAX.saturating_sub(1));
        templates.insert(0, template);
    }
}
