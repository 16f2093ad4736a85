//! Programs that must not compile.

#[cfg(not(miri))]
#[test]
fn fault_06_and_07_programs_that_would_be_unsound_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[cfg(not(miri))]
#[test]
fn met_c7_what_is_refused_says_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/words/*.rs");
}
