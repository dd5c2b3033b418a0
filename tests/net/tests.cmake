skep_test(net DEPS net)
