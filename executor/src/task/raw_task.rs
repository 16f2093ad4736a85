//! The handle to a task: the one that is left when the task has ended, and that takes its output.

use crate::{
    outcome::{
        join_error::JoinError,
        panic::Panic,
        panics::Panics,
        reason::CancelReason,
        task_state::TaskState,
        unhandled::{UnhandledKind, Unhandler, report_unhandled},
    },
    raw::{
        block::Stage,
        number::Number,
        owned::{Owned, Owner},
    },
    task::{
        header::{Extras, Meta},
        joiner::Joiner,
        tasks::{RawTask, Stop, Tasks, Whole},
    },
    wake::wake::number_of,
};
use evenkeel_coop::try_consume_budget;
use std::{
    cell::RefCell,
    collections::VecDeque,
    mem::ManuallyDrop,
    panic::Location,
    rc::Rc,
    task::{Context, Poll, Waker},
};

impl Owner for Meta {
    type Home = Tasks;

    #[inline(always)]
    fn drop_handle<T>(owned: Owned<T, Meta>) {
        owned.give_back();
    }

    #[inline(always)]
    fn drop_loose<T>(owned: Owned<T, Meta>) {
        if owned.stage().is_end() { owned.give_back() } else { owned.detach_running() }
    }
}

impl<T> RawTask<T> {
    /// The outcome, or a promise to wake the context's waker (the newest one only).
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        if !self.stage().is_end() && !self.wait(cx) {
            return Poll::Pending;
        }
        if !try_consume_budget() {
            return give_way(cx);
        }
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The outcome, if there is one that was not taken yet.
    ///
    /// # Panics
    ///
    /// If it was taken.
    #[inline]
    pub(crate) fn take(&self) -> Option<Result<T, JoinError>> {
        if let Some(value) = self.take_value() {
            return Some(Ok(value));
        }
        if self.stage().is_end() { Some(Err(self.take_error())) } else { None }
    }

    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        self.stage().is_end()
    }

    /// The outcome was taken.
    pub(crate) fn is_spent(&self) -> bool {
        self.stage() == Stage::Taken
    }

    #[inline(always)]
    pub(crate) fn request(&self, how: Stop, reason: CancelReason) {
        self.ask(how, reason);
    }

    /// The task goes on without a handle; the executor owns it.
    pub(crate) fn detach(self) {
        Meta::drop_loose(self.into_owned());
    }

    /// Stops the task and drops its future on this stack, unless it has ended.
    ///
    /// For `run`, whose main future must not outlive its frame when a host's callback panics.
    pub(super) fn end_now(&self) {
        if let Some(tasks) = self.home() {
            tasks.stop_now(self);
        }
    }

    pub(crate) fn state(&self) -> TaskState {
        self.home().map_or(TaskState::Ended, |_| (***self).state())
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        (***self).reason()
    }

    /// `None` when the executor is gone.
    #[inline]
    pub(crate) fn number(&self) -> Option<Number> {
        self.home().map(|_| (***self).number())
    }

    pub(crate) fn parent(&self) -> Number {
        self.meta.parent
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.meta.location
    }

    pub(crate) fn set_name(&self, name: std::borrow::Cow<'static, str>) {
        self.with_extras(|extras: &mut Extras| extras.name = Some(name));
    }
}

/// The task's poll has no budget left: the outcome is taken in the next one.
#[cold]
pub(super) fn give_way<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[cold]
#[track_caller]
pub(super) fn already_taken() -> ! {
    panic!("a Task was asked for its outcome again after it had given it away: keep the value")
}

impl<T> Owned<T, Meta> {
    /// A task that has not ended goes on without a handle.
    fn detach_running(self) {
        if self.home().is_some_and(Tasks::is_closing) {
            // Clean-up has spawned it, and now it is the executor's, which cancels all it has.
            return self.give_up(CancelReason::Shutdown);
        }
        self.let_go();
    }

    /// Keeps the newest waker. `true` if the task has ended meanwhile.
    ///
    /// One of ours is a number, and the same as the number before, if there is one: nothing foreign is called, and no end comes between.
    #[inline]
    pub(super) fn wait(&self, cx: &Context<'_>) -> bool {
        match number_of(cx.waker()) {
            Some(number) if !self.has_extras() => {
                self.note(number);
                false
            }
            newest => self.wait_beside(newest, cx.waker()),
        }
    }

