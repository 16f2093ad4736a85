//! The sources of a driver, by key.

use super::sides::Sides;
use slab::Slab;
use std::{io, rc::Rc};

/// Each source has a place, and a key that names it there: no source that comes into the same place soon has the same.
#[derive(Default)]
pub(super) struct Sources {
    places: Slab<(usize, Rc<Sides>)>,
    /// The latest generation.
    generation: usize,
}

/// So many bits of a key are the place, and the rest the generation. A key is told at most one look after its source has gone.
const PLACE_BITS: u32 = usize::BITS / 2 + 4;
const PLACE: usize = (1 << PLACE_BITS) - 1;

impl Sources {
    pub(super) fn add(&mut self, source: &Rc<Sides>) -> io::Result<usize> {
        let entry = self.places.vacant_entry();
        // The last place is no source's, so that no key is all ones.
        if entry.key() >= PLACE {
            return Err(io::Error::other("this executor awaits as many sockets as it can: close some"));
        }
        self.generation = self.generation.wrapping_add(1);
        let key = self.generation << PLACE_BITS | entry.key();
        entry.insert((key, source.clone()));
        Ok(key)
    }

    pub(super) fn get(&self, key: usize) -> Option<Rc<Sides>> {
        let (its, source) = self.places.get(key & PLACE)?;
        (*its == key).then(|| source.clone())
    }

    /// Takes a source out, unless it is gone already.
    pub(super) fn remove(&mut self, key: usize) -> Option<Rc<Sides>> {
        self.get(key)?;
        let (_, source) = self.places.try_remove(key & PLACE)?;
        if self.places.is_empty() {
            self.places.shrink_to_fit();
        }
        Some(source)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Sides> {
        self.places.iter().map(|(_, (_, source))| &**source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_04_a_key_names_its_source_and_none_that_comes_after_it_into_its_place() {
        let mut sources = Sources::default();
        let [first, second] = [Sides::new(), Sides::new()];
        let key = sources.add(&first).unwrap();
        assert!(Rc::ptr_eq(&sources.get(key).unwrap(), &first));
        assert!(Rc::ptr_eq(&sources.remove(key).unwrap(), &first));
        let next = sources.add(&second).unwrap();
        assert_eq!(next & PLACE, key & PLACE, "the place is used again");
        assert!(sources.get(key).is_none() && sources.remove(key).is_none());
        assert!(Rc::ptr_eq(&sources.get(next).unwrap(), &second));
    }
}
