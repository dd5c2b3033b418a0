skep_test(helpers DEPS helpers test_support TIMEOUT 600)
