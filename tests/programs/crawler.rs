//! A crawler that spawns where there is room.

use evenkeel::{GroupError, TaskGroup, run, yield_now};
use std::{cell::RefCell, collections::HashSet, rc::Rc};

type Seen = Rc<RefCell<HashSet<String>>>;
/// Each page links to two below it, and to itself.
async fn links(url: &str) -> std::io::Result<Vec<String>> {
    yield_now().await;
    let below = ["a", "b"].map(|page| format!("{url}{page}"));
    Ok(if url.len() < 6 { below.into_iter().chain([url.to_owned()]).collect() } else { vec![url.to_owned()] })
}

async fn visit(group: TaskGroup<std::io::Error>, seen: Seen, url: String) -> std::io::Result<()> {
    for link in links(&url).await? {
        if seen.borrow_mut().insert(link.clone()) {
            // A child that awaits `slot` while it holds one can wait for ever: spawn where there is room, else go on here.
            let next = visit(group.clone(), seen.clone(), link);
            match group.try_slot() {
                Some(slot) => drop(slot.spawn(next)),
                None => Box::pin(next).await?,
            }
        }
    }
    Ok(())
}

async fn crawl(root: &str) -> Result<usize, GroupError<std::io::Error>> {
    let seen = Seen::default();
    TaskGroup::builder()
        .limit(8)
        .run(async |group| {
            seen.borrow_mut().insert(root.to_owned());
            group.slot().await.spawn(visit(group.clone(), seen.clone(), root.to_owned()));
            Ok(())
        })
        .await?;
    Ok(seen.borrow().len())
}

#[test]
fn every_page_is_visited_with_at_most_eight_at_once() {
    assert_eq!(run(crawl("/")).unwrap(), 63);
}
