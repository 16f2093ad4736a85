//! A transaction that is committed or rolled back.

use evenkeel::{finally_with, run};
use std::cell::RefCell;

#[derive(Default)]
struct Log(RefCell<Vec<String>>);

struct Tx<'a>(&'a Log);

#[derive(Debug, thiserror::Error)]
#[error("db")]
struct Db;

impl Tx<'_> {
    async fn exec(&mut self, sql: &str) -> Result<u64, Db> {
        self.0.0.borrow_mut().push(sql.into());
        if sql == "nonsense" { Err(Db) } else { Ok(1) }
    }
    async fn commit(&mut self) -> Result<(), Db> {
        self.0.0.borrow_mut().push("commit".into());
        Ok(())
    }
    async fn rollback(self) -> Result<(), Db> {
        self.0.0.borrow_mut().push("rollback".into());
        Ok(())
    }
}

async fn transfer(tx: Tx<'_>, from: &str, to: &str) -> Result<u64, Db> {
    finally_with(
        tx,
        async |tx| {
            let n = tx.exec(from).await? + tx.exec(to).await?;
            tx.commit().await?;
            Ok(n)
        },
        async |tx, ended| {
            if !matches!(ended, Some(Ok(_))) {
                if let Err(e) = tx.rollback().await {
                    eprintln!("{e}");
                }
            }
        },
    )
    .await
}

#[test]
fn what_was_not_committed_is_rolled_back() {
    let log = Log::default();
    assert_eq!(run(transfer(Tx(&log), "a", "b")).unwrap(), 2);
    run(transfer(Tx(&log), "a", "nonsense")).unwrap_err();
    assert_eq!(log.0.take(), ["a", "b", "commit", "a", "nonsense", "rollback"]);
}
