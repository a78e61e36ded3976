//! Answers and reports that a concentrator hands on: their values go the way of a push's body.
//!
//! An answer does not say what was asked. A value that names itself, or that a layout fits, is taken;
//! any other is kept raw until there is a layout for it (`no_descriptor`).

use cosem::apdu::answer::{
    self, Answer, Report, TAG_GET_RESPONSE, TAG_INFORMATION_REPORT, get_response,
    information_report, read_response,
};
use cosem::encode;
use cosem::push::Notification;
use cosem::{DecodeError, Kind, Layer};

use super::opening::{Proof, Took};
use super::transfers::Under;
use super::{Decoder, Frame, Known, identity};

const TAG_STRUCTURE: u8 = 0x02;
const NULL_DATA: &[u8] = &[0];

/// When values were sent, by the sender.
type Sent = Option<[u8; 12]>;

impl Decoder {
    /// An answer or report in clear.
    pub(super) fn clear_answer(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        apdu: &[u8],
    ) -> Took {
        match read(apdu)? {
            (Answer::Block(block), _) => {
                let index = identity::of_body(&self.meters, frame, &[]).ok();
                if let Some(index) = index.or_else(|| self.associated(frame, &[])) {
                    self.clear(index, known)?;
                }
                self.data_block(frame, known, None, &block)
            }
            (answer, sent) => self.clear_values(frame, known, &answer, sent),
        }
    }

    /// An answer or report that was opened.
    pub(super) fn answered(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        meter: usize,
        proof: Proof,
        apdu: &[u8],
    ) -> Took {
        match read(apdu)? {
            (Answer::Block(block), _) => {
                self.data_block(frame, known, Some((meter, proof)), &block)
            }
            (answer, sent) => {
                let body = body(&answer);
                self.values(frame, known, meter, proof, &body, sent)
            }
        }
    }

    /// An answer joined from its data-blocks.
    pub(super) fn joined_answer(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        under: Under,
        message: &[u8],
    ) -> Took {
        let answer = answer::joined(message)?;
        match under {
            None => self.clear_values(frame, known, &answer, None),
            Some((meter, proof)) => {
                let body = body(&answer);
                self.values(frame, known, meter, proof, &body, None)
            }
        }
    }

    fn clear_values(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        answer: &Answer<'_>,
        sent: Sent,
    ) -> Took {
        let body = body(answer);
        let meter = identity::of_body(&self.meters, frame, &body)
            .or_else(|unknown| self.associated(frame, &[]).ok_or(unknown))?;
        self.clear(meter, known)?;
        self.values(frame, known, meter, Proof::CLEAR, &body, sent)
    }

    fn values(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        meter: usize,
        proof: Proof,
        body: &[u8],
        time: Sent,
    ) -> Took {
        let push = Notification {
            long_invoke_id: 0,
            confirmed: false,
            long_invoke_id_and_priority: 0,
            time,
            body,
            body_offset: 0,
        };
        let taken = self.push(frame, known, meter, proof, &push);
        taken.map_err(|error| {
            if error.kind == Kind::NoLayout {
                DecodeError::new(Layer::Layout, error.offset, Kind::NoDescriptor)
            } else {
                error
            }
        })
    }
}

fn read(apdu: &[u8]) -> Result<(Answer<'_>, Sent), DecodeError> {
    match apdu.first() {
        Some(&TAG_GET_RESPONSE) => Ok((get_response(apdu)?, None)),
        Some(&TAG_INFORMATION_REPORT) => {
            let Report { time, values } = information_report(apdu)?;
            let answer = match values.as_slice() {
                [only] => Answer::Value(only),
                _ => Answer::Values(values.into_iter().map(Some).collect()),
            };
            Ok((answer, time))
        }
        _ => Ok((read_response(apdu)?, None)),
    }
}

/// One value as it is; several as the structure that a push of them would be, with nothing where the
/// server refused one.
fn body(answer: &Answer<'_>) -> Vec<u8> {
    match answer {
        Answer::Value(value) => value.to_vec(),
        Answer::Block(block) => block.bytes.to_vec(),
        Answer::Values(values) => {
            let mut body = vec![TAG_STRUCTURE];
            encode::length(values.len(), &mut body);
            for value in values {
                body.extend_from_slice(value.unwrap_or(NULL_DATA));
            }
            body
        }
    }
}
