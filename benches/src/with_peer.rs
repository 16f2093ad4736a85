//! From a peer's name to its type.

/// Does something with the type of a peer: `with_peer!(name, P => work::<P>())`.
#[macro_export]
macro_rules! with_peer {
    ($name:expr, $peer:ident => $body:expr) => {
        $crate::with_peer!(@ $name, $peer, $body,
            Evenkeel Tokio TokioLocalRuntime AsyncExecutor StaticLocalExecutor AsyncLocalExecutor LocalPool Monoio Glommio
            Compio Nio Embassy)
    };
    (@ $name:expr, $peer:ident, $body:expr, $($each:ident)*) => {
        match $name {
            $($crate::PeerName::$each => {
                type $peer = $crate::$each;
                $body
            })*
        }
    };
}
