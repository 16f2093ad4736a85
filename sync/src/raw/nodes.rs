//! Where waiters lie: nodes that stay in their places, chained by pointers.

use super::{
    links::{Links, push},
    node::{Node, Seat, State, drop_place, new_place},
};
use alloc::{boxed::Box, vec::Vec};
use core::{
    cell::Cell,
    iter::successors,
    marker::PhantomData,
    mem::{ManuallyDrop, forget},
    panic::UnwindSafe,
    ptr::{self, NonNull},
    task::Waker,
};

/// How many free nodes a queue keeps for those who come next.
const KEPT: usize = 256;

/// The nodes of one queue.
///
/// ```text
///             enter                grant                     take
///   (free) ──────────► waiting ──────────────► granted ────────────────► (free)
///                         │  ╲                    │
///                         │   ╲ refuse            │ leave: what was granted
///                   leave │    ╲           take   ▼ is handed back
///                         ▼     ► refused ──────► (free)
///                      (free)
/// ```
///
/// What is granted, or refused, at first sight may be kept here as well, until its waiter is polled again.
pub(crate) struct Nodes<R, G> {
    home: Home,
    /// Requests and grants lie in the nodes and go with them: so they must live as long as the queue if they have a destructor that
    /// would notice, and none can be taken for one of another lifetime.
    lie_here: PhantomData<Cell<State<R, G>>>,
}

/// How far a wait has come.
pub(crate) enum Look {
    Waits,
    /// The node waits, with a waker that would wake another task.
    WaitsForAnother,
    /// The wait has ended, but the waker was not called yet.
    Uncalled,
    Ended,
}

/// What a waiter that left had.
pub(crate) enum Left<R, G> {
    Waiting {
        request: R,
        first: bool,
    },
    Granted(G),
    Refused(R),
    /// The queue that the waiter stood in is gone.
    Nothing,
}

/// What a queue keeps of its nodes, in a place that does not move.
struct Rings {
    /// The anchor of those who wait, in order.
    line: Links,
    /// The anchor of those whose wait has ended and whose waker is still to be called, in order.
    calls: Links,
    /// The first free node, if there are any; the others follow.
    spare: Cell<NonNull<Links>>,
    spares: Cell<usize>,
    /// Ends all this, for nodes of the type that these are.
    ///
    /// # Safety
    ///
    /// Nobody uses the rings afterwards.
    end: unsafe fn(NonNull<Rings>),
}

/// The way to the rings, which are there since somebody waited. Its type does not say what lies in the nodes, so that its destructor asks no
/// more of requests and grants than [`Nodes::lie_here`] does.
struct Home(Cell<Option<NonNull<Rings>>>);

/// Nothing in the rings is half done while foreign code runs.
impl UnwindSafe for Home {}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(rings) = self.0.get() {
            // SAFETY: `Nodes::begin` made them, with the `end` for nodes of their type, and the only way to them goes with this.
            unsafe { (rings.as_ref().end)(rings) }
        }
    }
}

impl<R, G> Nodes<R, G> {
    pub(crate) const fn new() -> Self {
        Nodes { home: Home(Cell::new(None)), lie_here: PhantomData }
    }

    /// Adds a waiter, behind all others. It may have no waker yet: then its owner looks before he goes to sleep.
    #[inline(always)]
    pub(crate) fn enter(&self, request: R, waker: Option<Waker>) -> Seat<R, G> {
        let rings = self.rings();
        let seat = self.place(rings);
        seat.node().fill(waker, State::Waiting(request));
        self.chain(&rings.line, seat.0.cast());
        seat
    }

    /// Adds a waiter whose wait has ended before it came into line; it has no waker.
    #[cold]
    pub(crate) fn enter_ended(&self, outcome: Result<G, R>) -> Seat<R, G> {
        let seat = self.place(self.rings());
        seat.node().fill(None, outcome.map_or_else(State::Refused, State::Granted));
        seat
    }

