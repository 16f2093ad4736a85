//! The executors that are compared, each with its natural best settings.

mod evenkeel;
mod tokio;
mod async_executor;
mod static_local_executor;
mod local_pool;
mod async_local_executor;
mod monoio;
#[cfg_attr(not(target_os = "linux"), path = "no_glommio.rs")]
mod glommio;
mod compio;
mod nio;
mod embassy;
mod current;
mod forever;
mod plain;

pub use self::{
    async_executor::AsyncExecutor,
    async_local_executor::AsyncLocalExecutor,
    compio::Compio,
    embassy::Embassy,
    evenkeel::Evenkeel,
    glommio::Glommio,
    local_pool::LocalPool,
    monoio::Monoio,
    nio::Nio,
    plain::Plain,
    static_local_executor::StaticLocalExecutor,
    tokio::{Flavour, InLocalRuntime, InLocalSet, OnTokio, Tokio, TokioLocalRuntime},
};
