skep_test(attach DEPS attach test_support)