    /// The first waiter's request.
    #[inline(always)]
    pub(crate) fn front(&self) -> Option<R>
    where
        R: Copy,
    {
        match self.first()?.state() {
            State::Waiting(request) => Some(*request),
            _ => None,
        }
    }

    /// Ends the first waiter's wait with that grant. Its request comes back, and its waker, which the caller calls.
    #[inline(always)]
    pub(crate) fn grant(&self, grant: G) -> Result<(R, Option<Waker>), G> {
        let Some(node) = self.first() else { return Err(grant) };
        node.unlink();
        let State::Waiting(request) = node.replace(State::Granted(grant)) else { not_in_line() };
        Ok((request, node.take_waker()))
    }

    /// Grants as [`grant`](Self::grant) does, if there is something for that request. The waker comes back.
    #[inline(always)]
    pub(crate) fn grant_by(&self, what: impl FnOnce(R) -> Option<G>) -> Option<Option<Waker>>
    where
        R: Copy,
    {
        let grant = what(self.front()?)?;
        // Whoever is first by now.
        self.grant(grant).ok().map(|(_, waker)| waker)
    }

    /// Grants as [`grant`](Self::grant) does, but puts the waker among the calls.
    #[inline(always)]
    pub(crate) fn grant_later(&self, grant: G) -> Result<R, G> {
        let Some(node) = self.first() else { return Err(grant) };
        self.put_among_calls(node);
        let State::Waiting(request) = node.replace(State::Granted(grant)) else { not_in_line() };
        Ok(request)
    }

    /// Grants as [`grant_later`](Self::grant_later) does, but to the last waiter.
    pub(crate) fn grant_last_later(&self, grant: G) -> Result<R, G> {
        let Some(node) = self.last() else { return Err(grant) };
        self.put_among_calls(node);
        let State::Waiting(request) = node.replace(State::Granted(grant)) else { not_in_line() };
        Ok(request)
    }

    /// Ends the first waiter's wait without a grant: it has its request back. Its waker is put among the calls. `false` if nobody waits.
    pub(crate) fn refuse_later(&self) -> bool {
        let Some(node) = self.first() else { return false };
        self.put_among_calls(node);
        let State::Waiting(request) = node.replace(State::Empty) else { not_in_line() };
        node.replace(State::Refused(request));
        true
    }

    /// Puts the first waiter behind all others.
    pub(crate) fn rotate(&self) {
        if let (Some(rings), Some(node)) = (self.begun(), self.first()) {
            node.unlink();
            self.chain(&rings.line, node.links());
        }
    }

    /// The next waker to call.
    #[inline(always)]
    pub(crate) fn next_call(&self) -> Option<Waker> {
        let node = self.first_of(&self.begun()?.calls)?;
        node.unlink();
        node.take_waker()
    }

    /// Stores a newer waker; returns the one that is to be dropped.
    #[inline(always)]
    pub(crate) fn set_waker(&self, seat: &Seat<R, G>, waker: Waker) -> Option<Waker> {
        let node = seat.node();
        if node.waits() { node.waker.replace(Some(waker)) } else { Some(waker) }
    }

    /// Does that waiter still stand in line?
    pub(crate) fn waits(&self, seat: &Seat<R, G>) -> bool {
        seat.node().waits()
    }

    /// Was that waiter granted something that it has not taken?
    pub(crate) fn has_grant(&self, seat: &Seat<R, G>) -> bool {
        matches!(seat.node().state(), State::Granted(_))
    }

    /// Is there a waker to be called?
    #[inline(always)]
    pub(crate) fn has_calls(&self) -> bool {
        self.begun().is_some_and(|rings| self.first_of(&rings.calls).is_some())
    }

    /// Stores the waker of one who waits and has none; otherwise it comes back.
    #[inline(always)]
    pub(crate) fn set_first_waker(&self, seat: &Seat<R, G>, waker: Waker) -> Option<Waker> {
        let node = seat.node();
        if !node.waits() || node.waker().is_some() {
            return Some(waker);
        }
        // None is replaced, which the compiler cannot know.
        forget(node.waker.replace(Some(waker)));
        None
    }

