//! Children that live in place, inside the future that polls them.

mod family;
mod roll;
mod rows;
mod children;
mod child;
mod cut;

pub(crate) use child::{Child, Running};
pub(crate) use children::{Children, Take, TakeAll};
pub(crate) use family::Family;
pub(crate) use roll::Roll;
pub(crate) use rows::*;
