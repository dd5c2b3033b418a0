skep_test(base DEPS base LABELS concurrent)
