//! Where waiters lie: a table of nodes, chained by index.

use std::task::Waker;

/// No node: the end of a chain.
const NONE: u32 = u32::MAX;

/// How many nodes a table may keep: a larger one gives its memory back once nobody waits any more, for a condition with that
/// lock either.
const KEPT: usize = 256;

/// The nodes of one queue.
///
/// ```text
///             enter                grant                     look
///   (free) ──────────► waiting ──────────────► granted ────────────────► (free)
///                         │  ╲                    │
///                         │   ╲ refuse            │ leave: what was granted
///                   leave │    ╲           look   ▼ is handed back
///                         ▼     ► refused ──────► (free)
///                      (free)
/// ```
///
/// What is granted, or refused, at first sight may be kept here as well, until its waiter is polled again. And a waiter may have its node
/// *apart*, before it stands in line:
///
/// ```text
///          enter_apart          stand
///   (free) ──────────► apart ──────────► waiting
///                        │ leave_apart
///                        ▼
///                      (free)
/// ```
pub(crate) struct Nodes<R, G> {
    all: Vec<Node<R, G>>,
    /// The first free node; the others follow by `next`.
    free: u32,
    used: usize,
    /// The nodes of those who wait, in order.
    line: Chain,
    /// The nodes of those whose wait has ended, and whose waker is still to be called, in order.
    calls: Chain,
}

struct Node<R, G> {
    prev: u32,
    next: u32,
    state: NodeState<R, G>,
    /// The newest waker, until it is called.
    waker: Option<Waker>,
}

enum NodeState<R, G> {
    Free,
    Apart(R),
    Waiting(R),
    Granted(G),
    Refused(R),
}

#[derive(Clone, Copy)]
struct Chain {
    head: u32,
    tail: u32,
}

/// The place of one waiter. Its holder is the only one who frees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(u32);

/// How far a wait has come.
pub(crate) enum Look<R, G> {
    Waits,
    /// The node waits, with a waker that would wake another task.
    WaitsForAnother,
    /// The wait has ended, but the waker was not called yet: drop the waker, then look again.
    Uncalled(Waker),
    Ended(Result<G, R>),
}

/// What a waiter that left had.
pub(crate) enum Left<R, G> {
    Waiting { request: R, first: bool },
    Granted(G),
    Refused(R),
}

impl<R, G> Nodes<R, G> {
    pub(crate) const fn new() -> Self {
        Nodes { all: Vec::new(), free: NONE, used: 0, line: Chain::EMPTY, calls: Chain::EMPTY }
    }

    /// Adds a waiter, behind all others.
    #[inline(always)]
    pub(crate) fn enter(&mut self, request: R, waker: Waker) -> Key {
        let last = self.line.tail;
        let node = Node { prev: last, next: NONE, state: NodeState::Waiting(request), waker: Some(waker) };
        let index = self.place(node);
        self.used += 1;
        self.line.tail = index;
        match last {
            NONE => self.line.head = index,
            _ => self.all[last as usize].next = index,
        }
        Key(index)
    }

    /// Adds a waiter whose wait has ended before it came into line; it has no waker.
    #[cold]
    pub(crate) fn enter_ended(&mut self, outcome: Result<G, R>) -> Key {
        self.enter_beside(outcome.map_or_else(NodeState::Refused, NodeState::Granted))
    }

    /// Adds a waiter who does not stand in line yet; it has no waker.
    pub(crate) fn enter_apart(&mut self, request: R) -> Key {
        self.enter_beside(NodeState::Apart(request))
    }

    fn enter_beside(&mut self, state: NodeState<R, G>) -> Key {
        self.used += 1;
        Key(self.place(Node { prev: NONE, next: NONE, state, waker: None }))
    }

    /// Puts a waiter who is apart into line, behind all others.
    pub(crate) fn stand(&mut self, key: Key, waker: Waker) {
        let node = &mut self.all[key.0 as usize];
        let NodeState::Apart(request) = std::mem::replace(&mut node.state, NodeState::Free) else { in_line() };
        (node.state, node.waker) = (NodeState::Waiting(request), Some(waker));
        self.push(Which::Line, key.0);
    }

    /// Frees the node of a waiter who is apart; `None` if it is not apart any more.
    pub(crate) fn leave_apart(&mut self, key: Key) -> Option<R> {
        if !matches!(self.all[key.0 as usize].state, NodeState::Apart(_)) {
            return None;
        }
        match self.release(key.0) {
            NodeState::Apart(request) => Some(request),
            _ => in_line(),
        }
    }

    #[inline(always)]
    fn place(&mut self, node: Node<R, G>) -> u32 {
        let index = self.free;
        if index == NONE {
            return self.add(node);
        }
        let slot = &mut self.all[index as usize];
        self.free = slot.next;
        // A free node holds nothing, which the compiler cannot know.
        std::mem::forget(std::mem::replace(slot, node));
        index
    }

    /// Adds a node to the table, in which there is no free one.
    #[cold]
    fn add(&mut self, node: Node<R, G>) -> u32 {
        let index = u32::try_from(self.all.len()).ok().filter(|index| *index != NONE).expect("2^32 waiters");
        self.all.push(node);
        index
    }

    /// The first waiter's request.
    #[inline]
    pub(crate) fn front(&self) -> Option<&R> {
        let node = self.all.get(self.line.head as usize)?;
        match &node.state {
            NodeState::Waiting(request) => Some(request),
            _ => None,
        }
    }

