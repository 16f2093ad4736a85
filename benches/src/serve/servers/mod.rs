//! The servers, each as its executor's users would write it: a task for each connection, no delay before sending.

mod evenkeel;
mod evenkeel_async_io;
mod tokio;
mod smol;
mod monoio;
mod compio;
mod glommio;
mod echo;
mod http;
mod ready;
mod listener;

pub(crate) use self::http::BODY;

use super::{kind::Kind, server_name::ServerName};
use std::io;

/// So many bytes does an echo take at once.
const BUFFER: usize = 8 * 1024;

/// Serves until standard input is closed, which ends the process.
pub(crate) fn serve(server: ServerName, kind: Kind) -> io::Result<()> {
    match server {
        ServerName::Evenkeel => evenkeel::serve(kind),
        ServerName::EvenkeelAsyncIo => evenkeel_async_io::serve(kind),
        ServerName::Tokio => tokio::serve(kind),
        ServerName::Smol => smol::serve(kind),
        ServerName::Monoio => monoio::serve(kind),
        ServerName::Compio => compio::serve(kind),
        ServerName::Glommio => glommio::serve(kind),
    }
}
