skep_test(verifier DEPS verifier test_support TIMEOUT 1800)
