//! Whose turn it is, to read and to write.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::Cell, ops::Deref};

/// The turns of a read-write lock.
///
/// # Implementation notes
///
/// ```text
///            UpgradableRead            upgrade               the last other reader ends
///   Nobody ─────────────────► Upgradable ─────────► Upgrading ────────────────────────┐
///    │  ▲ ◄──────────────────  │  ▲   ▲ ◄─────────                                    ▼
///    │  │   end, downgrade     │  │   └─────────────────────────────────────────── Writer
///    │  │                      └──┼── upgrade, beside nobody ─────────────────────► │  ▲
///    │  └─────────────────────────┼──── end, downgrade ─────────────────────────────┘  │
///    └── Write, beside nobody ────┴────────────────────────────────────────────────────┘
/// ```
///
/// There is one line, in which nobody overtakes, and a place before it for the one who upgrades. Why everybody's turn comes, if turns end:
///
/// * While somebody upgrades, no reader is let in. So he waits for those who read at that time, and these wait for nobody.
/// * There is one upgradable reader at most, so nobody upgrades beside him. He keeps writers out whether he upgrades or not, so that he goes before
///   those who wait takes nothing from them but his own time.
/// * Whoever is first in line is let in when those who keep him out have ended, before anybody who comes later: readers do not pass a writer, nor
///   writers a reader, nor readers an upgradable one.
pub(crate) struct Turns {
    /// How many read. An upgradable reader is one of them.
    readers: Cell<usize>,
    /// How many may read at a time.
    most: usize,
    above: Cell<Above>,
    line: WaitQueue<Turn, Turn>,
    /// The place of the one who upgrades.
    upgrade: WaitQueue,
}

/// Who has more than a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    Nobody,
    /// One of the readers may become a writer.
    Upgradable,
    /// One of the readers waits for the others to end.
    Upgrading,
    /// A writer; nobody reads.
    Writer,
}

/// What somebody comes for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Read,
    UpgradableRead,
    Write,
}

impl Turns {
    pub(crate) const fn new(most: usize) -> Turns {
        Turns {
            readers: Cell::new(0),
            most,
            above: Cell::new(Above::Nobody),
            line: WaitQueue::new("RwLock"),
            upgrade: WaitQueue::new("UpgradableReadGuard::upgrade"),
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.line.len() + self.upgrade.len()
    }

    pub(crate) fn stats(&self) -> WaitStats {
        self.line.stats()
    }

    /// Lets somebody in if nobody keeps him out, and nobody waits.
    #[inline]
    pub(crate) fn take_now(&self, turn: Turn) -> bool {
        self.line.is_empty() && self.let_in(turn)
    }

    /// Lets somebody in if nobody keeps him out.
    #[inline]
    fn let_in(&self, turn: Turn) -> bool {
        let (above, readers) = (self.above.get(), self.readers.get());
        let is_let_in = match turn {
            Turn::Read => matches!(above, Above::Nobody | Above::Upgradable) && readers < self.most,
            Turn::UpgradableRead => above == Above::Nobody && readers < self.most,
            Turn::Write => above == Above::Nobody && readers == 0,
        };
        if is_let_in {
            match turn {
                Turn::Read => self.readers.set(readers + 1),
                Turn::UpgradableRead => self.set(readers + 1, Above::Upgradable),
                Turn::Write => self.set(0, Above::Writer),
            }
        }
        is_let_in
    }

    /// Ends a turn: whoever was kept out by it alone is let in.
    #[inline]
    pub(crate) fn end(&self, turn: Turn) {
        match turn {
            Turn::Read => self.readers.set(self.readers.get() - 1),
            Turn::UpgradableRead => self.set(self.readers.get() - 1, Above::Nobody),
            Turn::Write => self.above.set(Above::Nobody),
        }
        self.go_on();
    }

    /// Makes a writer of the upgradable reader, if nobody else reads.
    pub(crate) fn upgrade_now(&self) -> bool {
        let is_last = self.readers.get() == 1;
        if is_last {
            self.set(0, Above::Writer);
        }
        is_last
    }

    /// Makes a reader of the writer, or of the upgradable reader.
    pub(crate) fn downgrade(&self) {
        self.set(self.readers.get().max(1), Above::Nobody);
        self.go_on();
    }

    /// Makes an upgradable reader of the writer.
    pub(crate) fn downgrade_to_upgradable(&self) {
        self.set(1, Above::Upgradable);
        self.go_on();
    }

    fn set(&self, readers: usize, above: Above) {
        self.readers.set(readers);
        self.above.set(above);
    }

    /// Lets in whom nobody keeps out any more.
    #[inline]
    fn go_on(&self) {
        if self.above.get() == Above::Upgrading {
            if self.upgrade_now() {
                let _ = self.upgrade.grant(());
                self.upgrade.wake();
            }
        } else if !self.line.is_empty() {
            self.line.serve(|turn| self.let_in(turn).then_some(turn));
        }
    }
}

/// What has turns.
pub(crate) trait HasTurns {
    fn turns(&self) -> &Turns;
}

/// A pointer to a lock, which stands for its turns.
#[derive(Clone)]
pub(crate) struct TurnsOf<P>(pub(crate) P);

impl<P: Deref<Target: HasTurns>> TurnsOf<P> {
    /// Waits for a turn, and is never refused. The caller makes a guard of it before anything else happens.
    pub(crate) fn wait(self, turn: Turn) -> Wait<TurnsOf<P>, TakingTurns> {
        Wait::new(self, turn)
    }

    /// Waits until the upgradable reader is a writer, and is never refused. Dropped before that, he is an upgradable reader as before.
    pub(crate) fn upgrade(self) -> Wait<TurnsOf<P>, Upgrading> {
        Wait::new(self, ())
    }
}

impl<P: Deref<Target: HasTurns>> Deref for TurnsOf<P> {
    type Target = Turns;

    #[inline]
    fn deref(&self) -> &Turns {
        self.0.turns()
    }
}

/// The rules of the line.
pub(crate) struct TakingTurns;

impl Line for TakingTurns {
    type Owner = Turns;
    type Request = Turn;
    type Grant = Turn;

    #[inline]
    fn queue(turns: &Turns) -> &WaitQueue<Turn, Turn> {
        &turns.line
    }

    #[inline]
    fn attempt(turns: &Turns, turn: Turn) -> Attempt<Turn, Turn> {
        if turns.take_now(turn) { Attempt::Granted(turn) } else { Attempt::Wait(turn) }
    }

    fn serve(turns: &Turns) {
        while let Some(turn) = turns.line.front().filter(|turn| turns.let_in(*turn)) {
            let _ = turns.line.grant(turn);
        }
    }

    fn give_back(turns: &Turns, turn: Turn) {
        turns.end(turn);
    }
}

/// The rules of the place before the line.
pub(crate) struct Upgrading;

impl Line for Upgrading {
    type Owner = Turns;
    type Request = ();
    type Grant = ();

    fn queue(turns: &Turns) -> &WaitQueue {
        &turns.upgrade
    }

    fn attempt(turns: &Turns, _: ()) -> Attempt<(), ()> {
        if turns.upgrade_now() {
            return Attempt::Granted(());
        }
        turns.above.set(Above::Upgrading);
        Attempt::Wait(())
    }

    // Whoever stops upgrading is an upgradable reader again. His guard goes with his wait, and then those come in whom he kept out.

    fn serve(turns: &Turns) {
        turns.above.set(Above::Upgradable);
    }

    fn give_back(turns: &Turns, _: ()) {
        turns.set(1, Above::Upgradable);
    }
}
