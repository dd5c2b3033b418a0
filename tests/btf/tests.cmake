skep_test(btf DEPS btf TIMEOUT 120)