    /// [`Owned::wait`] for a task with extras, or with a waker that is foreign.
    #[cold]
    #[inline(never)]
    fn wait_beside(&self, number: Option<Number>, newest: &Waker) -> bool {
        match number {
            Some(number) if self.note_in_extras(number) => false,
            number => self.wait_unusual(number, newest),
        }
    }

    /// [`Owned::wait`] with a waker that is foreign, or after one that may have been. Nothing is borrowed while one is cloned or dropped. As
    /// the task may end in the middle of that, what was cloned is kept only if it has not.
    #[cold]
    #[inline(never)]
    fn wait_unusual(&self, number: Option<Number>, newest: &Waker) -> bool {
        let (old, stale) = match number {
            Some(number) => match self.replace_joiner(Joiner::Ours(number)) {
                None | Some(Joiner::Ours(_)) => return false,
                foreign => (foreign, None),
            },
            None => self.keep_foreign(newest),
        };
        let report = |payload| self.report(UnhandledKind::WakerPanicked(Panic::new(payload)));
        let mut panics = Panics::default();
        panics.catch(|| drop(old), report);
        panics.catch(|| drop(stale), report);
        panics.go_on();
        self.stage().is_end()
    }

    /// Keeps a clone of a foreign waker, or the stored one if it wakes the same. Returns what is to be dropped.
    fn keep_foreign(&self, newest: &Waker) -> (Option<Joiner>, Option<Joiner>) {
        let (kept, stale) = match self.take_joiner() {
            Some(Joiner::Foreign(stored)) if stored.will_wake(newest) => (stored, None),
            stored => (newest.clone(), stored),
        };
        if self.stage().is_end() {
            return (Some(Joiner::Foreign(kept)), stale);
        }
        if let Some(tasks) = self.home() {
            tasks.spare.lend(self);
        }
        (self.replace_joiner(Joiner::Foreign(kept)), stale)
    }

