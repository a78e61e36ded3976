//! What association APDUs on a link tell about the protected services that follow: whose they are,
//! and under which dedicated key.
//!
//! Rule 1: an association proves nothing. It says which keys to try; what they open is proven by its
//! own tag. Rule 2: a dedicated key is learnt from a request whose tag verified under the meter's
//! global key and whose counter is new, so that an old request opens no door. Rule 3: it is held in
//! memory alone: after a restart the meter associates anew.

use std::collections::{BTreeMap, VecDeque};

use cosem::apdu::between::{
    Between, TAG_AARE, TAG_AARQ, TAG_GLO_INITIATE_REQUEST, TAG_INITIATE_REQUEST, TAG_RLRE, between,
    dedicated_key,
};
use cosem::general::service;

use super::opening::Took;
use super::transfers::Under;
use super::{Decoder, Frame, Known, identity};
use crate::ledger::{Outcome, ReadCounts};
use crate::other_keys::Line;
use crate::record::CounterRow;
use crate::state::Order;
use crate::transfers::{Run, Via, Way};

/// Associations of one link: a link is one meter's or a concentrator's, whose devices are told apart.
const PER_LINK_MAX: usize = 1_024;
/// The longest initiate-request that waits for the answer that tells whose it is.
const REQUEST_BYTES_MAX: usize = 256;

/// Associations by what they run over, the oldest first to go.
#[derive(Default)]
pub(super) struct Associations {
    open: BTreeMap<Way, Association>,
    ages: VecDeque<Way>,
    max: usize,
}

#[derive(Default)]
struct Association {
    meter: Option<usize>,
    dedicated_key: Vec<u8>,
    /// A ciphered initiate-request, and the title of who sent it.
    request: Option<([u8; 8], Vec<u8>)>,
}

impl Associations {
    pub(super) fn new(max: u32) -> Self {
        Self {
            max: usize::try_from(max.max(1)).unwrap_or(usize::MAX),
            ..Self::default()
        }
    }

    /// The dedicated key of the association that `frame` belongs to, if it is that meter's.
    pub(super) fn dedicated_key(&self, frame: &Frame<'_>, meter: usize) -> Option<&[u8]> {
        let association = self.open.get(&way(frame))?;
        let is_its_own = association.meter == Some(meter) && !association.dedicated_key.is_empty();
        is_its_own.then_some(association.dedicated_key.as_slice())
    }

    fn meter(&self, frame: &Frame<'_>) -> Option<usize> {
        self.open.get(&way(frame))?.meter
    }

    fn of(&mut self, frame: &Frame<'_>) -> &mut Association {
        let way = way(frame);
        if !self.open.contains_key(&way) {
            self.make_room(way.via);
            self.ages.push_back(way.clone());
        }
        self.open.entry(way).or_default()
    }

    /// No link takes the places of others before it has its share.
    fn make_room(&mut self, via: Via) {
        let on_link = self.open.range(Way::first(via)..);
        let full = on_link.take_while(|(way, _)| way.via == via).count() >= PER_LINK_MAX;
        let gone = if full {
            self.ages.iter().position(|way| way.via == via)
        } else {
            (self.open.len() >= self.max).then_some(0)
        };
        if let Some(way) = gone.and_then(|at| self.ages.remove(at)) {
            self.open.remove(&way);
        }
    }

    fn end(&mut self, frame: &Frame<'_>) {
        let way = way(frame);
        if self.open.remove(&way).is_some() {
            self.ages.retain(|each| *each != way);
        }
    }
}

/// Both directions of one association.
fn way(frame: &Frame<'_>) -> Way {
    let mut way = Way::of(frame, Run::General);
    if way.source > way.destination {
        core::mem::swap(&mut way.source, &mut way.destination);
    }
    way.depth = 0;
    way
}

impl Decoder {
    /// The meter that the link's association is with, for a frame without a title.
    #[cold]
    pub(super) fn associated(&self, frame: &Frame<'_>, title: &[u8]) -> Option<usize> {
        if !title.is_empty() {
            return None;
        }
        let meter = self.associations.meter(frame)?;
        self.meters.get(meter).filter(|meter| meter.active)?;
        Some(meter)
    }

    /// AARQ, AARE, RLRQ, RLRE and the initiate APDUs: recognised, learnt from, and nothing to store.
    pub(super) fn association(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        under: Under,
        apdu: &[u8],
    ) -> Took {
        const RECOGNISED: Took = Ok((Outcome::Accepted, ReadCounts::NONE));
        if frame.again.is_some() || frame.resent() {
            return RECOGNISED;
        }
        match apdu.first() {
            Some(&TAG_RLRE) => {
                between(apdu)?;
                self.associations.end(frame);
            }
            Some(&(TAG_AARQ | TAG_AARE)) => {
                let between = between(apdu)?;
                self.parties(frame, known, &between);
            }
            Some(&TAG_INITIATE_REQUEST) => {
                // In clear it brings no key that anybody should use.
                if let Some((meter, proof)) = under
                    && proof.verified.is_some()
                    && proof.order == Order::Fresh
                {
                    self.learn(frame, meter, apdu);
                }
            }
            _ => {}
        }
        RECOGNISED
    }

    fn parties(&mut self, frame: &Frame<'_>, known: &mut Known, between: &Between<'_>) {
        let titles = [between.sender, between.called];
        let by_title = titles
            .into_iter()
            .flatten()
            .find_map(|title| self.meters.by_title(title));
        let named = identity::of_body(&self.meters, frame, &[])
            .ok()
            .or(by_title);
        let association = self.associations.of(frame);
        if named.is_some() && named != association.meter {
            association.meter = named;
            association.dedicated_key.clear();
        }
        if let (Some(title), Some(request)) = (between.sender, between.information)
            && request.first() == Some(&TAG_GLO_INITIATE_REQUEST)
            && request.len() <= REQUEST_BYTES_MAX
        {
            association.request = Some((title, request.to_vec()));
        }
        let Some(meter) = association.meter else {
            return;
        };
        let request = association.request.take();
        self.know(meter, known);
        if let Some((title, request)) = request {
            self.open_request(frame, known, meter, title, &request);
        }
    }

    /// Opens a client's initiate-request under the meter's global key; a key it brings is learnt.
    fn open_request(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        index: usize,
        title: [u8; 8],
        request: &[u8],
    ) {
        let Ok(request) = service(request) else {
            return;
        };
        let Some(meter) = self.meters.get_mut(index) else {
            return;
        };
        let own = meter.title == title;
        let Some(key) = self.open_keys.of(meter) else {
            return;
        };
        let mut plain = Vec::new();
        let control = request.control;
        let opened = key.open(control, &title, request.counter, request.body, &mut plain);
        if opened.is_err() || !control.authenticated() || control.broadcast() {
            return;
        }
        let key_check = meter.key_check;
        let line = Line { title, key_check };
        let order = if own {
            self.state.progress(index).order(key_check, request.counter)
        } else {
            self.state.lines.order(index, line, request.counter)
        };
        if order != Order::Fresh {
            return;
        }
        if own {
            self.state.advance(index, key_check, request.counter);
            self.building.counter(CounterRow {
                meter: known.meter,
                counter: request.counter,
                key_check,
            });
        } else {
            self.advance_line(index, known.meter, line, request.counter);
        }
        self.learn(frame, index, &plain);
    }

    fn learn(&mut self, frame: &Frame<'_>, meter: usize, initiate_request: &[u8]) {
        if let Ok(Some(key)) = dedicated_key(initiate_request) {
            let association = self.associations.of(frame);
            association.meter = Some(meter);
            association.dedicated_key = key.to_vec();
        }
    }
}
