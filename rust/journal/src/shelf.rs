//! What is durable and in which segment.

use std::collections::VecDeque;

use crate::frame::Digest;
use crate::group::Group;
use crate::reader::Span;
use crate::released::Released;
use crate::segment::Segment;

/// The segments from the oldest to the one being written.
pub(crate) struct Shelf {
    segments: VecDeque<Segment>,
    pub(crate) durable: u64,
}

impl Shelf {
    pub(crate) fn new(segments: VecDeque<Segment>, durable: u64) -> Self {
        Self { segments, durable }
    }

    /// The oldest position that is kept.
    pub(crate) fn first(&self) -> u64 {
        let oldest = self.segments.front();
        oldest.map_or(self.durable, |segment| segment.first)
    }

    pub(crate) fn bytes(&self) -> u64 {
        let bytes = self.segments.iter().map(|segment| segment.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    /// `segment` follows the newest one, which has `digest`.
    pub(crate) fn begin(&mut self, segment: Segment, digest: Digest) {
        if let Some(before) = self.segments.back_mut() {
            before.digest = Some(digest);
        }
        self.segments.push_back(segment);
    }

    /// `group` was synced at `start` of the newest segment, whose frames now end at `end`.
    pub(crate) fn publish(&mut self, group: &Group, start: u64, end: u64) {
        if let Some(segment) = self.segments.back_mut() {
            for (first, from) in &group.records {
                segment.note(*first, start.saturating_add(*from as u64));
            }
            segment.next = group.next;
            segment.bytes = end;
        }
        self.durable = group.next;
    }

    /// The first span of a read from `from` on, or the one behind the span of segment `before`.
    pub(crate) fn span(&self, from: u64, before: Option<u64>) -> Option<Span> {
        let ahead =
            |each: &&Segment| each.next > from && before.is_none_or(|before| each.first > before);
        let mut segments = self.segments.iter().filter(ahead);
        segments.find_map(|each| each.span(from))
    }

    /// Whether rows of the range are known to be lost.
    pub(crate) fn lost_between(&self, from: u64, next: u64) -> bool {
        let mut skips = self.segments.iter().flat_map(|segment| &segment.skips);
        skips.any(|skip| skip.first < next && skip.next > from)
    }

    /// The segments that `take_before` will give, oldest first.
    pub(crate) fn before(&self, position: u64) -> Vec<Released> {
        let sealed = self
            .segments
            .iter()
            .take_while(|each| each.next <= position);
        let entry = |each: &Segment| {
            Some(Released {
                first: each.first,
                next: each.next,
                digest: each.digest?,
            })
        };
        sealed.filter_map(entry).collect()
    }

    /// The segments as they stand.
    pub(crate) fn all(&self) -> Vec<Segment> {
        self.segments.iter().cloned().collect()
    }

    /// Takes the oldest segment off if nothing in it is needed from `position` on; never the newest.
    pub(crate) fn take_before(&mut self, position: u64) -> Option<Segment> {
        let oldest = self.segments.front().filter(|each| each.next <= position);
        if self.segments.len() < 2 || oldest.is_none() {
            return None;
        }
        self.segments.pop_front()
    }
}
