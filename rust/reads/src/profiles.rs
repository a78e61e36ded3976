//! Profiles beside the block load, and what event codes mean.

use std::collections::BTreeMap;

use cosem::axdr::Value;
use cosem::profile::{Code, Profile, Taken, described};

/// What a self-describing push is called in the store.
const DESCRIBED: &str = "push";

/// All profiles of this service.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    profiles: Vec<Profile>,
    meanings: BTreeMap<Code, String>,
}

/// What an event code means; a bit of an alert or a number of an event log.
pub type Meaning = (Code, String);

impl Profiles {
    pub(crate) fn set(&mut self, profiles: Vec<Profile>, meanings: Vec<Meaning>) {
        self.profiles = profiles;
        self.meanings = meanings.into_iter().collect();
    }

    /// A body by the profile that fits it, and what that is called. Those made for one of the meter's
    /// own `layouts` go first, a body's own word last.
    pub(crate) fn fit(&self, body: &Value, layouts: &[&str]) -> Option<(&str, Taken)> {
        let made_for = |profile: &&Profile| {
            let mut names = profile.goes_with.iter();
            names.any(|name| layouts.contains(&name.as_str()))
        };
        let for_any = |profile: &&Profile| profile.goes_with.is_empty();
        let own = self.profiles.iter().filter(made_for);
        let any = self.profiles.iter().filter(for_any);
        let fitting = own
            .chain(any)
            .find_map(|profile| Some((profile.profile.as_str(), profile.fit(body)?)));
        fitting.or_else(|| Some((DESCRIBED, described(body)?)))
    }

    /// What `code` means; nothing when nobody said.
    pub(crate) fn meaning(&self, code: Code) -> &str {
        self.meanings.get(&code).map_or("", String::as_str)
    }
}
