// Futures here stay on their thread: `LocalBoxFuture`, and `#[async_trait(?Send)]`.
fn boxed() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async {
        let _ = evenkeel::spawn(async {}).await;
    })
}

fn main() {
    evenkeel::run(boxed());
}
