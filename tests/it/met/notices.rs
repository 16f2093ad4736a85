//! Silent waits that are told of: an executor that waits at its end, and jobs for which no thread is free.

use crate::kit::{
    gates::Gate,
    probe::{Record, ms},
};
use evenkeel::{
    Executor, finally, gather,
    host::{ExecutorBuilder, UnhandledKind},
    spawn,
    testing::VirtualClock,
    to_thread, yield_now,
};
use std::{future::pending, time::Duration};

/// Writes the reports down; each opens the gate.
fn opening(gate: &Gate, record: &Record<String>) -> ExecutorBuilder {
    let (gate, record) = (gate.clone(), record.clone());
    Executor::builder().notice_after(Duration::ZERO).on_unhandled(move |unhandled| {
        let kind = match unhandled.kind() {
            UnhandledKind::EndWaits(_) => "end",
            UnhandledKind::JobsWait(_) => "jobs",
            _ => "?",
        };
        record.add(format!("{kind}: {unhandled}"));
        gate.open();
    })
}

/// Without patience, the end waits also for the moment between a job's result and the end of its thread's turn: that is left out here.
fn of_jobs(record: &Record<String>) -> Vec<String> {
    record.take().into_iter().filter(|line| !line.starts_with("end: ")).collect()
}

/// A future that waits for a gate on another thread, and has begun to.
async fn pass(gate: &Gate) -> impl Future<Output = ()> + use<> {
    let (pass, begun) = (gate.clone(), Gate::default());
    let tell = begun.clone();
    let job = spawn(to_thread(move || {
        tell.open();
        pass.pass();
    }));
    yield_now().await;
    begun.pass();
    async { job.await.unwrap() }
}

#[test]
fn met_a5_end_12_what_the_end_waits_for_is_told_of() {
    for virtual_time in [false, true] {
        let (gate, record) = (Gate::default(), Record::new());
        let mut builder = opening(&gate, &record);
        if virtual_time {
            builder = builder.clock(VirtualClock::new());
        }
        let waits = gate.clone();
        builder.run(async {
            let flush = async move |_: Option<&()>| to_thread(move || waits.pass()).await;
            spawn(finally(pending(), flush)).named("flusher").detach();
            yield_now().await;
        });
        let lines = record.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let begins = "end: evenkeel: an executor waits at its end, for a task named \"flusher\" (spawned at ";
        assert!(lines[0].starts_with(begins) && lines[0].contains("), cleaning up"), "{lines:?}");
    }
}

#[test]
fn met_a5_end_12_a_close_tells_too_and_a_quick_end_says_nothing() {
    let (gate, record) = (Gate::default(), Record::new());
    let executor = opening(&gate, &record).build();
    executor.run(async { drop(pass(&gate).await) });
    assert!(executor.close(Duration::from_secs(600)).stuck().is_empty());
    let lines = record.take();
    assert!(
        lines.len() == 1 && lines[0].starts_with("end: evenkeel: an executor waits at its end, for a job (of the ")
    );
    opening(&gate, &record).run(async {
        spawn(pending::<()>()).detach();
        yield_now().await;
    });
    assert_eq!(record.len(), 0);
}

#[test]
fn met_a5_threads_18_jobs_that_find_no_thread_are_told_of_with_those_that_keep_them() {
    let (gate, record) = (Gate::default(), Record::new());
    opening(&gate, &record).max_threads(2).run(async {
        let (one, two) = (pass(&gate).await, pass(&gate).await);
        let waits: Vec<_> = (0..5).map(|n| spawn(to_thread(move || n))).collect();
        assert_eq!(gather(waits).await.len(), 5);
        one.await;
        two.await;
    });
    // Without patience there may be more, while the jobs that waited go through.
    let lines = of_jobs(&record);
    assert!(lines[0].starts_with("jobs: evenkeel: an executor has jobs that wait for a thread, "), "{lines:?}");
    assert_eq!(lines[0].matches("that of the to_thread at ").count(), 2, "{lines:?}");
}

#[test]
fn met_a5_threads_18_jobs_that_have_their_threads_are_not_told_of() {
    let (gate, record) = (Gate::default(), Record::new());
    let others = gate.clone();
    opening(&gate, &record).max_threads(2).run(async {
        let one = pass(&gate).await;
        to_thread(move || others.open()).await;
        one.await;
    });
    assert_eq!(of_jobs(&record), [""; 0]);
}

/// The usual time is a second, and these take none; and there is a switch.
#[test]
fn met_a5_end_12_notices_can_be_put_off() {
    for after in [Duration::MAX, Duration::from_secs(600)] {
        let (gate, record) = (Gate::default(), Record::new());
        let opens = gate.clone();
        opening(&gate, &record).notice_after(after).max_threads(1).run(async {
            let (one, two) = (pass(&gate).await, spawn(to_thread(|| ())));
            let opened = std::thread::spawn(move || {
                std::thread::sleep(ms(2));
                opens.open();
            });
            two.await.unwrap();
            spawn(finally(pending(), async move |_: Option<&()>| one.await)).detach();
            yield_now().await;
            opened.join().unwrap();
        });
        assert_eq!(record.len(), 0);
    }
}
