//! The lodger: a future that lies in another one's care, in memory that is used again.

use crate::{
    outcome::{
        caught::{Payload, caught},
        panic::Panic,
        unhandled::{UnhandledKind, report_unhandled as report},
        unread::Away,
    },
    raw::{
        block::{self, Stage},
        lent::OnThread,
        lodging::{self, Half},
        owned::{Handle, Owned, Owner},
        pool::Pool,
    },
    region::spare::SPARE,
    wake::{
        wake::{drop_wakers, wake_owner},
        waker_cell::WakerCell,
    },
};
use std::{
    cell::Cell,
    fmt,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll},
};

/// What lies beside a lodger's future: what it and its claim share.
pub(crate) struct Common<N> {
    note: N,
    /// Whom to wake at the lodger's end.
    waker: WakerCell,
    /// The panic of the destructor of a future whose output is there.
    late: Cell<Option<Payload>>,
}

impl<N: 'static> block::Meta for Common<N> {
    type Slot = ();
    /// Is the future being polled, or was it when it panicked?
    type Mark = bool;

    #[inline(always)]
    fn outlive(header: &block::Header<Common<N>>, drop: impl FnOnce()) {
        if let Err(payload) = caught(drop) {
            header.meta.late.set(Some(payload));
        }
    }
}

impl<N: 'static> Owner for Common<N> {
    type Home = ();

    #[inline(always)]
    fn drop_handle<T>(owned: Owned<T, Common<N>>) {
        let waker = owned.meta.waker.take();
        if waker.is_some() || owned.stage() == Stage::Value && owned.value_matters() {
            drop_wakers([waker, None]);
            // Nobody need know what is in it.
            if let Err(payload) = caught(|| owned.drop_value()) {
                report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
            }
        }
        with_pool(|pool| lodging::let_go(owned, pool));
    }

    fn drop_loose<T>(owned: Owned<T, Common<N>>) {
        Common::drop_handle(owned);
    }
}

/// Calls `f` with the executor's memory for lodgers, on the thread of one.
#[inline(always)]
fn with_pool<R>(f: impl FnOnce(Option<&Pool>) -> R) -> R {
    SPARE.look(|spare| f(spare.map(|spare| &spare.lodgings)))
}

/// A future in the care of another one, which polls it and drops it. What it yields is for the [`Claim`], and lies where the future was until
/// it is taken. The memory is the executor's, and used again. See [`lodge`].
///
/// The claim's waker is called when this is dropped. If the future panics, or what it still owns when it has ended does, its poll does. Dropped before its end it drops the future, whose
/// destructor's panic goes on.
///
/// # Panics
///
/// When polled after its end.
#[must_use = "nothing runs until this is polled"]
pub struct Lodger<'a, N: 'static> {
    /// `None` only in its destructor.
    half: Option<Half<'a, Common<N>>>,
}

/// What a [`Lodger`] yields, for whoever has this. Dropped, it drops that; a panic of the destructor is reported.
pub struct Claim<T, N: 'static>(Handle<T, Common<N>>);

/// How a [`Lodger`] stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    /// It has not ended.
    Running,
    /// Its output can be taken.
    Value,
    /// It was dropped before it had ended.
    Dropped,
    /// It has panicked.
    Panicked,
    /// Its output was taken.
    Taken,
}

/// Makes a lodger of a future, and the claim to its output. Both can read the note, which goes with the last of them. Its
/// destructor is not to panic: that would go on where the last of them is dropped, and lose the memory.
///
/// ```
/// use evenkeel::{combinator::{Stand, lodge}, run};
///
/// run(async {
///     let (lodger, claim) = lodge(async { 7 }, "a note");
///     lodger.await;
///     assert_eq!((claim.note(), claim.stand()), (&"a note", Stand::Value));
///     assert_eq!(claim.take(), Some(7));
/// });
/// ```
#[inline]
pub fn lodge<'a, F: Future + 'a, N: 'static>(future: F, note: N) -> (Lodger<'a, N>, Claim<F::Output, N>) {
    let common = Common { note, waker: WakerCell::default(), late: Cell::new(None) };
    let (half, owned) = with_pool(move |pool| lodging::lodge::<F, _, Away>(pool, future, common));
    (Lodger { half: Some(half) }, Claim(Handle::new(owned)))
}

impl<'a, N> Lodger<'a, N> {
    fn half(&self) -> &Half<'a, Common<N>> {
        self.half.as_ref().expect("it is there until the lodger is dropped")
    }

    /// What was noted of it.
    pub fn note(&self) -> &N {
        &self.half().meta.note
    }
}

impl<N> Future for Lodger<'_, N> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let half = self.half.as_mut().expect("it is there until the lodger is dropped");
        half.mark.set(true);
        let polled = half.poll(cx);
        half.mark.set(false);
        if polled.is_ready() {
            if let Some(payload) = half.meta.late.take() {
                resume_unwind(payload);
            }
        }
        polled
    }
}

/// Drops an output that nobody claims.
#[cold]
fn drop_value<N: 'static>(half: &mut Half<'_, Common<N>>) {
    if let Err(payload) = caught(|| half.drop_value()) {
        report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
    }
}

impl<N> Drop for Lodger<'_, N> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut half) = self.half.take() else { return };
        if half.stage() == Stage::Future {
            return drop_early(half);
        }
        if let Some(waker) = half.meta.waker.take() {
            wake_owner(waker);
        }
        if !half.has_handle() && half.value_matters() {
            drop_value(&mut half);
        }
        with_pool(|pool| half.leave(pool));
    }
}

/// Drops a future that has not ended.
#[cold]
fn drop_early<N: 'static>(mut half: Half<'_, Common<N>>) {
    let has_panicked = half.mark.get();
    let dropped = caught(|| half.drop_future());
    half.end(has_panicked);
    half.meta.waker.wake();
    with_pool(|pool| half.leave(pool));
    if let Err(payload) = dropped {
        if std::thread::panicking() {
            report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
        } else {
            resume_unwind(payload);
        }
    }
}

impl<T, N> Claim<T, N> {
    /// What was noted of the lodger.
    pub fn note(&self) -> &N {
        &self.0.meta.note
    }

    /// How the lodger stands.
    #[inline]
    pub fn stand(&self) -> Stand {
        match self.0.stage() {
            Stage::Future | Stage::Ending => Stand::Running,
            Stage::Value => Stand::Value,
            Stage::Cancelled => Stand::Dropped,
            Stage::Panicked => Stand::Panicked,
            Stage::Taken => Stand::Taken,
        }
    }

    /// Is the lodger still running? Then the newest waker is kept, and called when the lodger is dropped.
    #[inline]
    pub fn is_awaited(&self, cx: &Context<'_>) -> bool {
        let is_running = || !self.0.stage().is_end();
        let panicked = |payload| report(UnhandledKind::WakerPanicked(Panic::new(payload)));
        is_running() && self.0.meta.waker.keep_while(cx.waker(), is_running, panicked)
    }

    /// The output, if there is one that was not taken.
    #[inline]
    pub fn take(&self) -> Option<T> {
        self.0.take_value()
    }

    /// The lodger's end is taken: from now on it stands as if its output had been. But an output that it is of consequence to drop stays, and
    /// can be [taken](Claim::take).
    pub fn take_end(&self) -> Stand {
        let stand = self.stand();
        self.0.take_end();
        stand
    }
}

impl<N> fmt::Debug for Lodger<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lodger").finish_non_exhaustive()
    }
}

impl<T, N> fmt::Debug for Claim<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("stand", &self.stand()).finish_non_exhaustive()
    }
}
