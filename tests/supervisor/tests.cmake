skep_test(supervisor DEPS supervisor syscall attach objects TIMEOUT 120)
