//! What somebody comes with who waits for room in a queue.

use super::nodes::Nodes;

/// An item to be put, or the wish for so many places that are kept for items to come.
pub(crate) enum Ask<T> {
    Item(T),
    Places(usize),
}

impl<T> Ask<T> {
    /// The item of one who has come with it.
    #[inline(always)]
    pub(crate) fn item(self) -> T {
        match self {
            Ask::Item(item) => item,
            Ask::Places(_) => no_item(),
        }
    }
}

#[cold]
fn no_item() -> ! {
    unreachable!("who came with an item has it back")
}

impl<T, G> Nodes<Ask<T>, G> {
    /// How many places the first waiter wants; `None` if it has an item, or nobody waits.
    #[inline(always)]
    pub(crate) fn first_wants(&self) -> Option<usize> {
        match self.first_request()? {
            Ask::Places(places) => Some(*places),
            Ask::Item(_) => None,
        }
    }
}
