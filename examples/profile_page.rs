//! A page that needs two answers: both are asked for at once, and the page has them both or neither.
//!
//! In Python it is
//!
//! ```python
//! async def page(id):
//!     async with asyncio.TaskGroup() as group:
//!         user = group.create_task(fetch_user(id))
//!         orders = group.create_task(fetch_orders(id))
//!     return Page(user.result(), orders.result())
//!
//! print(asyncio.run(page("U-7")))
//! ```
//!
//! `cargo run --example profile_page` prints what that prints.

use evenkeel::{GroupError, TaskGroup, run, sleep};
use std::{convert::Infallible, fmt, time::Duration};

const LATENCY: Duration = Duration::from_millis(10);

/// What is shown, printed as Python prints a dataclass.
struct Page {
    user: String,
    orders: Vec<String>,
}

async fn fetch_user(id: String) -> Result<String, Infallible> {
    sleep(LATENCY).await;
    Ok(id)
}

async fn fetch_orders(id: String) -> Result<Vec<String>, Infallible> {
    sleep(LATENCY).await;
    Ok(vec![format!("{id}:ORD-1")])
}

async fn page(id: &str) -> Result<Page, GroupError<Infallible>> {
    TaskGroup::run(async |group| {
        let user = group.spawn(fetch_user(id.to_owned())).named("user");
        let orders = group.spawn(fetch_orders(id.to_owned())).named("orders");
        Ok(Page { user: user.await, orders: orders.await })
    })
    .await
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orders: Vec<String> = self.orders.iter().map(|order| format!("'{order}'")).collect();
        let comma = if orders.len() == 1 { "," } else { "" };
        write!(f, "Page(user='{}', orders=({}{comma}))", self.user, orders.join(", "))
    }
}

fn main() -> Result<(), GroupError<Infallible>> {
    let page = run(page("U-7"))?;
    println!("{page}");
    Ok(())
}
