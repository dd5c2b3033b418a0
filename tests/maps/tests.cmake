skep_test(maps DEPS maps test_support TIMEOUT 600 LABELS concurrent)
