//! The two ways to keep children in place: a row of equal ones, a tuple of different ones.

use super::{
    child::{Child, Running},
    children::{Born, Children, Take, TakeAll},
};
use evenkeel_executor::combinator::{PinnedRow, Siblings};
use pin_project_lite::pin_project;
use std::{
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

/// A row of children of one type.
pub(crate) struct Row<F: Future>(pub(crate) PinnedRow<Child<F>>);

impl<F: Future> Row<F> {
    #[inline]
    pub(crate) fn new(futures: impl IntoIterator<Item = F>) -> Row<F> {
        Row(futures.into_iter().map(|future| Some(Child::new(future))).collect())
    }
}

impl<F: Future> Born for Row<F> {
    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<F: Future> Children for Row<F> {
    type Keys = Range<usize>;

    fn keys(self: Pin<&mut Self>, end: usize) -> Range<usize> {
        0..end
    }

    #[inline]
    fn poll_child(mut self: Pin<&mut Self>, key: usize, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get(key).map_or(Poll::Ready(()), |child| child.poll(siblings, cx))
    }

    fn ask<R>(mut self: Pin<&mut Self>, key: usize, ask: impl FnOnce(Pin<&mut dyn Running>) -> R) -> Option<R> {
        self.0.get(key)?.ask(ask)
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

        impl<$($type: Future),+> Born for $name<$($type),+> {
            fn count(&self) -> usize {
                [$($key),+].len()
            }
        }

        impl<$($type: Future),+> Children for $name<$($type),+> {
            type Keys = Range<usize>;

            fn keys(self: Pin<&mut Self>, end: usize) -> Range<usize> {
                0..end
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

            fn ask<R>(
                self: Pin<&mut Self>,
                key: usize,
                ask: impl FnOnce(Pin<&mut dyn Running>) -> R,
            ) -> Option<R> {
                match key {
                    $($key => self.project().$field.ask(ask),)+
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
