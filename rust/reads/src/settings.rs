//! Every limit and tolerance of checking and decoding, by name, with its default.

/// What a [`Decoder`](crate::Decoder) is built with; it never changes afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A read may be stamped this far ahead of our clock.
    pub future_tolerance_s: u32,
    /// Reads that ended longer ago than this are quarantined.
    pub too_old_s: u32,
    /// Registers and events that are older than this are refused: billing profiles hold years.
    pub register_too_old_s: u32,
    /// Intervals per meter that are remembered to tell a repeated read from a changed one.
    pub duplicate_window: u16,
    /// Expanded cipher keys kept; a key that was dropped is expanded again when needed.
    pub open_keys_max: u32,
    /// Raw bytes kept of one reject.
    pub reject_raw_bytes_max: u32,
    /// Raw bytes kept of all rejects of one peer in one batch; rejects beyond keep none.
    pub reject_raw_bytes_per_peer_max: u32,
    /// Reject rows of one peer in one batch; beyond it they are only counted.
    pub rejects_per_peer_max: u32,
    /// Bytes of rejects of one peer in a day, over all its links; rejects beyond are only counted.
    pub rejects_bytes_per_peer_day_max: u64,
    /// Bytes of rejects of all peers in a day.
    pub rejects_bytes_day_max: u64,
    /// Peers whose rejects are counted apart; those beyond share one budget.
    pub reject_peers_max: u32,
    /// Bytes of one message joined from blocks.
    pub transfer_bytes_max: u32,
    /// Bytes of all frames that wait for the rest of their message.
    pub transfers_bytes_max: u32,
    /// Of those, the bytes of one link or concentrator.
    pub transfers_bytes_per_link_max: u32,
    /// How long a message may wait for its next block.
    pub transfer_timeout_s: u32,
    /// Failures in a row under a meter's key that raise an alarm.
    pub wrong_key_after: u32,
    /// Meters whose failures are counted.
    pub wrong_key_meters_max: u32,
    /// How long the old key is taken beside the new one, once a meter has turned to it.
    pub key_overlap_s: u32,
    /// Broadcast, dedicated and wrapped keys of one meter whose counters are remembered.
    pub other_counters_per_meter_max: u16,
    /// Associations whose parties and dedicated keys are remembered, over all links.
    pub associations_max: u32,
    /// Keys the hash of the duplicate windows. Snapshots hold only under the same seed.
    pub hash_seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            future_tolerance_s: 900,
            too_old_s: 90 * 86_400,
            register_too_old_s: 1_825 * 86_400,
            duplicate_window: 96,
            open_keys_max: 65_536,
            reject_raw_bytes_max: 4_096,
            reject_raw_bytes_per_peer_max: 1 << 20,
            rejects_per_peer_max: 10_000,
            rejects_bytes_per_peer_day_max: 1 << 30,
            rejects_bytes_day_max: 8 << 30,
            reject_peers_max: 65_536,
            transfer_bytes_max: 1 << 20,
            transfers_bytes_max: 64 << 20,
            transfers_bytes_per_link_max: 8 << 20,
            transfer_timeout_s: 300,
            wrong_key_after: 3,
            wrong_key_meters_max: 65_536,
            key_overlap_s: 7 * 86_400,
            other_counters_per_meter_max: 64,
            associations_max: 65_536,
            hash_seed: 0,
        }
    }
}
