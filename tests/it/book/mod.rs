//! The book, the README and the examples.

/// Pages show only code that is compiled and output that was printed.
mod pages;
/// Examples that others talk to: an HTTP server, a JavaScript host.
mod examples;
/// Examples with sockets: an echo server, a proxy, a host's epoll loop.
mod sockets;
/// Examples that run while a test talks to them.
mod running;
/// The small programs print what their Python originals print.
mod originals;
/// Every number in a test's name stands in the book, and every rule there has a test.
mod rules;
/// What the pages name exists.
mod names;
/// The names of the facade stand where a list says, and examples use no others.
mod public_names;
/// Who comes from elsewhere finds each word that he knows, and what it is here.
mod from_elsewhere;
