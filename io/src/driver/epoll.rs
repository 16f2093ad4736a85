//! Linux's epoll: one registration for each source, which tells of changes.
//!
//! A wake-up from another thread is a write to an eventfd, which is registered once as a source that tells of changes too: each write is one, so
//! it is never read, and never armed again. It comes only while the loop is really parked, and once for each park, since the inbox sees to that.

use super::change::Change;
use rustix::{
    event::{
        EventfdFlags, PollFd, PollFlags, Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
        eventfd, poll,
    },
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::{Errno, write},
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime},
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    io,
    sync::Arc,
    time::Duration,
};

pub(super) struct Epoll {
    epoll: OwnedFd,
    wakes: Arc<OwnedFd>,
    /// Ends the wait of somebody else who waits for this epoll, at the next deadline. It is there once somebody does.
    timer: OnceCell<OwnedFd>,
    events: RefCell<Vec<epoll::Event>>,
    /// The latest look took as many as it could: there may be more.
    may_have_more: Cell<bool>,
}

/// The keys of what is no source.
const WAKES: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// So many changes are taken at a time. What is left is told by the next look.
const EVENTS: usize = 1024;

/// A wait that is shorter ends on time; a longer one may be up to a millisecond late, which saves it a system call.
const SHORT: Duration = Duration::from_millis(20);

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wakes = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wakes, EventData::new_u64(WAKES), EventFlags::IN | EventFlags::ET)?;
        Ok(Epoll {
            epoll,
            wakes: Arc::new(wakes),
            timer: OnceCell::new(),
            events: RefCell::default(),
            may_have_more: Cell::default(),
        })
    }

    pub(super) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        // Miri knows no urgent data.
        let urgent = if cfg!(miri) { EventFlags::empty() } else { EventFlags::PRI };
        let all = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET | urgent;
        match epoll::add(&self.epoll, fd, EventData::new_u64(key as u64), all) {
            Err(Errno::EXIST) => Err(io::Error::other(
                "this descriptor is awaited on this executor already, as another source: share that one, or duplicate the descriptor",
            )),
            added => Ok(added?),
        }
    }

    /// Who has closed that descriptor behind its owner's back has taken it out already.
    pub(super) fn remove(&self, fd: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    pub(super) fn wait(&self, max: Option<Duration>, changes: &mut Vec<Change>) -> io::Result<()> {
        let mut events = self.events.borrow_mut();
        events.clear();
        events.reserve(EVENTS);
        let max = match max {
            Some(max) if max < SHORT && max.subsec_nanos() % 1_000_000 != 0 => {
                let timeout = Timespec::try_from(max).expect("it is short");
                if poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], Some(&timeout))? == 0 {
                    return Ok(());
                }
                Some(Duration::ZERO)
            }
            max => max,
        };
        // An epoll's wait counts in whole milliseconds, and ends when none is left.
        let longest = Duration::from_millis(i32::MAX as u64);
        let timeout = max.map(|max| Timespec::try_from(max.min(longest)).expect("it is not that long"));
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref())?;
        self.may_have_more.set(events.len() >= EVENTS);
        changes.extend(events.iter().filter_map(change));
        Ok(())
    }

    pub(super) fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let wakes = self.wakes.clone();
        Arc::new(move || {
            // The count would be full after 2⁶⁴ parks.
            while write(&*wakes, &1_u64.to_ne_bytes()) == Err(Errno::INTR) {}
        })
    }

    /// The descriptor that is readable when there is something to look at, the time that was [set](Epoll::set_timer) among it.
    pub(super) fn watched(&self) -> io::Result<BorrowedFd<'_>> {
        if self.timer.get().is_none() {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
            epoll::add(&self.epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
            let _ = self.timer.set(timer);
        }
        Ok(self.epoll.as_fd())
    }

    /// The executor has ended: nothing of its own makes the descriptor readable any more.
    pub(super) fn end(&self) {
        self.may_have_more.set(false);
        self.set_timer(None);
        let _ = epoll::delete(&self.epoll, &self.wakes);
    }

    /// Whoever waits for the descriptor is to wait no longer than that.
    pub(super) fn set_timer(&self, max: Option<Duration>) {
        let Some(timer) = self.timer.get() else { return };
        let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
        // What was left behind is no news to whoever waits for changes of this epoll.
        let max = if self.may_have_more.get() { Some(Duration::ZERO) } else { max };
        // All zeroes would be never.
        let at_least = max.map(|max| max.max(Duration::from_nanos(1)));
        let value = at_least.map_or(nothing, |max| Timespec::try_from(max).unwrap_or(nothing));
        let _ =
            timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: nothing, it_value: value });
    }
}

fn change(event: &epoll::Event) -> Option<Change> {
    let (flags, key) = (event.flags, event.data.u64());
    let key = if key < TIMER { usize::try_from(key).ok()? } else { return None };
    // After an error both directions tell of it. It is over then, as an error of a datagram socket's is, so it is no end.
    let failed = flags.contains(EventFlags::ERR);
    let hung_up = flags.contains(EventFlags::HUP);
    Some(Change {
        key,
        readable: failed || flags.intersects(EventFlags::IN | EventFlags::PRI),
        writable: failed || flags.contains(EventFlags::OUT),
        read_closed: hung_up || flags.contains(EventFlags::RDHUP),
        write_closed: hung_up,
        urgent: flags.contains(EventFlags::PRI),
        is_one_shot: false,
    })
}
