//! The other executors, each with its natural best settings.

mod plain;
mod current;
mod forever;
mod tokio_local_runtime;
mod async_executor;
mod static_local_executor;
mod local_pool;
mod async_local_executor;
mod monoio;
#[cfg_attr(not(target_os = "linux"), path = "no_glommio.rs")]
pub(crate) mod glommio;
mod compio;
mod embassy;

pub use self::{
    async_executor::AsyncExecutor, async_local_executor::AsyncLocalExecutor, compio::Compio, embassy::Embassy,
    glommio::Glommio, local_pool::LocalPool, monoio::Monoio, plain::Plain, static_local_executor::StaticLocalExecutor,
    tokio_local_runtime::TokioLocalRuntime,
};
