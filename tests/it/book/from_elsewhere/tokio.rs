use evenkeel::{TaskGroup, run, sleep, sync, timeout};
use std::{convert::Infallible, time::Duration};

fn main() {
    let sum = run(TaskGroup::<Infallible>::run(async |group| {
        let (sender, receiver) = sync::channel(2);
        for worker in 0..3 {
            let sender = sender.clone();
            group.spawn(async move {
                sleep(Duration::from_millis(worker)).await;
                sender.send(worker).await.expect("the body receives");
            });
        }
        drop(sender);
        let mut sum = 0;
        while let Some(item) = timeout(Duration::from_secs(1), receiver.recv()).await.expect("somebody sends") {
            sum += item;
        }
        Ok(sum)
    }));
    assert_eq!(sum.expect("nobody fails"), 3);
}
