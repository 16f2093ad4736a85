//! What a future is made of, and then the future, in the same place.

use super::place::Place;
use core::pin::Pin;

/// What a future is made of, and once that was [taken out](Lazy::open) a place for the future. Which of the two is there, the enum notes
/// beside the `Place`, which has its value where no note can be.
pub(crate) enum Lazy<M, F> {
    New(Option<M>),
    Open(Place<F>),
}

impl<M, F> Lazy<M, F> {
    pub(crate) fn new(of: M) -> Lazy<M, F> {
        Lazy::New(Some(of))
    }

    /// The future, if it was put there.
    #[inline]
    pub(crate) fn get(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        match self.project() {
            Ok(place) => place.get(),
            Err(_) => None,
        }
    }

    /// Takes out what the future is made of, the first time, for it to be put into the place.
    #[inline]
    pub(crate) fn open(mut self: Pin<&mut Self>) -> (Option<M>, Pin<&mut Place<F>>) {
        let of = match self.as_mut().project() {
            Ok(_) => None,
            Err(new) => {
                // Apart from the whole, which is as large as the future.
                let of = if let Lazy::New(of) = new { of.take() } else { None };
                *new = Lazy::Open(Place::empty());
                of
            }
        };
        let Ok(place) = self.project() else { unreachable!("it was opened") };
        (of, place)
    }

    /// The place; or all of it, as long as there is no place in it.
    #[inline]
    fn project(self: Pin<&mut Self>) -> Result<Pin<&mut Place<F>>, &mut Self> {
        // SAFETY: a place is as pinned as this. What a future is made of is not pinned by it: nobody can see that in a `Pin`.
        unsafe {
            match self.get_unchecked_mut() {
                Lazy::Open(place) => Ok(Pin::new_unchecked(place)),
                new => Err(new),
            }
        }
    }
}
