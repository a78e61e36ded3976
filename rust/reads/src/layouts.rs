//! The layouts meters refer to, by number: a name keeps its number while the process lives.
//!
//! A meter's number is that of one layout, or of a family: all layouts of its model, of which every
//! body is tried against the first one before the others.

use cosem::layout::{Layout, LayoutSpec, SpecError, SpecProblem};

/// Layouts that go by one name together.
pub type Family = (String, Vec<String>);

/// Compiled layouts.
#[derive(Debug, Default)]
pub struct Layouts {
    named: Vec<(String, Held)>,
}

/// What a name stands for; nothing any more when its file is gone.
#[derive(Debug, Default)]
struct Held {
    layout: Option<Layout>,
    family: Vec<u16>,
}

impl Layouts {
    /// Replaces all layouts and ends all families; on an error the old ones stay. A name that is gone
    /// fits no body.
    pub fn set(&mut self, specs: &[LayoutSpec]) -> Result<(), SpecError> {
        let compiled: Vec<Layout> = specs
            .iter()
            .map(Layout::compile)
            .collect::<Result<_, _>>()?;
        for (_, held) in &mut self.named {
            *held = Held::default();
        }
        for layout in compiled {
            let name = layout.name().to_owned();
            self.hold(&name, |held| held.layout = Some(layout));
        }
        Ok(())
    }

    /// Names layouts that are set as families.
    pub fn set_families(&mut self, families: &[Family]) -> Result<(), SpecError> {
        for (name, members) in families {
            let numbers = members.iter().map(|member| {
                self.number(member).ok_or_else(|| SpecError {
                    layout: name.clone(),
                    field: None,
                    problem: SpecProblem::UnknownLayout(member.clone()),
                })
            });
            let family = numbers.collect::<Result<_, _>>()?;
            self.hold(name, |held| held.family = family);
        }
        Ok(())
    }

    /// The number of the layout or family called `name`.
    pub fn number(&self, name: &str) -> Option<u16> {
        let known = |(named, held): &(String, Held)| named == name && held.is_there();
        u16::try_from(self.named.iter().position(known)?).ok()
    }

    /// The names under which profiles may go with the layout or family of that number.
    pub(crate) fn names(&self, number: u16) -> Vec<&str> {
        let own = self.named.get(usize::from(number)).into_iter();
        let family = own.clone().flat_map(|(_, held)| &held.family);
        let members = family.filter_map(|member| self.named.get(usize::from(*member)));
        own.chain(members).map(|(name, _)| name.as_str()).collect()
    }

    /// The layout that bodies are tried against first.
    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Layout> {
        let first = match self.named.get(usize::from(number))? {
            (_, held) if held.layout.is_some() => number,
            (_, held) => *held.family.first()?,
        };
        self.one_mut(first)
    }

    /// The same, only to look at.
    pub(crate) fn one(&self, number: u16) -> Option<&Layout> {
        self.named
            .get(usize::from(number))
            .and_then(|(_, held)| held.layout.as_ref())
    }

    /// The layout of exactly that number.
    pub(crate) fn one_mut(&mut self, number: u16) -> Option<&mut Layout> {
        self.named
            .get_mut(usize::from(number))
            .and_then(|(_, held)| held.layout.as_mut())
    }

    /// All layouts that a meter of this number may push by.
    pub(crate) fn all(&self, number: u16) -> Vec<u16> {
        match self.named.get(usize::from(number)) {
            Some((_, held)) if held.layout.is_some() => vec![number],
            Some((_, held)) => held.family.clone(),
            None => Vec::new(),
        }
    }

    /// Changes what `name` stands for, which may be new.
    fn hold(&mut self, name: &str, change: impl FnOnce(&mut Held)) {
        if let Some((_, held)) = self.named.iter_mut().find(|(named, _)| named == name) {
            return change(held);
        }
        let mut held = Held::default();
        change(&mut held);
        self.named.push((name.to_owned(), held));
    }
}

impl Held {
    fn is_there(&self) -> bool {
        self.layout.is_some() || !self.family.is_empty()
    }
}
