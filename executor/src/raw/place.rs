//! A place for a value that never moves, which is never asked whether it is there.

use core::{fmt, mem::MaybeUninit, pin::Pin};

/// A place for a value that never moves: where a future keeps another one that it drops before its own end.
///
/// A place is an `Option` that never looks at the value to find out whether there is one. In an `Option` that note may lie within the
/// value, and [`is_some`](Option::is_some) takes a plain reference to all of it. Of a future that is half-way both would touch what
/// that has borrowed from itself.
///
/// ```
/// use evenkeel::combinator::Place;
/// use std::pin::pin;
///
/// let mut place = pin!(Place::new("a value"));
/// assert_eq!(place.as_mut().get().as_deref(), Some(&"a value"));
/// place.as_mut().clear();
/// assert!(place.as_mut().get().is_none());
/// place.as_mut().put("another");
/// assert!(place.is_taken());
/// ```
pub struct Place<T> {
    is_taken: bool,
    /// There is one if `is_taken`.
    value: MaybeUninit<T>,
}

impl<T> Place<T> {
    /// A place with a value.
    #[inline]
    pub const fn new(value: T) -> Place<T> {
        Place { is_taken: true, value: MaybeUninit::new(value) }
    }

    /// A place without a value.
    #[inline]
    pub const fn empty() -> Place<T> {
        Place { is_taken: false, value: MaybeUninit::uninit() }
    }

    /// Is there a value?
    #[inline]
    pub fn is_taken(self: Pin<&mut Self>) -> bool {
        self.unpinned().is_taken
    }

    /// The value.
    #[inline]
    pub fn get(self: Pin<&mut Self>) -> Option<Pin<&mut T>> {
        let place = self.unpinned();
        // SAFETY: the flag says that there is a value. It lies in a place that is pinned, and nothing moves it out: it is dropped
        // there, before the place takes another or goes.
        place.is_taken.then(|| unsafe { Pin::new_unchecked(place.value.assume_init_mut()) })
    }

    /// Drops the value, there. Its destructor's panic goes on; the place is empty before that begins.
    #[inline]
    pub fn clear(self: Pin<&mut Self>) {
        self.unpinned().drop_value();
    }

    /// Puts a value into the place.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[inline]
    #[track_caller]
    pub fn put(self: Pin<&mut Self>, value: T) {
        let place = self.unpinned();
        assert!(!place.is_taken, "a place that has a value was to take another: clear it first");
        place.value.write(value);
        place.is_taken = true;
    }

    /// The value, of a place that is not pinned.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: the flag says that there is a value.
        self.is_taken.then(|| unsafe { self.value.assume_init_mut() })
    }

    /// Takes the value out of a place that is not pinned.
    pub fn take(&mut self) -> Option<T> {
        // SAFETY: the flag said that there is a value, and now says that there is none. It may be moved: if its type says that it may not
        // once it is pinned, the same is true of the place (it is `Unpin` only if `T` is), and then a `&mut` to that says that it is not.
        core::mem::replace(&mut self.is_taken, false).then(|| unsafe { self.value.assume_init_read() })
    }

    /// The value, of a place that is pinned perhaps: only of a type to which that means nothing, as it does not borrow from itself.
    pub fn get_ref(&self) -> Option<&T>
    where
        T: Unpin,
    {
        // SAFETY: the flag says that there is a value.
        self.is_taken.then(|| unsafe { self.value.assume_init_ref() })
    }

    /// Of a value that may borrow from itself (it is not `Unpin`, and so the place is not either) a `&mut` touches nothing but what is
    /// read or written through it.
    #[inline(always)]
    fn unpinned(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: whoever calls this moves no value: see there.
        unsafe { self.get_unchecked_mut() }
    }

    #[inline]
    fn drop_value(&mut self) {
        if core::mem::replace(&mut self.is_taken, false) {
            // SAFETY: the flag said that there is a value, and now says that there is none. It is dropped where it was pinned.
            unsafe { self.value.assume_init_drop() };
        }
    }
}

impl<T> Drop for Place<T> {
    #[inline]
    fn drop(&mut self) {
        self.drop_value();
    }
}

/// With a value or without.
impl<T> From<Option<T>> for Place<T> {
    #[inline]
    fn from(value: Option<T>) -> Place<T> {
        value.map_or_else(Place::empty, Place::new)
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}
