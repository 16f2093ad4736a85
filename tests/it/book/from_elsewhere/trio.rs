use evenkeel::{Elapsed, TaskGroup, finally, run, sleep, timeout};
use std::{cell::RefCell, convert::Infallible, future::pending, rc::Rc, time::Duration};

async fn client(log: Rc<RefCell<Vec<&'static str>>>) {
    let goodbye = async |_: Option<&()>| {
        let _ = timeout(Duration::from_secs(1), sleep(Duration::from_millis(1))).await;
        log.borrow_mut().push("goodbye");
    };
    finally(pending(), goodbye).await
}

fn main() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let nursery = TaskGroup::<Infallible>::run(async |nursery| {
            nursery.spawn(client(log.clone()));
            Ok(())
        });
        assert!(matches!(timeout(Duration::from_millis(10), nursery).await, Err(Elapsed)));
        assert_eq!(*log.borrow(), ["goodbye"]);
    });
}
