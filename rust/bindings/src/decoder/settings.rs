//! The decoder's settings as JSON: what is left out has its default, what is unknown is an error.

use reads::Settings;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    future_tolerance_s: Option<u32>,
    too_old_days: Option<u32>,
    registers_too_old_days: Option<u32>,
    duplicate_window: Option<u16>,
    open_keys_max: Option<u32>,
    reject_raw_bytes_max: Option<u32>,
    reject_raw_bytes_per_peer_max: Option<u32>,
    rejects_per_peer_max: Option<u32>,
    rejects_bytes_per_peer_day_max: Option<u64>,
    rejects_bytes_day_max: Option<u64>,
    reject_peers_max: Option<u32>,
    transfer_bytes_max: Option<u32>,
    transfers_bytes_max: Option<u32>,
    transfers_bytes_per_link_max: Option<u32>,
    transfer_timeout_s: Option<u32>,
    wrong_key_after: Option<u32>,
    wrong_key_meters_max: Option<u32>,
    key_overlap_days: Option<u32>,
    other_counters_per_meter_max: Option<u16>,
    associations_max: Option<u32>,
    hash_seed: Option<u64>,
}

pub(super) fn parse(json: &[u8]) -> Result<Settings, serde_json::Error> {
    let written: Written = serde_json::from_slice(json)?;
    let default = Settings::default();
    let too_old_s = written.too_old_days.map(|days| days.saturating_mul(86_400));
    Ok(Settings {
        future_tolerance_s: written
            .future_tolerance_s
            .unwrap_or(default.future_tolerance_s),
        too_old_s: too_old_s.unwrap_or(default.too_old_s),
        register_too_old_s: written
            .registers_too_old_days
            .map_or(default.register_too_old_s, |days| {
                days.saturating_mul(86_400)
            }),
        duplicate_window: written.duplicate_window.unwrap_or(default.duplicate_window),
        open_keys_max: written.open_keys_max.unwrap_or(default.open_keys_max),
        reject_raw_bytes_max: written
            .reject_raw_bytes_max
            .unwrap_or(default.reject_raw_bytes_max),
        reject_raw_bytes_per_peer_max: written
            .reject_raw_bytes_per_peer_max
            .unwrap_or(default.reject_raw_bytes_per_peer_max),
        rejects_per_peer_max: written
            .rejects_per_peer_max
            .unwrap_or(default.rejects_per_peer_max),
        rejects_bytes_per_peer_day_max: written
            .rejects_bytes_per_peer_day_max
            .unwrap_or(default.rejects_bytes_per_peer_day_max),
        rejects_bytes_day_max: written
            .rejects_bytes_day_max
            .unwrap_or(default.rejects_bytes_day_max),
        reject_peers_max: written.reject_peers_max.unwrap_or(default.reject_peers_max),
        transfer_bytes_max: written
            .transfer_bytes_max
            .unwrap_or(default.transfer_bytes_max),
        transfers_bytes_max: written
            .transfers_bytes_max
            .unwrap_or(default.transfers_bytes_max),
        transfers_bytes_per_link_max: written
            .transfers_bytes_per_link_max
            .unwrap_or(default.transfers_bytes_per_link_max),
        transfer_timeout_s: written
            .transfer_timeout_s
            .unwrap_or(default.transfer_timeout_s),
        wrong_key_after: written.wrong_key_after.unwrap_or(default.wrong_key_after),
        wrong_key_meters_max: written
            .wrong_key_meters_max
            .unwrap_or(default.wrong_key_meters_max),
        key_overlap_s: written
            .key_overlap_days
            .map_or(default.key_overlap_s, |days| days.saturating_mul(86_400)),
        other_counters_per_meter_max: written
            .other_counters_per_meter_max
            .unwrap_or(default.other_counters_per_meter_max),
        associations_max: written.associations_max.unwrap_or(default.associations_max),
        hash_seed: written.hash_seed.unwrap_or(default.hash_seed),
    })
}