    /// Ends the first waiter's wait with what `grant` says to its request. Its waker is put among the calls, or comes back.
    #[inline(always)]
    pub(crate) fn grant(
        &mut self,
        grant: impl FnOnce(&R) -> Option<G>,
        among_calls: bool,
    ) -> Option<(R, Option<Waker>)> {
        let node = self.all.get_mut(self.line.head as usize)?;
        let NodeState::Waiting(request) = &node.state else { unreachable!("only those who wait are in line") };
        let granted = NodeState::Granted(grant(request)?);
        let NodeState::Waiting(request) = std::mem::replace(&mut node.state, granted) else { return None };
        let next = node.next;
        let waker = if among_calls { None } else { node.waker.take() };
        let index = std::mem::replace(&mut self.line.head, next);
        match next {
            NONE => self.line.tail = NONE,
            _ => self.all[next as usize].prev = NONE,
        }
        if among_calls {
            self.push(Which::Calls, index);
        }
        Some((request, waker))
    }

    /// Ends the waits of those of whom `which` is true: they get their requests back. Returns how many that were.
    pub(crate) fn refuse(&mut self, mut which: impl FnMut(&R) -> bool) -> usize {
        let mut count = 0;
        let mut index = self.line.head;
        while index != NONE {
            let next = self.all[index as usize].next;
            if matches!(&self.all[index as usize].state, NodeState::Waiting(request) if which(request)) {
                self.unlink(Which::Line, index);
                self.push(Which::Calls, index);
                let state = &mut self.all[index as usize].state;
                if let NodeState::Waiting(request) = std::mem::replace(state, NodeState::Free) {
                    *state = NodeState::Refused(request);
                }
                count += 1;
            }
            index = next;
        }
        count
    }

    /// The next waker to call.
    #[inline]
    pub(crate) fn next_call(&mut self) -> Option<Waker> {
        let index = self.calls.head;
        if index == NONE {
            return None;
        }
        self.unlink(Which::Calls, index);
        self.all[index as usize].waker.take()
    }

    /// Stores a newer waker; returns the one that is to be dropped.
    pub(crate) fn set_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        let node = &mut self.all[key.0 as usize];
        match node.state {
            NodeState::Waiting(_) => node.waker.replace(waker),
            _ => Some(waker),
        }
    }

    /// Frees the node if its wait has ended. Otherwise `waker` is the one to be woken.
    #[inline(always)]
    pub(crate) fn look(&mut self, key: Key, waker: &Waker) -> Look<R, G> {
        let node = &mut self.all[key.0 as usize];
        if matches!(node.state, NodeState::Waiting(_)) {
            let same = node.waker.as_ref().is_some_and(|old| old.will_wake(waker));
            return if same { Look::Waits } else { Look::WaitsForAnother };
        }
        if let Some(waker) = node.waker.take() {
            self.unlink(Which::Calls, key.0);
            return Look::Uncalled(waker);
        }
        match self.release(key.0) {
            NodeState::Granted(grant) => Look::Ended(Ok(grant)),
            NodeState::Refused(request) => Look::Ended(Err(request)),
            _ => unreachable!("a key belongs to a node in use"),
        }
    }

    /// Frees the node of a waiter that goes.
    pub(crate) fn leave(&mut self, key: Key) -> (Left<R, G>, Option<Waker>) {
        let node = &mut self.all[key.0 as usize];
        let waker = node.waker.take();
        let first = self.line.head == key.0;
        if matches!(node.state, NodeState::Waiting(_)) {
            self.unlink(Which::Line, key.0);
        } else if waker.is_some() {
            self.unlink(Which::Calls, key.0);
        }
        let left = match self.release(key.0) {
            NodeState::Waiting(request) => Left::Waiting { request, first },
            NodeState::Granted(grant) => Left::Granted(grant),
            NodeState::Refused(request) => Left::Refused(request),
            NodeState::Free | NodeState::Apart(_) => {
                unreachable!("a key belongs to a node in use, and who is apart leaves otherwise")
            }
        };
        (left, waker)
    }

    /// How many stand before this waiter in line.
    pub(crate) fn ahead(&self, key: Key) -> usize {
        let mut count = 0;
        let mut index = self.all[key.0 as usize].prev;
        while index != NONE {
            count += 1;
            index = self.all[index as usize].prev;
        }
        count
    }

    /// How many nodes there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity()
    }

    #[inline(always)]
    fn release(&mut self, index: u32) -> NodeState<R, G> {
        let node = &mut self.all[index as usize];
        let state = std::mem::replace(&mut node.state, NodeState::Free);
        node.next = self.free;
        self.free = index;
        self.used -= 1;
        if self.used == 0 && self.all.capacity() > KEPT {
            self.start_over();
        }
        state
    }

    #[cold]
    fn start_over(&mut self) {
        *self = Nodes::new();
    }

    #[inline]
    fn push(&mut self, which: Which, index: u32) {
        let chain = self.chain(which);
        let last = std::mem::replace(&mut chain.tail, index);
        if last == NONE {
            chain.head = index;
        } else {
            self.all[last as usize].next = index;
        }
        let node = &mut self.all[index as usize];
        (node.prev, node.next) = (last, NONE);
    }

    #[inline]
    fn unlink(&mut self, which: Which, index: u32) {
        let Node { prev, next, .. } = self.all[index as usize];
        match prev {
            NONE => self.chain(which).head = next,
            _ => self.all[prev as usize].next = next,
        }
        match next {
            NONE => self.chain(which).tail = prev,
            _ => self.all[next as usize].prev = prev,
        }
    }

    #[inline]
    fn chain(&mut self, which: Which) -> &mut Chain {
        match which {
            Which::Line => &mut self.line,
            Which::Calls => &mut self.calls,
        }
    }
}

#[cold]
fn in_line() -> ! {
    unreachable!("who is apart stands in line once")
}

#[derive(Clone, Copy)]
enum Which {
    Line,
    Calls,
}

impl Chain {
    const EMPTY: Chain = Chain { head: NONE, tail: NONE };
}
