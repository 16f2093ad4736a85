//! Groups' cores that are used again.

use super::{group_core::GroupCore, settings::Settings};
use std::{cell::RefCell, panic::Location, rc::Rc};

/// A core is kept when its group's future goes and nobody else has it: neither a child, nor a handle, nor the body's code. So nothing
/// leads to what the next group finds in it, and it is as good as new. What comes when its thread ends finds no spare cores.
struct Spare(Vec<Rc<GroupCore>>);

impl Spare {
    /// Groups in groups, and some beside each other; more are not kept. The first may have a roster as large as
    /// [`Roster`](super::roster::Roster) keeps it, the others have small ones: some 32 KiB in all.
    const MOST: usize = 16;
}

thread_local! {
    /// This thread's cores that nobody has.
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare(Vec::new())) };
}

/// A core for a group that begins. It lies behind its pointer from the beginning, so that the group's future does not grow by it.
#[inline]
pub(super) fn new_core(settings: Settings, location: &'static Location<'static>) -> Rc<GroupCore> {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().0.pop()).ok().flatten();
    let mut core = spare.unwrap_or_else(|| Rc::new(GroupCore::new()));
    let only = Rc::get_mut(&mut core).expect("nobody else has a spare core");
    only.set_up(settings, location);
    core
}

/// The group's future is gone: keeps its core, if nobody else has it, and it had nothing that few groups have. A waker in it may be
/// anybody's, and panic when it goes: the core is not kept then.
#[inline]
pub(super) fn keep(last: &mut Rc<GroupCore>) {
    let Some(only) = Rc::get_mut(last) else { return };
    if !only.renew() {
        return;
    }
    let _ = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().0;
        if spare.len() < Spare::MOST {
            if let (false, Some(only)) = (spare.is_empty(), Rc::get_mut(last)) {
                only.trim();
            }
            spare.push(last.clone());
        }
    });
}
