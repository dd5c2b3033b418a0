skep_test(abi DEPS abi btf test_support)
