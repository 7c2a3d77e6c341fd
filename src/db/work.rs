//! One queued write: a closure that may run twice, and whoever waits for its answer.

use super::constraint::{Constraint, ConstraintKind, DbError};
use super::tx::Tx;
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A queued write whose result type is forgotten.
pub(super) trait Work: Send {
    /// Runs the closure and keeps its result inside.
    fn run(&mut self, tx: &Tx<'_>) -> Result<()>;
    /// Answers the caller: with the kept result if the transaction is on disk, else with the error.
    fn answer(self: Box<Self>, committed: Result<()>);
    /// The name of the transaction, for the log.
    fn name(&self) -> &'static str;
}

pub(super) struct WorkOf<T, F> {
    name: &'static str,
    act: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> WorkOf<T, F>
where
    T: Send + 'static,
    F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
{
    pub(super) fn queued(name: &'static str, act: F) -> (Box<dyn Work>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(WorkOf { name, act, result: None, reply }), answer)
    }
}

impl<T, F> WorkOf<T, F>
where
    F: FnMut(&Tx<'_>) -> Result<T>,
{
    fn try_run(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.result = None;
        tx.forget_captured();
        let act = &mut self.act;
        let result = catch_unwind(AssertUnwindSafe(|| act(tx)))
            .unwrap_or_else(|_| Err(Error::internal(format!("panic in transaction {}", self.name))))?;
        if tx.app().has_deferred_violations() {
            return Err(Error::from(DbError::Constraint(Constraint {
                kind: ConstraintKind::ForeignKey,
                detail: String::new(),
            })));
        }
        if tx.has_captured() {
            return Err(Error::internal(format!("transaction {} does not say what it changed", self.name)));
        }
        self.result = Some(result);
        Ok(())
    }
}

impl<T, F> Work for WorkOf<T, F>
where
    T: Send,
    F: FnMut(&Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> Result<()> {
        let outcome = self.try_run(tx);
        if outcome.is_err() {
            // It is rolled back.
            tx.forget_remembered();
        }
        outcome
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(Error::internal(format!("transaction {} has no result", self.name))),
        };
        // The caller may have gone away; what was committed stays.
        let _ = self.reply.send(answer);
    }

    fn name(&self) -> &'static str {
        self.name
    }
}
