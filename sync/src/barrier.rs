//! The barrier: where tasks wait for each other.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::Cell, fmt, rc::Rc};

/// Lets nobody pass until so many have come: asyncio's `Barrier`, which can be used again and again.
///
/// The last one to come releases all. Whoever comes after that waits for the next round; since all are released at one
/// stroke, nobody of one round can be mixed up with another.
///
/// ```
/// use evenkeel::sync::Barrier;
///
/// # futures::executor::block_on(async {
/// let barrier = Barrier::new(3);
/// let (a, b, c) = futures::join!(barrier.wait(), barrier.wait(), barrier.wait());
/// let leaders = [a, b, c].into_iter().filter(|leader| *leader == Ok(true)).count();
/// assert_eq!(leaders, 1);
/// # });
/// ```
pub struct Barrier {
    parties: usize,
    broken: Cell<bool>,
    queue: WaitQueue<(), Round>,
    /// What the parties of the last round share.
    last: Cell<Option<Round>>,
}

/// What the parties of a round share: is there a leader yet?
#[derive(Clone, Default)]
struct Round(Rc<Cell<bool>>);

/// The barrier was aborted or reset while somebody waited: asyncio's `BrokenBarrierError`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, thiserror::Error)]
#[error("the barrier is broken: it was aborted or reset; Barrier::reset makes it whole")]
pub struct Broken;

impl Barrier {
    /// A barrier for so many parties.
    ///
    /// # Panics
    ///
    /// If `parties` is zero.
    #[track_caller]
    pub const fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "a barrier needs at least one party");
        Barrier { parties, broken: Cell::new(false), queue: WaitQueue::new("Barrier::wait"), last: Cell::new(None) }
    }

    /// A share for the next round: the last round's is used again when all of its parties have gone on.
    #[inline]
    fn next_round(&self) -> Round {
        let round = match self.last.take() {
            Some(last) if Rc::strong_count(&last.0) == 1 => last,
            _ => Round::default(),
        };
        round.0.set(false);
        self.last.set(Some(round.clone()));
        round
    }

    /// Waits for the other parties. Exactly one party of each round gets `true`: the leader, which is the first to go on. That is the one
    /// who came last, unless another's waker panics then, or polls on the spot.
    ///
    /// Cancel-safe: who is dropped while it waits is not counted any more, and the others wait on.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the barrier is [aborted](Self::abort), or [reset](Self::reset) meanwhile.
    pub async fn wait(&self) -> Result<bool, Broken> {
        match Wait::<&Barrier, AwaitingOthers>::new(self, ()).await {
            // Whose waker panics may keep the last one from going on: so the leader is found here.
            Ok(Round(has_leader)) => Ok(!has_leader.replace(true)),
            Err(()) => Err(Broken),
        }
    }

    /// Sends those who wait away with [`Broken`]. The barrier is whole and empty then.
    pub fn reset(&self) {
        self.broken.set(false);
        self.queue.refuse_all();
        self.queue.wake();
    }

    /// Breaks the barrier: who waits and who comes gets [`Broken`], until [`reset`](Self::reset).
    pub fn abort(&self) {
        self.broken.set(true);
        self.queue.refuse_all();
        self.queue.wake();
    }

    /// Is the barrier broken?
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// For how many parties the barrier is.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many parties wait: asyncio's `n_waiting`.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the barrier's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }
}

/// The rules of the line for a round.
struct AwaitingOthers;

impl Line for AwaitingOthers {
    type Owner = Barrier;
    type Request = ();
    type Grant = Round;

    fn queue(barrier: &Barrier) -> &WaitQueue<(), Round> {
        &barrier.queue
    }

    fn attempt(barrier: &Barrier, request: ()) -> Attempt<(), Round> {
        if barrier.broken.get() {
            return Attempt::Refused(request);
        }
        if barrier.queue.len() + 1 < barrier.parties {
            return Attempt::Wait(request);
        }
        let round = barrier.next_round();
        while barrier.queue.grant(round.clone()).is_ok() {}
        barrier.queue.wake();
        Attempt::Granted(round)
    }

    /// Gives nothing back: the round is over.
    fn give_back(_: &Barrier, _: Round) {}
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.waiting())
            .field("is_broken", &self.is_broken())
            .finish()
    }
}
