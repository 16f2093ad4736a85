//! A pool's thread that waits for what a loop is to do, and is not busy meanwhile.
//!
//! A job that waits for a task waits for whatever that task waits for, other jobs of the same pool perhaps. If its thread counted as
//! busy, as many such jobs as there may be threads would keep those from ever having one, and all would stand still. So a thread that
//! blocks in [`RemoteTask::wait`](crate::RemoteTask::wait), `Handle::block_on_from_thread`, `Sender::send_blocking` or
//! `Receiver::recv_blocking` is *absent*: the pool may have one more thread for each that is, and time that jumps need not stand still for
//! one that waits for its own loop. (One that blocks in a channel lingers before, and counts as busy while it does.) A thread in
//! `Handle::call` counts as busy: the loop makes the call whatever its pool does, and is soon back.
//!
//! # Who begins and who ends it
//!
//! The thread makes an absence, leaves it with what it waits for (in the reply, or in the waker that stands in the channel's line), and only
//! then begins it. Whoever gives what is waited for ends it, before the thread is woken, and on the loop's own thread before that goes on.
//! One that is ended before it has begun does not begin. So from the loop's view a job is never absent that has its answer, and a clock
//! that jumps does not jump while the job makes something of it.
//!
//! ```text
//!            begin            end
//!   ahead ───────────► on ───────────► over
//!     └──────────────────(end)──────────▲
//! ```

use crate::{
    raw::lent::OnThread,
    threads::{
        limiter::{Errand, PERMIT, ThreadLimiter},
        pool::{Pool, WORKER},
    },
    wake::calls::Calls,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// While it is on, a thread of that pool does not count as busy.
pub(crate) struct Absence {
    pool: Arc<Pool>,
    /// Is it the pool's own loop that is waited for?
    of_own: bool,
    /// The limiter that bounds the thread's job.
    limiter: Option<ThreadLimiter>,
    stage: Mutex<AbsenceStage>,
}

enum AbsenceStage {
    Ahead,
    /// With what the limiter was told.
    On(Option<Arc<dyn Errand>>),
    Over,
}

impl Absence {
    /// For this thread, which is about to wait for a task of that executor. `None` if it belongs to no pool.
    pub(crate) fn for_task(executor: &Calls) -> Option<Arc<Absence>> {
        let pool = WORKER.look(|worker| worker.cloned())?;
        let of_own = pool.is_of(executor);
        Some(Absence::new(pool, of_own))
    }

    /// For this thread, which is about to wait for a receiver in that executor, if it is known where. `None` if it belongs to no pool,
    /// and if the receiver is known to be elsewhere than in the pool's own executor: jobs that fill another's channel are bounded by
    /// their pool.
    pub(crate) fn for_receiver(executor: Option<&Calls>) -> Option<Arc<Absence>> {
        let pool = WORKER.look(|worker| worker.cloned())?;
        executor.is_none_or(|executor| pool.is_of(executor)).then(|| Absence::new(pool, executor.is_some()))
    }

    /// For this thread, which is about to wait for senders, of which it is not known where they are: its own loop may have to let time pass
    /// before one of them sends. `None` if it belongs to no pool.
    pub(crate) fn for_senders() -> Option<Arc<Absence>> {
        WORKER.look(|worker| worker.cloned()).map(|pool| Absence::new(pool, true))
    }

    fn new(pool: Arc<Pool>, of_own: bool) -> Arc<Absence> {
        let limiter = PERMIT.look(|limiter| limiter.cloned());
        Arc::new(Absence { pool, of_own, limiter, stage: Mutex::new(AbsenceStage::Ahead) })
    }

    /// Begins, if it was not ended before. It may call the loop, and end jobs that stand in a limiter's line, so nothing is to be locked.
    pub(crate) fn begin(&self, errand: Option<Arc<dyn Errand>>) {
        let told = self.limiter.as_ref().zip(errand.as_ref());
        let (is_watched, knotted) = {
            let mut stage = self.lock();
            if !matches!(*stage, AbsenceStage::Ahead) {
                return;
            }
            let is_watched = self.pool.leave(self.of_own);
            let knotted = told.map(|(limiter, errand)| limiter.holder_waits(errand));
            *stage = AbsenceStage::On(errand.clone());
            (is_watched, knotted)
        };
        if is_watched {
            self.pool.nudge();
        }
        if let Some((limiter, knotted)) = self.limiter.as_ref().zip(knotted) {
            limiter.untie(knotted);
        }
    }

    pub(crate) fn end(&self) {
        let stage = std::mem::replace(&mut *self.lock(), AbsenceStage::Over);
        let AbsenceStage::On(errand) = stage else { return };
        if let Some((limiter, errand)) = self.limiter.as_ref().zip(errand) {
            limiter.holder_is_back(&errand);
        }
        self.pool.come_back(self.of_own);
    }

    fn lock(&self) -> MutexGuard<'_, AbsenceStage> {
        // Nothing foreign runs in a critical section.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
