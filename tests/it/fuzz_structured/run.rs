//! The host: drives a program to its end, and says what was wrong.

use super::{
    generate::Numbers,
    interpret::{self, wake_kept},
    invariants::{self, Wrong},
    program::Program,
    record::{Owned, Record, World},
    step::{Here, Part, Step},
};
use crate::kit::probe::ms;
use evenkeel::{
    Executor, Instant, Task,
    host::{Budget, Progress, Readiness},
    testing::Seeded,
    time::Clock,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

pub(super) struct Run {
    pub(super) wrong: Option<Wrong>,
    pub(super) lines: Vec<String>,
    pub(super) digest: u64,
}

/// How often the time may go on though something is ready, when everything is cancelled.
const PUSHES: u64 = 1000;

struct Host<'a> {
    program: &'a Program,
    world: World,
    executor: Executor,
    main: Option<Owned>,
    numbers: Numbers,
    /// Turns since the time went on.
    turns: u32,
    /// How often the time went on though something was ready, since the executor closes.
    pushes: u64,
}

pub(super) fn run(program: &Program, is_read: bool) -> Run {
    let world = Record::new(is_read);
    let hook = world.clone();
    let builder = Executor::builder().clock(world.clock.clone()).on_unhandled(move |what| hook.got_report(what));
    let builder = if program.fifo { builder } else { builder.schedule(Seeded::new(program.seed)) };
    let executor = builder.build();
    let main = spawn_main(&executor, &world, program);
    let numbers = Numbers::new(program.seed ^ 0xABCD);
    let mut host = Host { program, world: world.clone(), executor, main: Some(main), numbers, turns: 0, pushes: 0 };
    let driven = catch_unwind(AssertUnwindSafe(|| host.drive()));
    let driven = driven.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned().unwrap_or_default();
        Err(Wrong::new("a panic left the executor", text))
    });
    drop(host);
    world.let_go();
    let wrong = driven.and_then(|()| invariants::check(program, &world)).err();
    Run { wrong, digest: world.digest(), lines: world.take_lines() }
}

fn spawn_main(executor: &Executor, world: &World, program: &Program) -> Owned {
    let here = Here { world: world.clone(), node: program.root.clone(), frame: world.frames.open(None) };
    world.frames.set(here.frame, |frame| frame.is_task = true);
    // Deeds that spawn need a task around: the tree is made in it.
    let (frame, root) = (here.frame, here);
    let task: Task<_> = executor.spawn(async move {
        let inner = interpret::inner(&root);
        Step::new(&root, Part::None, inner).await
    });
    Owned { task: Some(task), frame, world: world.clone() }
}

impl Host<'_> {
    fn drive(&mut self) -> Result<(), Wrong> {
        let until = Instant::from_origin(ms(self.program.until.into()));
        loop {
            let progress = self.tick();
            self.take_main();
            let closing = self.world.closing.get();
            if progress.readiness == Readiness::Finished && closing {
                return Ok(());
            }
            let now = self.world.now();
            if closing {
                self.check_time(now)?;
            } else if progress.readiness == Readiness::Finished || now >= until {
                self.close();
                continue;
            }
            self.turns += 1;
            let next = self.executor.next_deadline();
            match (progress.readiness, next) {
                (Readiness::MoreReady, _) if self.is_patient() => continue,
                (Readiness::MoreReady, _) if self.pushes > PUSHES => {
                    return Err(Wrong::new("spins", format!("something is ready for ever, at {now:?}")));
                }
                // Tasks that wake themselves keep nobody from looking on.
                (Readiness::MoreReady, _) => {
                    self.pushes += u64::from(closing);
                    let soon = now + ms(1);
                    let latest = if closing { soon } else { until.max(soon) };
                    self.go_to(next.map_or(latest, |next| next.clamp(soon, latest)))?;
                }
                (_, Some(next)) if closing || next <= until => self.go_to(next.max(now))?,
                (_, None) if closing => {
                    self.nothing_lingers()?;
                    return Err(Wrong::new("stalled", "nothing is ready, and no timer is armed".to_owned()));
                }
                _ => self.go_to(until)?,
            }
        }
    }

    /// Tasks may wake themselves for ever: the time goes on when so many turns have passed at one time. What is cancelled has longer: a
    /// scope whose futures wake themselves gets a thousand polls before clean-up that they do not reach counts as out of reach.
    fn is_patient(&self) -> bool {
        let patience = if self.program.polls == 1 { 150 } else { 25 };
        let lingers = || self.world.frames.lingering(self.world.now()).is_some();
        self.turns % patience != 0 || (self.turns < 100 * patience && lingers())
    }

    fn tick(&mut self) -> Progress {
        if self.program.host_wakes && self.numbers.one_in(4) {
            wake_kept(&self.world);
        }
        match self.program.polls {
            0 => self.executor.run_until_stalled(),
            polls => self.executor.tick(Budget::polls(polls)),
        }
    }

    /// The main task's outcome, when it has one.
    fn take_main(&mut self) {
        let outcome = self.main.as_mut().and_then(|main| main.task.as_mut()?.take_result());
        if let Some(outcome) = outcome {
            let out = self.world.got_outcome(outcome);
            self.world.say(0, format_args!("main: {out:?}"));
            drop(self.main.take());
        }
    }

    /// Everything is cancelled.
    fn close(&mut self) {
        self.world.say(0, format_args!("the host cancels everything"));
        self.world.closing.set(true);
        if let Some(task) = self.main.as_ref().and_then(|main| main.task.as_ref()) {
            task.cancel("the host");
        }
        self.executor.begin_close();
        self.world.let_go();
        self.world.frames.cancel_tasks();
        self.turns = 0;
    }

    fn go_to(&mut self, time: Instant) -> Result<(), Wrong> {
        self.nothing_lingers()?;
        self.turns = 0;
        self.world.clock.jump_to(time);
        Ok(())
    }

    fn nothing_lingers(&self) -> Result<(), Wrong> {
        let now = self.world.now();
        let Some(frame) = self.world.frames.lingering(now) else { return Ok(()) };
        self.world.say(frame, format_args!("lingers"));
        Err(Wrong::new(
            "lingers",
            format!("#{frame} is cancelled, and alive at {now:?} although no clean-up is at work in it"),
        ))
    }

    /// Once everything is cancelled, only clean-up takes time.
    fn check_time(&self, now: Instant) -> Result<(), Wrong> {
        let most = u64::from(self.program.until) + self.program.root.time() + self.pushes + 2;
        let is_late = now.since_origin() > Duration::from_millis(most);
        if is_late { Err(Wrong::new("late", format!("it has not ended at {now:?}"))) } else { Ok(()) }
    }
}
