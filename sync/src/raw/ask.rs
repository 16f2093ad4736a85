//! What somebody comes with who waits for room in a queue.

use super::{node::State, nodes::Nodes};
use core::task::Waker;

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
    pub(crate) fn first_wants(&self) -> Option<usize> {
        match self.first()?.state() {
            State::Waiting(Ask::Places(places)) => Some(*places),
            _ => None,
        }
    }

    /// Grants the first waiter who has an item, and puts its waker among the calls. The item comes back; none if nobody has one.
    pub(crate) fn grant_first_item_later(&self, grant: G) -> Option<T> {
        let node = self.line().find(|node| matches!(node.state(), State::Waiting(Ask::Item(_))))?;
        self.put_among_calls(node);
        match node.replace(State::Granted(grant)) {
            State::Waiting(Ask::Item(item)) => Some(item),
            _ => no_item(),
        }
    }

    /// Grants as [`grant`](Self::grant) does, if the first waiter has an item: that comes back, and the waker.
    #[inline(always)]
    pub(crate) fn grant_item(&self, grant: G) -> Option<(T, Option<Waker>)> {
        let node = self.first()?;
        if let State::Waiting(Ask::Places(_)) = node.state() {
            return None;
        }
        node.unlink();
        match node.replace(State::Granted(grant)) {
            State::Waiting(Ask::Item(item)) => Some((item, node.take_waker())),
            _ => no_item(),
        }
    }
}