    /// How far has the wait come? While it lasts, `waker` is the one to be woken.
    #[inline(always)]
    pub(crate) fn look(&self, seat: &Seat<R, G>, waker: &Waker) -> Look {
        let node = seat.node();
        match (node.waker(), node.waits()) {
            (None, false) => Look::Ended,
            (Some(old), true) if old.will_wake(waker) => Look::Waits,
            (Some(_), false) => Look::Uncalled,
            (_, true) => Look::WaitsForAnother,
        }
    }

    /// Takes the waker of one whose wait has ended out of the calls.
    pub(crate) fn take_call(&self, seat: &Seat<R, G>) -> Option<Waker> {
        let node = seat.node();
        if node.waits() || node.waker().is_none() {
            return None;
        }
        node.unlink();
        node.take_waker()
    }

    /// Frees the place of a waiter whose wait has ended, and whose waker is no call any more. Any other one stays.
    #[inline(always)]
    pub(crate) fn take(&self, seat: Seat<R, G>) -> Result<Result<G, R>, Seat<R, G>> {
        let node = seat.node();
        if node.waker().is_some() || node.waits() {
            return Err(seat);
        }
        let outcome = match node.replace(State::Empty) {
            State::Granted(grant) => Ok(grant),
            state => Err(refused(state)),
        };
        self.free(seat);
        Ok(outcome)
    }

    /// Frees the place of a waiter that goes.
    pub(crate) fn leave(&self, seat: Seat<R, G>) -> (Left<R, G>, Option<Waker>) {
        let node = seat.node();
        let first = self.first().is_some_and(|first| ptr::eq(first, node));
        if node.waits() || node.waker().is_some() {
            node.unlink();
        }
        let waker = node.take_waker();
        let left = match node.replace(State::Empty) {
            State::Waiting(request) => Left::Waiting { request, first },
            State::Granted(grant) => Left::Granted(grant),
            State::Refused(request) => Left::Refused(request),
            State::Empty => Left::Nothing,
        };
        self.free(seat);
        (left, waker)
    }

    /// How many stand before this waiter in line.
    pub(crate) fn ahead(&self, seat: &Seat<R, G>) -> usize {
        self.line().take_while(|node| !ptr::eq(*node, seat.node())).count()
    }

    /// How many free nodes are kept.
    pub(crate) fn spares(&self) -> usize {
        self.begun().map_or(0, |rings| rings.spares.get())
    }

    // ---- chains

    /// Those who wait, in order.
    pub(super) fn line(&self) -> impl Iterator<Item = &Node<R, G>> {
        let next = |node: &&Node<R, G>| self.node_at(&self.begun()?.line, node.links.next());
        successors(self.first(), next)
    }

    #[inline(always)]
    pub(super) fn first(&self) -> Option<&Node<R, G>> {
        self.first_of(&self.begun()?.line)
    }

    fn last(&self) -> Option<&Node<R, G>> {
        let line = &self.begun()?.line;
        self.node_at(line, line.prev())
    }

    /// The first node of one of this queue's rings.
    #[inline(always)]
    fn first_of(&self, anchor: &Links) -> Option<&Node<R, G>> {
        self.node_at(anchor, anchor.next())
    }

    /// The node at a place in the ring of `anchor`, which is one of this queue's; none at the anchor itself.
    #[inline(always)]
    fn node_at(&self, anchor: &Links, links: NonNull<Links>) -> Option<&Node<R, G>> {
        // SAFETY: what is in a ring of this queue and is not its anchor is the beginning of a node of this type, which lives.
        (links != NonNull::from(anchor)).then(|| unsafe { links.cast().as_ref() })
    }

