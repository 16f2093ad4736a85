//! The handle to a task: the one that is left when the task has ended, and that takes its output.

use crate::{
    core::Core,
    outcome::{
        join_error::{JoinError, Panic},
        reason::CancelReason,
        task_state::TaskState,
        unhandled::{Unhandled, UnhandledKind, Unhandler, forget_if_it_panics},
    },
    raw::number::Number,
};
use crate::{
    raw::{
        block::{Extras, Header, Stage},
        waker,
    },
    task::tasks::{Stop, Tasks, drop_header},
};
use std::{
    any::Any,
    cell::Cell,
    collections::VecDeque,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::{self, NonNull},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// A task's only handle, with its output's type.
pub(crate) struct RawTask<T> {
    any: AnyTask,
    _output: PhantomData<Rc<T>>,
}

impl<T> RawTask<T> {
    /// # Safety
    ///
    /// The block lives in `tasks`, its output is a `T`, its handle flag is set, and there is no other handle.
    #[inline(always)]
    pub(crate) unsafe fn new(block: NonNull<Header>, tasks: &Tasks) -> RawTask<T> {
        RawTask { any: AnyTask { block, tasks: NonNull::from(tasks) }, _output: PhantomData }
    }

    /// The outcome, or a promise to wake the context's waker (the newest one only).
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        if let Some(outcome) = self.take() {
            return Poll::Ready(outcome);
        }
        if self.any.wait(cx) { self.poll(cx) } else { Poll::Pending }
    }

    /// The outcome, if there is one that was not taken yet.
    ///
    /// # Panics
    ///
    /// If it was taken.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Result<T, JoinError>> {
        let head = self.any.header();
        if head.stage.get() == Stage::Value {
            head.stage.set(Stage::Taken);
            // SAFETY: the stage was `Value`: at this place lies the output, a `T` as `new`'s caller promised. The stage
            // now says that it was moved away.
            return Some(Ok(unsafe { self.any.block.byte_add(head.vtable.payload).cast::<T>().read() }));
        }
        if head.stage.get().is_end() { Some(Err(self.any.take_error())) } else { None }
    }

    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        self.any.header().stage.get().is_end()
    }

    /// Tells whether the task has ended, in one load.
    pub(crate) fn ended(&self) -> Ended<'_> {
        Ended(&self.any.header().stage)
    }

    /// The outcome was taken.
    pub(crate) fn is_spent(&self) -> bool {
        self.any.header().stage.get() == Stage::Taken
    }

    pub(crate) fn request(&self, how: Stop, reason: CancelReason) {
        self.any.request(how, reason);
    }

    /// The task goes on without a handle; the executor owns it.
    pub(crate) fn detach(self) {
        let any = ManuallyDrop::new(self).any;
        if any.header().stage.get().is_end() {
            return any.release();
        }
        if any.tasks().is_some_and(Tasks::is_closing) {
            // Clean-up has spawned it, and now it is the executor's, which cancels all it has.
            return any.give_up(CancelReason::Shutdown);
        }
        let joiner = any.header().joiner.take();
        any.let_go(joiner);
    }

    /// Stops the task and drops its future on this stack, unless it has ended.
    ///
    /// For `run`, whose main future must not outlive its frame when a host's callback panics.
    pub(crate) fn end_now(&self) {
        if let Some(tasks) = self.any.tasks() {
            tasks.stop_now(self.any.block);
        }
    }

    pub(crate) fn state(&self) -> TaskState {
        match self.any.tasks() {
            Some(tasks) => tasks.state(self.any.header()),
            None => TaskState::Ended,
        }
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.any.header().reason()
    }

    /// `None` when the executor is gone.
    pub(crate) fn number(&self) -> Option<Number> {
        self.any.tasks().and_then(|tasks| tasks.number(self.any.header()))
    }

    pub(crate) fn parent(&self) -> Number {
        self.any.header().parent
    }

    pub(crate) fn location(&self) -> &'static std::panic::Location<'static> {
        self.any.header().location
    }

    /// `f` runs no user code.
    pub(crate) fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        self.any.header().with_extras(f)
    }

    /// `f` runs no user code.
    pub(crate) fn peek_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        self.any.header().peek_extras(f)
    }
}

/// Has the task ended?
pub(crate) struct Ended<'a>(&'a Cell<Stage>);

impl Ended<'_> {
    #[inline(always)]
    pub(crate) fn get(&self) -> bool {
        self.0.get().is_end()
    }
}

#[cold]
#[track_caller]
fn already_taken() -> ! {
    panic!("a Task was asked for its outcome again after it had given it away: keep the value")
}

