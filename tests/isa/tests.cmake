skep_test(isa DEPS isa test_support)
