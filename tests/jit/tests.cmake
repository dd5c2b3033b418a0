skep_test(jit DEPS base isa maps exec test_support LABELS concurrent)
