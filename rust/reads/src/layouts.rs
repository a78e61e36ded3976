//! The layouts meters refer to, by number: a name keeps its number while the process lives.

use cosem::layout::{Layout, LayoutSpec, SpecError};

/// Compiled layouts.
#[derive(Debug, Default)]
pub struct Layouts {
    named: Vec<(String, Option<Layout>)>,
}

impl Layouts {
    /// Replaces all layouts; on an error the old ones stay. A name that is gone fits no body.
    pub fn set(&mut self, specs: &[LayoutSpec]) -> Result<(), SpecError> {
        let compiled: Vec<Layout> = specs
            .iter()
            .map(Layout::compile)
            .collect::<Result<_, _>>()?;
        for (_, layout) in &mut self.named {
            *layout = None;
        }
        for layout in compiled {
            match self
                .named
                .iter_mut()
                .find(|(name, _)| name == layout.name())
            {
                Some((_, place)) => *place = Some(layout),
                None => self.named.push((layout.name().to_owned(), Some(layout))),
            }
        }
        Ok(())
    }

    /// The number of the layout called `name`.
    pub fn number(&self, name: &str) -> Option<u16> {
        let known = |(held, layout): &(String, Option<Layout>)| held == name && layout.is_some();
        u16::try_from(self.named.iter().position(known)?).ok()
    }

    /// The name of the layout with that number.
    pub(crate) fn name(&self, number: u16) -> Option<&str> {
        let named = self.named.get(usize::from(number));
        named.map(|(name, _)| name.as_str())
    }

    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Layout> {
        self.named
            .get_mut(usize::from(number))
            .and_then(|(_, layout)| layout.as_mut())
    }
}