    /// Chains what is in no ring behind all others of one of this queue's rings.
    #[inline(always)]
    fn chain(&self, anchor: &Links, links: NonNull<Links>) {
        // SAFETY: the rings live as long as the queue, and so does all that is in them; this is the links of a node that lives.
        unsafe { push(NonNull::from(anchor), links) };
    }

    #[inline(always)]
    pub(super) fn put_among_calls(&self, node: &Node<R, G>) {
        node.unlink();
        // Without a waker there is nothing to be called.
        if let (Some(rings), Some(_)) = (self.begun(), node.waker()) {
            self.chain(&rings.calls, node.links());
        }
    }

    // ---- memory

    #[inline(always)]
    fn begun(&self) -> Option<&Rings> {
        // SAFETY: they live until the queue's home is dropped, and nobody has another reference than a shared one.
        self.home.0.get().map(|rings| unsafe { rings.as_ref() })
    }

    #[inline(always)]
    fn rings(&self) -> &Rings {
        match self.begun() {
            Some(rings) => rings,
            None => self.begin(),
        }
    }

    #[cold]
    fn begin(&self) -> &Rings {
        let rings = Box::leak(Box::new(Rings {
            line: Links::loose(),
            calls: Links::loose(),
            spare: Cell::new(NonNull::dangling()),
            spares: Cell::new(0),
            end: end::<R, G>,
        }));
        // From here on nobody has a reference that is not shared, until they end.
        self.home.0.set(Some(NonNull::from(rings)));
        let rings = self.rings();
        rings.line.close();
        rings.calls.close();
        rings
    }

    /// An empty place that is in no ring.
    #[inline(always)]
    fn place(&self, rings: &Rings) -> Seat<R, G> {
        let spares = rings.spares.get();
        if spares == 0 {
            return new_place();
        }
        rings.spares.set(spares - 1);
        // Who is spare is an empty node of this type, without a seat.
        let seat = Seat(rings.spare.get().cast());
        rings.spare.set(seat.node().links.next());
        seat
    }

    /// Keeps an empty node that is in no ring for the next one who comes.
    #[inline(always)]
    fn free(&self, seat: Seat<R, G>) {
        let rings = self.rings();
        let spares = rings.spares.get();
        if spares == KEPT {
            // SAFETY: it was made by `new_place`, and nobody has it but this seat, which goes.
            return unsafe { drop_place(seat.0) };
        }
        rings.spares.set(spares + 1);
        seat.node().links.set_next(rings.spare.replace(seat.0.cast()));
    }
}

#[cold]
fn not_in_line() -> ! {
    unreachable!("who waits is in line, and nobody else")
}

/// The request of one who was refused.
#[cold]
fn refused<R, G>(state: State<R, G>) -> R {
    match state {
        State::Refused(request) => request,
        _ => gone(),
    }
}

#[cold]
fn gone() -> ! {
    panic!("a wait was polled with another primitive than it began with")
}

/// Ends the rings of a queue that is dropped: whoever is left in them is nowhere any more, and what he had is dropped. (What a forgotten
/// waiter was handed, and called for, stays his.)
///
/// # Safety
///
/// The rings were made for nodes of this type, and nobody uses them afterwards.
#[cold]
unsafe fn end<R, G>(rings: NonNull<Rings>) {
    let nodes = ManuallyDrop::new(Nodes::<R, G> { home: Home(Cell::new(Some(rings))), lie_here: PhantomData });
    let mut left = Vec::new();
    while let Some(node) = nodes.first().or_else(|| nodes.first_of(&nodes.begun()?.calls)) {
        node.unlink();
        let waker = node.take_waker();
        left.push((node.take_late(), waker));
    }
    for _ in 0..nodes.spares() {
        // SAFETY: it has no seat any more, is in no ring, and nobody asks for it again.
        unsafe { drop_place(nodes.place(nodes.rings()).0) };
    }
    // SAFETY: made by `begin`, and nobody uses them afterwards.
    drop(unsafe { Box::from_raw(rings.as_ptr()) });
    // It may be foreign code, and panic: all the rest is done.
    drop(left);
}
