skep_test(exec DEPS exec test_support TIMEOUT 900)