impl<T> Drop for RawTask<T> {
    #[inline]
    fn drop(&mut self) {
        self.any.release();
    }
}

/// A handle whose output type is forgotten.
#[derive(Clone, Copy)]
struct AnyTask {
    block: NonNull<Header>,
    /// Points at something only while the block is no orphan.
    tasks: NonNull<Tasks>,
}

impl AnyTask {
    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: a block with its handle flag set is not freed, and this is used only by the handle that sets it.
        unsafe { self.block.as_ref() }
    }

    /// `None` when the executor is gone.
    #[inline(always)]
    fn tasks(&self) -> Option<&Tasks> {
        if self.header().orphan.get() {
            return None;
        }
        // SAFETY: the block was made in these tasks, and is no orphan, so they have not been sealed: `Tasks::seal` makes an orphan
        // of every block that a handle reaches, and it does not unwind. (No block is made after it: a `Spawner` refuses, and they are not
        // the thread's current tasks any more.) What is not sealed is there: tasks lie in a `Core`, the `Executor` holds it, and
        // lets go of it in its drop, at whose beginning `Core::end` either keeps the core for ever or takes a guard which seals the
        // tasks however that call is left, also by a panic.
        Some(unsafe { self.tasks.as_ref() })
    }

    /// Stores the newest waker. `true` if the task has ended meanwhile.
    #[inline]
    fn wait(&self, cx: &Context<'_>) -> bool {
        let joiner = &self.header().joiner;
        let stored = joiner.take();
        match waker::number_of(cx.waker()) {
            Some(number) if stored.is_none() => {
                // The same as a clone, without a call.
                joiner.set(Some(ManuallyDrop::into_inner(waker::waker(number))));
                false
            }
            _ => self.replace_joiner(stored, cx),
        }
    }

    /// Clones the newest waker, and drops the old one. Both may be user code: the cell is not in use meanwhile, and the
    /// task may have ended when they return.
    #[cold]
    fn replace_joiner(&self, stored: Option<Waker>, cx: &Context<'_>) -> bool {
        let joiner = &self.header().joiner;
        if stored.as_ref().is_some_and(|stored| stored.will_wake(cx.waker())) {
            joiner.set(stored);
            return false;
        }
        let newest = cx.waker().clone();
        let ended = self.header().stage.get().is_end();
        let old = if ended { Some(newest) } else { joiner.replace(Some(newest)) };
        let first = catch_unwind(AssertUnwindSafe(|| drop(old)));
        let second = catch_unwind(AssertUnwindSafe(|| drop(stored)));
        match (first, second) {
            (Ok(()), Ok(())) => self.header().stage.get().is_end(),
            (Err(payload), Ok(())) | (Ok(()), Err(payload)) => resume_unwind(payload),
            (Err(payload), Err(other)) => {
                self.report(UnhandledKind::WakerPanicked(Panic::new(other)));
                resume_unwind(payload)
            }
        }
    }

    /// The reason why a task that has ended has no value.
    #[cold]
    fn take_error(&self) -> JoinError {
        let head = self.header();
        let error = match head.stage.get() {
            Stage::Cancelled => JoinError::Cancelled(head.take_reason().unwrap_or(CancelReason::Aborted)),
            Stage::Panicked => {
                let panic = head.peek_extras(|extras| extras.panic.take()).flatten();
                JoinError::Panicked(panic.unwrap_or_else(|| Panic::new(Box::new("unknown"))))
            }
            _ => already_taken(),
        };
        head.stage.set(Stage::Taken);
        error
    }

    /// The handle is dropped: a task that has not ended is cancelled, the outcome of one that has is dropped or reported.
    #[inline(always)]
    fn release(self) {
        if self.header().stage.get() == Stage::Taken {
            self.forget();
        } else {
            self.release_unread();
        }
    }

    #[cold]
    fn release_unread(self) {
        let head = self.header();
        match head.stage.get() {
            Stage::Future | Stage::Ending => self.give_up(CancelReason::OwnerDropped),
            Stage::Value if head.vtable.value_needs_drop => self.drop_value_flat(),
            _ => self.forget_outcome(),
        }
    }

    /// The handle leaves a task that has not ended to its executor, which cancels it for that reason.
    #[cold]
    fn give_up(self, reason: CancelReason) {
        let joiner = self.header().joiner.take();
        self.request(Stop::Cancel, reason);
        if self.header().stage.get().is_end() {
            // The request told the host of new work, and the host's callback has ended the executor on the spot: the block is ours.
            self.release_unread();
            drop(joiner);
        } else {
            self.let_go(joiner);
        }
    }

    /// The task goes on without this handle.
    #[inline(always)]
    fn let_go(self, joiner: Option<Waker>) {
        // From here on the loop may free the block.
        self.header().handle.set(false);
        // Perhaps foreign, so it is the last.
        drop(joiner);
    }

    fn request(&self, how: Stop, reason: CancelReason) {
        if let Some(core) = self.core() {
            core.tasks.request(self.block, how, reason);
        }
    }

    /// The outcome is gone: frees the block, or leaves that to the loop.
    #[inline(always)]
    fn forget(self) {
        match self.tasks() {
            Some(tasks) => {
                self.header().handle.set(false);
                tasks.free_if_forgotten(self.block);
            }
            None => self.free_orphan(),
        }
    }

    #[cold]
    fn free_orphan(self) {
        let vtable = self.header().vtable;
        // SAFETY: an orphan belongs to its handle, which is used no more. The payload is gone.
        unsafe {
            drop_header(self.block);
            vtable.size.free(self.block.cast());
        }
    }

    /// Like [`AnyTask::forget`] for an outcome that was not taken: a panic that nobody saw is reported.
    #[cold]
    fn forget_outcome(self) {
        let head = self.header();
        if head.stage.replace(Stage::Taken) == Stage::Panicked {
            if let Some(panic) = head.peek_extras(|extras| extras.panic.take()).flatten() {
                self.report(UnhandledKind::TaskPanicked(panic));
            }
        }
        self.forget();
    }

    fn report(&self, kind: UnhandledKind) {
        match self.core() {
            Some(core) => core.tasks.report(self.header(), kind),
            None => Unhandler::default().report(Unhandled::of(self.header(), None, kind)),
        }
    }

    /// The executor, if it is not gone, kept while a call lasts that may end in the host's code.
    fn core(&self) -> Option<Rc<Core>> {
        self.tasks()?.core.upgrade()
    }

    /// Drops an output that was never taken, and then the block. The output may own the handle of another task that has
    /// ended, whose output owns a third, and so on: only the outermost call drops, the others append to its list, so
    /// that the stack does not grow with the chain.
    #[cold]
    fn drop_value_flat(self) {
        thread_local! {
            static WAITING: Cell<*mut VecDeque<AnyTask>> = const { Cell::new(ptr::null_mut()) };
        }
        if let Some(list) = NonNull::new(WAITING.get()) {
            // SAFETY: the list lives in the frame of the outermost call, which takes the pointer away before it returns
            // (it catches all panics), and which holds no reference to it while it drops an output.
            unsafe { (*list.as_ptr()).push_back(self) };
            return;
        }
        /// Takes the pointer away, also if something here unwinds.
        struct Outermost;
        impl Drop for Outermost {
            fn drop(&mut self) {
                WAITING.set(ptr::null_mut());
            }
        }
        let mut list = VecDeque::from([self]);
        let list = &raw mut list;
        WAITING.set(list);
        let outermost = Outermost;
        let mut first_panic: Option<Box<dyn Any + Send>> = None;
        // SAFETY: as above: this is a reference for one call, and no output's destructor runs in it.
        while let Some(task) = unsafe { (*list).pop_front() } {
            // Each step may run user code: the destructor, the hook, and what goes with the executor if the hook drops it.
            let mut panics = [
                // SAFETY: the stage was `Value`, since the handle had not taken it; now it says that nobody will touch it.
                catch_unwind(AssertUnwindSafe(|| unsafe {
                    task.header().stage.set(Stage::Taken);
                    (task.header().vtable.drop_value)(task.block);
                })),
                Ok(()),
                Ok(()),
            ];
            if let Err(payload) = std::mem::replace(&mut panics[0], Ok(())) {
                if first_panic.is_none() && !std::thread::panicking() {
                    first_panic = Some(payload);
                } else {
                    let kind = UnhandledKind::DestructorPanicked(Panic::new(payload));
                    panics[1] = catch_unwind(AssertUnwindSafe(|| task.report(kind)));
                }
            }
            panics[2] = catch_unwind(AssertUnwindSafe(|| task.forget()));
            for panic in panics {
                match panic {
                    Err(payload) if first_panic.is_none() => first_panic = Some(payload),
                    Err(payload) => forget_if_it_panics(payload),
                    Ok(()) => {}
                }
            }
        }
        drop(outermost);
        if let Some(payload) = first_panic {
            resume_unwind(payload);
        }
    }
}
