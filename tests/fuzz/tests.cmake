# One libFuzzer binary per fuzz_<name>.cpp; built by the preset `fuzz` only (clang).
if(SKEP_FUZZ)
  function(skep_fuzz name)
    cmake_parse_arguments(F "" "" "DEPS" ${ARGN})
    list(TRANSFORM F_DEPS PREPEND skep_)
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.cpp)
    target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(fuzz_${name} PRIVATE skep_options ${F_DEPS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endfunction()

  skep_fuzz(btf DEPS btf)
  skep_fuzz(verifier DEPS verifier)
endif()
