skep_test(btf DEPS btf test_support TIMEOUT 120)
