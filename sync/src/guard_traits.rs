//! What all guards are alike in: they lead to their value, and show it as it is.

/// `guard_traits!([generics] Guard<…> => Value)`, and `… => mut Value` if it may be written. The guard's only field leads there.
macro_rules! guard_traits {
    ([$($generics:tt)*] $guard:ty => mut $value:ident) => {
        guard_traits!([$($generics)*] $guard => $value);

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $value {
                &mut self.0
            }
        }
    };
    ([$($generics:tt)*] $guard:ty => $value:ident) => {
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $value;

            #[inline]
            fn deref(&self) -> &$value {
                &self.0
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $value: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $value: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

pub(crate) use guard_traits;
