//! Two tasks that wait for each other.

use crate::{one_slot::OneSlot, peer::Peer, watch::Watch};
use std::rc::Rc;

/// One task sends a number, the other sends its successor back.
pub fn rounds<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let there = Rc::new(OneSlot::default());
        let back = Rc::new(OneSlot::default());
        let pong = P::spawn({
            let (there, back) = (there.clone(), back.clone());
            async move {
                for _ in 0..count {
                    let ball: u64 = there.receive().await;
                    back.send(ball + 1).await;
                }
            }
        });
        let ping = P::spawn(async move {
            let mut ball = 0;
            for _ in 0..count {
                there.send(ball).await;
                ball = back.receive().await;
            }
            ball
        });
        watch.start();
        let done = ping.await.unwrap();
        watch.stop();
        pong.await.unwrap();
        done
    })
}
