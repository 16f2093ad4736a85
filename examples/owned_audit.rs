//! An order is placed, and that is written down. Who only fires the note off and forgets it may lose it: with the program's end, or
//! with an error that nobody sees. Here the note belongs to the order.
//!
//! In Python the first form is
//!
//! ```python
//! async def place(order):
//!     asyncio.create_task(audit(order))  # nobody owns it
//!     return order
//! ```
//!
//! and the second, whose output this program has,
//!
//! ```python
//! async def place(order):
//!     async with asyncio.TaskGroup() as group:
//!         group.create_task(audit(order))
//!     return order
//!
//! print(asyncio.run(place("ORD-7")))
//! ```

use evenkeel::{GroupError, TaskGroup, run, sleep};
use std::{cell::RefCell, io, rc::Rc, time::Duration};

/// Where it is written down.
type Journal = Rc<RefCell<Vec<String>>>;

async fn audit(journal: Journal, order: String) -> io::Result<()> {
    sleep(Duration::from_millis(10)).await;
    journal.borrow_mut().push(format!("placed {order}"));
    Ok(())
}

async fn place(journal: &Journal, order: &str) -> Result<String, GroupError<io::Error>> {
    TaskGroup::run(async |group| {
        group.spawn(audit(journal.clone(), order.to_owned())).named("audit");
        Ok(order.to_owned())
    })
    .await
}

fn main() -> Result<(), GroupError<io::Error>> {
    let journal = Journal::default();
    let order = run(place(&journal, "ORD-7"))?;
    // The order has been placed only when that is on record.
    assert_eq!(*journal.borrow(), ["placed ORD-7"]);
    println!("{order}");
    Ok(())
}
