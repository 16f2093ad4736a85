//! Programs that must not compile.

#[cfg(not(miri))]
#[test]
fn fault_06_and_07_programs_that_would_be_unsound_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
