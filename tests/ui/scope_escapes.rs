// Neither the scope nor a child's handle outlives the scope.
use evenkeel::{Scope, group::ScopedHandle, scope};

async fn the_scope_as_its_value() {
    let escaped: Scope<'_, '_, String> = scope(async |s| Ok::<_, String>(s)).await.unwrap();
    escaped.cancel("too late");
}

async fn a_handle_in_a_variable_outside() {
    let mut escaped: Option<ScopedHandle<'_, ()>> = None;
    scope(async |s| {
        escaped = Some(s.spawn(async { Ok::<_, String>(()) }));
        Ok(())
    })
    .await
    .unwrap();
    escaped.unwrap().await;
}

fn main() {}
