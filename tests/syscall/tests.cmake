skep_test(syscall DEPS syscall test_support TIMEOUT 300)
