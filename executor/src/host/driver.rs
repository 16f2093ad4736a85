//! Drivers that come into being while an executor runs.

use crate::{
    host::executor::Executor,
    outcome::attach_error::AttachError,
    park::Park,
    raw::lent::OnThread,
    task::tasks::{TASKS, Whole, entered},
};
use std::rc::Rc;

/// Attaches a driver to the current executor, which parks in `park` from now on, and looks at it under load as [`Park`] says. Until then an
/// executor parks its thread, and pays nothing for drivers.
///
/// `driver` is what [`driver`] finds from then on: the part that is shared by `park` and by all that wait for the driver's events. Both
/// go with the executor, after its tasks.
///
/// # Errors
///
/// Outside an executor, unless one was [entered](crate::Executor::enter); if the executor was built with a park of its own, or has a
/// driver.
///
/// Alarms that other threads ring:
///
/// ```
/// use evenkeel::host::{AttachError, Park, attach_driver, driver};
/// use std::{cell::RefCell, future::poll_fn, rc::Rc, sync::{Arc, Condvar, Mutex}, task::{Poll, Waker}, thread, time::Duration};
///
/// /// Who waits, and whether it has rung. The thread's sleep would do for this; a driver's own events would be in its place.
/// #[derive(Default)]
/// struct Alarm {
///     waits: RefCell<Option<Waker>>,
///     bell: Arc<(Mutex<[bool; 2]>, Condvar)>, // it has rung; a park is to end
/// }
///
/// struct AlarmPark(Rc<Alarm>);
///
/// impl Park for AlarmPark {
///     fn park(&mut self, max: Option<Duration>) {
///         let (marks, ring) = &*self.0.bell;
///         let waits = |marks: &mut [bool; 2]| *marks == [false; 2];
///         let rung = {
///             let marks = marks.lock().unwrap();
///             let mut marks = ring.wait_timeout_while(marks, max.unwrap_or(Duration::MAX), waits).unwrap().0;
///             std::mem::take(&mut *marks)[0]
///         };
///         let waiter = if rung { self.0.waits.take() } else { None };
///         if let Some(waiter) = waiter {
///             waiter.wake();
///         }
///     }
///
///     fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
///         let bell = self.0.bell.clone();
///         Arc::new(move || {
///             bell.0.lock().unwrap()[1] = true;
///             bell.1.notify_one();
///         })
///     }
/// }
///
/// /// The current executor's alarm, which is attached at the first use.
/// fn alarm() -> Result<Rc<Alarm>, AttachError> {
///     if let Some(alarm) = driver::<Alarm>() {
///         return Ok(alarm);
///     }
///     let alarm = Rc::new(Alarm::default());
///     attach_driver(alarm.clone(), AlarmPark(alarm.clone()))?;
///     Ok(alarm)
/// }
///
/// evenkeel::run(async {
///     let alarm = alarm().unwrap();
///     let bell = alarm.bell.clone();
///     let ringer = thread::spawn(move || {
///         bell.0.lock().unwrap()[0] = true;
///         bell.1.notify_one();
///     });
///     let mut waited = false;
///     poll_fn(|cx| {
///         if std::mem::replace(&mut waited, true) && alarm.waits.borrow().is_none() {
///             return Poll::Ready(());
///         }
///         alarm.waits.replace(Some(cx.waker().clone()));
///         Poll::Pending
///     })
///     .await;
///     ringer.join().unwrap();
/// });
/// ```
pub fn attach_driver<D: 'static>(driver: Rc<D>, park: impl Park + 'static) -> Result<(), AttachError> {
    current().ok_or(AttachError::OutsideExecutor)?.attach_driver(driver, Box::new(park))
}

/// The driver that was [attached](attach_driver) to the current executor, if that is of this type.
pub fn driver<D: 'static>() -> Option<Rc<D>> {
    current()?.driver()?.downcast().ok()
}

impl Executor {
    /// [`attach_driver`] for this executor, from outside of its tasks or inside.
    ///
    /// # Errors
    ///
    /// If the executor was built with a park of its own, or has a driver.
    pub fn attach_driver<D: 'static>(&self, driver: Rc<D>, park: impl Park + 'static) -> Result<(), AttachError> {
        Whole::attach_driver(&*self.core, driver, Box::new(park))
    }

    /// The driver that was attached to this executor, if that is of this type.
    pub fn driver<D: 'static>(&self) -> Option<Rc<D>> {
        Whole::driver(&*self.core)?.downcast().ok()
    }
}

/// The executor whose code this is, or that was entered.
fn current() -> Option<Rc<dyn Whole>> {
    TASKS.look(|tasks| tasks.and_then(|tasks| tasks.whole.upgrade())).or_else(entered)
}
