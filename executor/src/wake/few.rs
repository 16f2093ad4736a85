//! A list that costs no allocation as long as it has one item.

/// A list of those who are to be called at once, say: most often it is one.
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

    /// Calls `f` with each, in the order in which they came.
    #[inline]
    pub(crate) fn for_each(self, mut f: impl FnMut(T)) {
        if let Some(first) = self.first {
            f(first);
            self.more.into_iter().for_each(f);
        }
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
