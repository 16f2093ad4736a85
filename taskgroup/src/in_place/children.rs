//! A child that lives in place, and the two ways to keep several: a row of equal ones, a tuple of different ones.

use evenkeel_executor::{
    CancelReason,
    combinator::{Branch, PinnedRow, Siblings},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// A future in a branch of its own; later its output, in the same place.
    #[project = ChildProjection]
    pub(crate) enum Child<F: Future> {
        Running {
            #[pin]
            branch: Branch<F>,
        },
        Value { value: Option<F::Output> },
        /// It was cancelled, or has panicked.
        Gone,
    }
}

impl<F: Future> Child<F> {
    #[inline]
    pub(crate) fn new(future: F) -> Child<F> {
        Child::Running { branch: Branch::new(future) }
    }

    /// Ready when it has ended, with a value or without.
    #[inline]
    pub(crate) fn poll(mut self: Pin<&mut Self>, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        let ChildProjection::Running { branch } = self.as_mut().project() else { return Poll::Ready(()) };
        match siblings.poll(branch, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(value)) => self.set(Child::Value { value: Some(value) }),
            Poll::Ready(Err(_)) => self.set(Child::Gone),
        }
        Poll::Ready(())
    }

    /// Its branch, unless it has ended.
    pub(crate) fn running(self: Pin<&mut Self>) -> Option<Pin<&mut dyn Running>> {
        match self.project() {
            ChildProjection::Running { branch } => Some(branch),
            _ => None,
        }
    }

    pub(crate) fn take(self: Pin<&mut Self>) -> Option<F::Output> {
        match self.project() {
            ChildProjection::Value { value } => value.take(),
            _ => None,
        }
    }
}

/// A branch, whatever it runs. See [`Branch`] for what the methods do.
pub(crate) trait Running {
    fn cancel(self: Pin<&mut Self>, reason: CancelReason);
    fn has_cleanup(self: Pin<&mut Self>) -> bool;
    fn is_cleaning_up(self: Pin<&mut Self>) -> bool;
    fn is_abandoned(self: Pin<&mut Self>) -> bool;
    fn is_fresh(self: Pin<&mut Self>) -> bool;
}

impl<F> Running for Branch<F> {
    fn cancel(self: Pin<&mut Self>, reason: CancelReason) {
        Branch::cancel(self, reason);
    }

    fn has_cleanup(self: Pin<&mut Self>) -> bool {
        Branch::has_cleanup(self)
    }

    fn is_cleaning_up(self: Pin<&mut Self>) -> bool {
        Branch::is_cleaning_up(self)
    }

    fn is_abandoned(self: Pin<&mut Self>) -> bool {
        Branch::is_abandoned(self)
    }

    fn is_fresh(self: Pin<&mut Self>) -> bool {
        Branch::is_fresh(self)
    }
}

/// Several children, by key.
///
/// As soon as one may have been polled there are only pinned `&mut` to them, also to ask: a plain reference to a future that is
/// half-way would touch what that has borrowed from itself.
pub(crate) trait Children {
    /// How many there are in the beginning, with the keys from 0.
    fn count(&self) -> usize;
    /// Ready when the child has ended, with a value or without.
    fn poll_child(self: Pin<&mut Self>, key: usize, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()>;
    /// The child's branch, unless it has ended.
    fn running(self: Pin<&mut Self>, key: usize) -> Option<Pin<&mut dyn Running>>;
    /// Drops what is there: the future or its output.
    fn remove(self: Pin<&mut Self>, key: usize);
}

/// Children that yield the same type.
pub(crate) trait Take<T>: Children {
    fn take(self: Pin<&mut Self>, key: usize) -> Option<T>;
}

/// Children all of whose outputs can be taken at once.
pub(crate) trait TakeAll: Children {
    type Outputs;
    /// Every child has yielded a value.
    fn take_all(self: Pin<&mut Self>) -> Self::Outputs;
}

/// A row of children of one type.
pub(crate) struct Row<F: Future>(pub(crate) PinnedRow<Child<F>>);

impl<F: Future> Row<F> {
    pub(crate) fn new(futures: impl IntoIterator<Item = F>) -> Row<F> {
        Row(futures.into_iter().map(|future| Some(Child::new(future))).collect())
    }
}

impl<F: Future> Children for Row<F> {
    fn count(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn poll_child(mut self: Pin<&mut Self>, key: usize, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get(key).map_or(Poll::Ready(()), |child| child.poll(siblings, cx))
    }

    fn running(self: Pin<&mut Self>, key: usize) -> Option<Pin<&mut dyn Running>> {
        self.get_mut().0.get(key)?.running()
    }

    fn remove(mut self: Pin<&mut Self>, key: usize) {
        self.0.remove(key);
    }
}

impl<F: Future> Take<F::Output> for Row<F> {
    fn take(mut self: Pin<&mut Self>, key: usize) -> Option<F::Output> {
        self.0.get(key).and_then(Child::take)
    }
}

impl<F: Future> TakeAll for Row<F> {
    type Outputs = Vec<F::Output>;

