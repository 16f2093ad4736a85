//! A list that costs no allocation as long as it has one item.

use std::{iter::Chain, option, vec};

/// Those who are to be called at once, say: most often it is one.
pub(crate) struct Few<T> {
    first: Option<T>,
    /// Without a first one there are no more.
    more: Vec<T>,
}

impl<T> Few<T> {
    /// Takes the last one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.more.pop().or_else(|| self.first.take())
    }
}

impl<T> Default for Few<T> {
    #[inline]
    fn default() -> Few<T> {
        Few { first: None, more: Vec::new() }
    }
}

impl<T> Extend<T> for Few<T> {
    #[inline]
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            match self.first {
                None => self.first = Some(item),
                Some(_) => self.more.push(item),
            }
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Few<T> {
        let mut few = Few::default();
        few.extend(items);
        few
    }
}

/// In the order in which they came.
impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}
