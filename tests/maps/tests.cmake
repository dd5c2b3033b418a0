skep_test(maps DEPS maps test_support TIMEOUT 300)
