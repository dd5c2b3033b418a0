skep_test(progtypes DEPS progtypes test_support TIMEOUT 600)
