//! Waiting awake for a moment, before a thread sleeps.

use crate::real_time::real_now;
use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

/// About as long as it takes to put a thread to sleep and to wake it, so that who lingers in vain takes about twice as long, if others do
/// not keep the core.
const MOMENT: Duration = Duration::from_micros(20);
/// When so much time has passed, the system has given this core to others.
const AGES: Duration = Duration::from_micros(500);
/// So many waits are done without lingering at the most, before it is tried again.
const MOST: u32 = 1 << 10;

/// Whether it was worth it lately, on one thread.
#[derive(Clone, Copy)]
struct Luck {
    /// So many waits follow without lingering.
    pause: u32,
    /// So many will, the next time it is in vain.
    next: u32,
}

impl Luck {
    const fn new() -> Luck {
        Luck { pause: 0, next: 1 }
    }

    /// Is this wait one of those without?
    fn pauses(&mut self) -> bool {
        let pauses = self.pause > 0;
        self.pause -= u32::from(pauses);
        pauses
    }

    /// Was it worth it?
    fn learn(&mut self, was_worth_it: bool) {
        *self = match was_worth_it {
            true => Luck::new(),
            false => Luck { pause: self.next, next: (self.next * 2).min(MOST) },
        };
    }
}

thread_local! {
    static LUCK: Cell<Luck> = const { Cell::new(Luck::new()) };
}

/// How many waits follow, on all threads, while others want the cores.
static CROWDED: AtomicU32 = AtomicU32::new(0);

/// Waits for a moment until another thread has done something, and lets others run meanwhile. `None` if it has; otherwise the time
/// that was spent in vain.
///
/// Another thread's answer often takes less time than falling asleep and being woken for it; and where the two share a core, to let
/// the other run is all that is needed. But often it takes longer, and then nothing is worth less than to wait awake. So who has
/// lingered in vain does without the next time, then twice, and so on; one that was worth it ends that. If others took the core
/// meanwhile, nobody lingers for a while: who sleeps is let in by them when he is woken, and who yields is not. Nor does anybody where
/// there is no clock, since there are no threads either, as a rule.
pub(crate) fn linger(mut has_come: impl FnMut() -> bool) -> Option<Duration> {
    let mut luck = LUCK.get();
    let pauses = luck.pauses();
    LUCK.set(luck);
    if pauses {
        return Some(Duration::ZERO);
    }
    let crowded = CROWDED.load(Ordering::Relaxed);
    if crowded > 0 {
        // A count that is lost among threads does not matter.
        CROWDED.store(crowded - 1, Ordering::Relaxed);
        return Some(Duration::ZERO);
    }
    if has_come() {
        return None;
    }
    let Some(begin) = real_now() else { return Some(Duration::ZERO) };
    let (has_come, took) = loop {
        thread::yield_now();
        let (has_come, took) = (has_come(), begin.elapsed());
        if has_come || took >= MOMENT {
            break (has_come, took);
        }
    };
    luck.learn(took < MOMENT);
    LUCK.set(luck);
    if took >= AGES {
        CROWDED.store(MOST, Ordering::Relaxed);
    }
    (!has_come).then_some(took)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// How many waits pause.
    fn pauses(luck: &mut Luck) -> u32 {
        (0..).take_while(|_| luck.pauses()).count() as u32
    }

    #[test]
    fn who_lingers_in_vain_learns_how_long() {
        let pause = Duration::from_millis(1);
        // Others may have said that the cores are wanted.
        let found = (0..=2 * MOST).find_map(|_| {
            LUCK.set(Luck::new());
            linger(|| {
                thread::sleep(pause);
                false
            })
            .filter(|took| !took.is_zero())
        });
        assert!(found.is_some_and(|took| took >= pause));
        LUCK.set(Luck::new());
        CROWDED.store(0, Ordering::Relaxed);
        let mut looks = 0;
        let in_vain = linger(|| {
            looks += 1;
            looks == 2
        });
        assert!(in_vain.is_none() || looks == 0, "others have said so again");
    }

    #[test]
    fn who_lingers_in_vain_does_so_half_as_often_each_time_until_it_is_worth_it() {
        let mut luck = Luck::new();
        let mut found = Vec::new();
        for _ in 0..13 {
            found.push(pauses(&mut luck));
            luck.learn(false);
        }
        assert_eq!(found, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]);
        luck.learn(true);
        assert_eq!(pauses(&mut luck), 0);
        luck.learn(false);
        assert_eq!(pauses(&mut luck), 1);
    }
}
