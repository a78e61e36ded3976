//! The fleet as the registry imports it: one CSV of meters, one of concentrators.

use std::fmt::Write;

use super::push::Recipe;
use super::traits::{Phases, Traits};

const METERS_HEADER: &str = "serial,system_title,dcu,encryption_key,authentication_key,\
                             security,layout,interval_s,time_policy,phase,sanctioned_load_w,\
                             account,feeder,village\n";
const DCUS_HEADER: &str = "name,dcu,area\n";
const METERS_PER_VILLAGE: u32 = 500;
/// Accounts are numbered apart from meters, so that nobody can mistake one for the other.
const FIRST_ACCOUNT: u64 = 5_000_000_000;

pub(super) fn meters_csv(recipe: &Recipe, meters: impl Iterator<Item = (u32, Traits)>) -> String {
    let mut text = METERS_HEADER.to_owned();
    for (dcu, traits) in meters {
        meter_line(recipe, dcu, &traits, &mut text);
    }
    text
}

fn meter_line(recipe: &Recipe, dcu: u32, traits: &Traits, text: &mut String) {
    let (layout, phase) = match traits.phases {
        Phases::Single => ("is15959-block-load-1ph", 1),
        Phases::Three => ("is15959-block-load-3ph", 3),
    };
    // A String takes everything it is given.
    let _: Result<(), std::fmt::Error> = writeln!(
        text,
        "{serial},{title},{dcu},{encryption},{authentication},{security},{layout},\
         {interval_s},ist,{phase},{load},{account},F{feeder:05},V{village:05}",
        serial = self::text(&traits.serial()),
        title = hex(&traits.title(recipe.seed)),
        encryption = hex(&traits.encryption_key()),
        authentication = hex(&traits.authentication_key()),
        security = security(traits),
        interval_s = recipe.interval_s,
        load = traits.sanctioned_load_w(),
        account = FIRST_ACCOUNT.saturating_add(u64::from(traits.id)),
        feeder = traits.feeder(),
        village = traits.id / METERS_PER_VILLAGE,
    );
}

pub(super) fn dcus_csv(dcus: u32) -> String {
    let mut text = DCUS_HEADER.to_owned();
    for dcu in 1..=dcus {
        let _: Result<(), std::fmt::Error> = writeln!(text, "sim-dcu-{dcu},{dcu},simulated");
    }
    text
}

/// The policy the registry should hold for a meter: exactly what it sends.
pub(super) fn security(traits: &Traits) -> &'static str {
    traits.control.map_or("none", |control| {
        match (control.encrypted(), control.authenticated()) {
            (true, true) => "encrypt+authenticate",
            (true, false) => "encrypt",
            (false, true) => "authenticate",
            (false, false) => "none",
        }
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// ASCII by construction.
pub(super) fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