    /// The reason why a task that has ended has no value.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn take_error(&self) -> JoinError {
        match self.take_end() {
            Stage::Cancelled => match self.plain_reason() {
                Some(reason) => JoinError::Cancelled(reason),
                None => JoinError::Cancelled(self.take_reason_with_data().unwrap_or(CancelReason::Aborted)),
            },
            Stage::Panicked => JoinError::Panicked(self.take_panic()),
            _ => already_taken(),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_panic(&self) -> Panic {
        let panic = self.peek_extras(|extras| extras.panic.take()).flatten();
        panic.unwrap_or_else(|| Panic::new(Box::new("unknown")))
    }

    /// The handle is dropped: a task that has not ended is cancelled, the outcome of one that has is dropped or reported.
    #[inline(always)]
    fn give_back(self) {
        if self.stage() == Stage::Taken {
            self.forget();
        } else {
            self.give_back_unread();
        }
    }

    #[cold]
    fn give_back_unread(self) {
        match self.stage() {
            Stage::Future | Stage::Ending => self.give_up(CancelReason::OwnerDropped),
            Stage::Value if self.value_matters() => self.forget_output().drop_value_flat(),
            _ => self.forget_outcome(),
        }
    }

    /// The handle leaves a task that has not ended to its executor, which cancels it for that reason.
    #[cold]
    fn give_up(self, reason: CancelReason) {
        if let Some(joiner) = self.take_joiner() {
            self.drop_joiner(joiner);
        }
        self.ask(Stop::Cancel, reason);
        if self.stage().is_end() {
            // The request told the host of new work, and the host's callback has ended the executor on the spot: the block is ours.
            self.give_back_unread();
        } else {
            // From here on the loop may free the block.
            self.release();
        }
    }

    /// The task goes on without this handle, from when on the loop may free the block.
    #[inline(always)]
    fn let_go(self) {
        if self.has_extras() {
            self.let_go_waited();
        } else {
            // A number that is noted is of no consequence without a handle.
            self.release();
        }
    }

    /// Nobody is to be woken by the task's end any more. The waker may be foreign, and its destructor do anything, end the task also: the
    /// handle keeps the block meanwhile.
    #[cold]
    fn let_go_waited(self) {
        while let Some(joiner) = self.take_joiner() {
            self.drop_joiner(joiner);
        }
        if self.stage().is_end() {
            self.give_back();
        } else {
            self.release();
        }
    }

    fn drop_joiner(&self, joiner: Joiner) {
        if let Err(panic) = Panic::catch(|| drop(joiner)) {
            self.report(UnhandledKind::WakerPanicked(panic));
        }
    }

    #[inline(always)]
    pub(super) fn ask(&self, how: Stop, reason: CancelReason) {
        match self.home() {
            // An executor that is being driven is not dropped, whatever runs in this call.
            Some(tasks) if tasks.driver().is_some() => tasks.request(self, how, reason),
            Some(_) => self.ask_idle(how, reason),
            None => {}
        }
    }

    /// The request tells the host of new work, and its callback may drop the executor.
    #[cold]
    fn ask_idle(&self, how: Stop, reason: CancelReason) {
        if let Some(whole) = self.whole() {
            whole.tasks().request(self, how, reason);
        }
    }

    /// The outcome is gone: frees the block, or leaves that to the loop.
    #[inline(always)]
    pub(super) fn forget(self) {
        self.part(Tasks::free_without_handle);
    }

    /// [`Owned::forget`] for an outcome that was not taken: a panic that nobody saw is reported.
    #[cold]
    fn forget_outcome(self) {
        if self.take_end() == Stage::Panicked {
            if let Some(panic) = self.peek_extras(|extras| extras.panic.take()).flatten() {
                self.report(UnhandledKind::TaskPanicked(panic));
            }
        }
        self.forget();
    }

    fn report(&self, kind: UnhandledKind) {
        match self.whole() {
            Some(whole) => whole.tasks().report(self, kind),
            None => Unhandler::default().report(self.unhandled(None, kind)),
        }
    }

    /// The executor, if it is not gone, kept while a call lasts that may end in the host's code.
    fn whole(&self) -> Option<Rc<dyn Whole>> {
        self.home()?.whole.upgrade()
    }
}

type Unread = VecDeque<Owned<(), Meta>>;

thread_local! {
    /// Tasks that have ended, whose outputs wait to be dropped by a call further up the stack. It has no destructor, so that it is there
    /// to the very end of its thread; `None` without such a call.
    static UNREAD: RefCell<ManuallyDrop<Option<Unread>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

impl Owned<(), Meta> {
    /// Drops an output that was never taken, and then the block. The output may own the handle of another task that has
    /// ended, whose output owns a third, and so on: only the outermost call drops, the others append to its list, so
    /// that the stack does not grow with the chain.
    #[cold]
    fn drop_value_flat(self) {
        let is_outermost = UNREAD.with_borrow_mut(|unread| {
            let is_outermost = unread.is_none();
            unread.get_or_insert_default().push_back(self);
            is_outermost
        });
        if !is_outermost {
            return;
        }
        /// The list goes, also if something here unwinds.
        struct Outermost;
        impl Drop for Outermost {
            fn drop(&mut self) {
                let list = UNREAD.with_borrow_mut(|unread| unread.take());
                drop(list);
            }
        }
        let _outermost = Outermost;
        while let Some(task) = UNREAD.with_borrow_mut(|unread| unread.as_mut()?.pop_front()) {
            if let Err(panic) = Panic::catch(|| task.tell_and_drop_value()) {
                report_unhandled(UnhandledKind::DestructorPanicked(panic));
            }
        }
    }

    /// Whoever dropped the handle need not know what is in the output: an error in it is reported, and so is the panic of its destructor.
    /// Each step may run user code: the error's `Debug`, the destructor, the hook, and what goes with the executor if the hook drops it.
    fn tell_and_drop_value(self) {
        if let Some(text) = self.look() {
            self.report(UnhandledKind::Error(text));
        }
        if let Err(panic) = Panic::catch(|| self.drop_value()) {
            self.report(UnhandledKind::DestructorPanicked(panic));
        }
        self.forget();
    }
}
