//! What an error says: its text, and what caused it.

use std::{borrow::Cow, error::Error, fmt, ops::DerefMut};

/// An error that a task group, a scope or the like can tell people about. It is implemented for everything that is usual:
///
/// * every [`Error`](std::error::Error), so also what `thiserror` derives;
/// * what holds one and can be changed through it: `anyhow::Error`, `Box<dyn Error>`, `Box<dyn Error + Send + Sync>`;
/// * texts, numbers and `()`.
///
/// `Kind` says which of these it is, and is always inferred. A function that leaves the error of its group open asks for it:
/// `async fn all<Kind, E: Explain<Kind> + 'static>(…) -> Result<(), GroupError<E>>`. A type of one's own that is no `Error` may implement it
/// with any `Kind` that is its own; but an `impl Error` is as short.
///
/// ```
/// use evenkeel::{GroupError, TaskGroup, group::Explain, run};
///
/// async fn twice<Kind, E: Explain<Kind> + Clone + 'static>(error: E) -> Result<(), GroupError<E>> {
///     TaskGroup::run(async |group| {
///         group.spawn(std::future::ready(Err::<(), _>(error.clone())));
///         Err(error)
///     })
///     .await
/// }
///
/// assert_eq!(run(twice("no such file")).unwrap_err().into_errors(), ["no such file"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a task group, a scope or the like: it is no `std::error::Error`",
    label = "`{Self}` is no `Error`, nor a text, nor `anyhow::Error` or a `Box<dyn Error>`",
    note = "implement `Display` and `Error` for it (an `impl Error for MyError {{}}` will do)"
)]
pub trait Explain<Kind>: fmt::Debug {
    /// What the error says, and what caused it.
    fn explain(&self) -> Explained<'_>;
}

/// What an error says, and what caused it: the answer of [`Explain::explain`].
#[derive(Clone, Copy)]
pub struct Explained<'a> {
    /// What went wrong.
    pub text: &'a dyn fmt::Display,
    /// What caused it, if that is known.
    pub source: Option<&'a (dyn Error + 'static)>,
}

impl fmt::Debug for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explained").field("text", &format_args!("{}", self.text)).field("source", &self.source).finish()
    }
}

/// The text; `{:#}` appends the causes, one after the other.
impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)?;
        if f.alternate() { self.append_causes(f) } else { Ok(()) }
    }
}

impl Explained<'_> {
    /// Writes what caused the error, one cause after the other.
    pub(crate) fn append_causes(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let mut next = self.source;
        while let Some(cause) = next {
            write!(to, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// How errors of one type explain themselves.
pub(crate) type Explains<E> = for<'a> fn(&'a E) -> Explained<'a>;

/// What errors are. These are always inferred.
pub(crate) mod kind {
    /// An error as the standard library knows it.
    #[derive(Debug)]
    pub struct Standard;

    /// Something that holds an error.
    #[derive(Debug)]
    pub struct Boxed;

    /// Something that holds an error that may be sent to another thread.
    #[derive(Debug)]
    pub struct Sent;

    /// Something that holds an error that may be sent to other threads and shared among them.
    #[derive(Debug)]
    pub struct Shared;

    /// A text, or a value that is written as one.
    #[derive(Debug)]
    pub struct Text;
}

impl<E: Error> Explain<kind::Standard> for E {
    fn explain(&self) -> Explained<'_> {
        Explained { text: self, source: self.source() }
    }
}

macro_rules! holds {
    ($kind:ident: $($error:tt)+) => {
        impl<E: fmt::Debug + fmt::Display + DerefMut<Target = $($error)+>> Explain<kind::$kind> for E {
            fn explain(&self) -> Explained<'_> {
                Explained { text: self, source: (**self).source() }
            }
        }
    };
}
holds!(Boxed: dyn Error);
holds!(Sent: dyn Error + Send);
holds!(Shared: dyn Error + Send + Sync);

macro_rules! texts {
    ($($text:ty),*) => {
        $(impl Explain<kind::Text> for $text {
            fn explain(&self) -> Explained<'_> {
                Explained { text: self, source: None }
            }
        })*
    };
}
texts!(String, &str, Cow<'_, str>, Box<str>, char, bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Explain<kind::Text> for () {
    fn explain(&self) -> Explained<'_> {
        Explained { text: &"it failed", source: None }
    }
}
