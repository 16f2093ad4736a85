//! Wake-ups from another thread.

use super::batches::share;
use crate::{door::Door, peer::Peer, watch::Watch};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

/// So many tasks wait; a thread wakes each of them once per round, and begins the next round when all have run.
pub fn rounds<P: Peer>(tasks: u64, count: u64, watch: &mut Watch) -> u64 {
    let doors: Arc<[Door]> = (0..tasks).map(|_| Door::default()).collect();
    let passed = Arc::new(AtomicU64::new(0));
    thread::scope(|scope| {
        let opener = scope.spawn({
            let (doors, passed) = (doors.clone(), passed.clone());
            move || {
                let mut opened = 0;
                while opened < count {
                    // The executor says when all its tasks wait.
                    while passed.load(SeqCst) < opened {
                        thread::park();
                    }
                    for door in doors.iter().take((count - opened) as usize) {
                        door.open();
                        opened += 1;
                    }
                }
            }
        });
        P::run(async {
            let tasks: Vec<_> = (0..tasks)
                .map(|index| {
                    let (doors, passed) = (doors.clone(), passed.clone());
                    let opener = opener.thread().clone();
                    P::spawn(async move {
                        let times = share(count, tasks, index);
                        for time in 1..=times {
                            doors[index as usize].pass(time).await;
                            if (passed.fetch_add(1, SeqCst) + 1) % tasks == 0 {
                                opener.unpark();
                            }
                        }
                        times
                    })
                })
                .collect();
            watch.start();
            let mut done = 0;
            for task in tasks {
                done += task.await.unwrap();
            }
            watch.stop();
            done
        })
    })
}
