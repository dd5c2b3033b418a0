# What tests of several layers share. Link it as the dependency `test_support`.
add_library(skep_test_support STATIC ${CMAKE_CURRENT_LIST_DIR}/live_kernel.cpp)
target_include_directories(skep_test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(skep_test_support PUBLIC skep_options skep_base skep_abi skep_isa fmt::fmt)