    fn take_all(mut self: Pin<&mut Self>) -> Vec<F::Output> {
        (0..self.0.len()).map(|key| self.as_mut().take(key).expect(HAS_A_VALUE)).collect()
    }
}

const HAS_A_VALUE: &str = "outputs are taken when every child has one";

/// Calls a macro with each size of tuple: name of the type, then per member its type, field and key.
macro_rules! for_each_tuple {
    ($macro:ident) => {
        $macro!(One: A a 0);
        $macro!(Two: A a 0, B b 1);
        $macro!(Three: A a 0, B b 1, C c 2);
        $macro!(Four: A a 0, B b 1, C c 2, D d 3);
        $macro!(Five: A a 0, B b 1, C c 2, D d 3, E e 4);
        $macro!(Six: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);
        $macro!(Seven: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
        $macro!(Eight: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);
        $macro!(Nine: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8);
        $macro!(Ten: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9);
        $macro!(Eleven: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10);
        $macro!(Twelve: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11);
    };
}
pub(crate) use for_each_tuple;

macro_rules! tuple {
    ($name:ident: $($type:ident $field:ident $key:literal),+) => {
        pin_project! {
            pub(crate) struct $name<$($type: Future),+> {
                $(#[pin] $field: Child<$type>,)+
            }
        }

        impl<$($type: Future),+> $name<$($type),+> {
            pub(crate) fn new(($($field,)+): ($($type,)+)) -> Self {
                $name { $($field: Child::new($field)),+ }
            }
        }

        impl<$($type: Future),+> Children for $name<$($type),+> {
            fn count(&self) -> usize {
                [$($key),+].len()
            }

            fn poll_child(
                self: Pin<&mut Self>,
                key: usize,
                siblings: &mut Siblings<'_>,
                cx: &mut Context<'_>,
            ) -> Poll<()> {
                match key {
                    $($key => self.project().$field.poll(siblings, cx),)+
                    _ => Poll::Ready(()),
                }
            }

            fn running(self: Pin<&mut Self>, key: usize) -> Option<Pin<&mut dyn Running>> {
                match key {
                    $($key => self.project().$field.running(),)+
                    _ => None,
                }
            }

            fn remove(self: Pin<&mut Self>, key: usize) {
                match key {
                    $($key => self.project().$field.set(Child::Gone),)+
                    _ => {}
                }
            }
        }

        impl<T, $($type: Future<Output = T>),+> Take<T> for $name<$($type),+> {
            fn take(self: Pin<&mut Self>, key: usize) -> Option<T> {
                match key {
                    $($key => self.project().$field.take(),)+
                    _ => None,
                }
            }
        }

        impl<$($type: Future),+> TakeAll for $name<$($type),+> {
            type Outputs = ($($type::Output,)+);

            fn take_all(self: Pin<&mut Self>) -> Self::Outputs {
                let children = self.project();
                ($(children.$field.take().expect(HAS_A_VALUE),)+)
            }
        }
    };
}
for_each_tuple!(tuple);
