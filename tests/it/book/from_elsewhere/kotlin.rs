use evenkeel::{TaskGroup, finally, run, sleep, spawn, timeout, yield_now};
use std::{cell::RefCell, convert::Infallible, future::pending, rc::Rc, time::Duration};

async fn user() -> Result<&'static str, Infallible> {
    sleep(Duration::from_millis(2)).await;
    Ok("Ada")
}

async fn orders() -> Result<usize, Infallible> {
    sleep(Duration::from_millis(1)).await;
    Ok(3)
}

async fn service(log: Rc<RefCell<Vec<&'static str>>>) {
    let stop = async |_: Option<&()>| {
        sleep(Duration::from_millis(1)).await;
        log.borrow_mut().push("stopped");
    };
    finally(pending(), stop).await
}

fn main() {
    run(async {
        let page = TaskGroup::run(async |group| {
            let user = group.spawn(user());
            let orders = group.spawn(orders());
            Ok(format!("{} has {} orders", user.await, orders.await))
        });
        let page = timeout(Duration::from_secs(1), page).await.expect("in time");
        assert_eq!(page.expect("nobody fails"), "Ada has 3 orders");

        let log = Rc::new(RefCell::new(Vec::new()));
        let mut service = spawn(service(log.clone()));
        yield_now().await;
        service.cancel("enough");
        assert!(service.outcome().await.is_err());
        assert_eq!(*log.borrow(), ["stopped"]);
    });
}
