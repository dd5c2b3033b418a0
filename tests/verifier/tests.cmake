skep_test(verifier DEPS verifier test_support TIMEOUT 1800)

# The C programs need the release binary; without one the test says so and is skipped.
add_test(NAME verifier_programs
         COMMAND ${CMAKE_SOURCE_DIR}/tests/verifier/programs/run.sh ${CMAKE_SOURCE_DIR}/build/release/bin/skep
                 ${CMAKE_BINARY_DIR}/verifier_programs)
set_tests_properties(verifier_programs PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
