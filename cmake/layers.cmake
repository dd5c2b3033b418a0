# The two ways to make a target: a layer (static library under src/) and its unit tests (under tests/).

add_library(skep_options INTERFACE)
target_compile_options(skep_options INTERFACE -Wall -Wextra -Werror
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-missing-field-initializers>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-missing-field-initializers -Wno-missing-designated-field-initializers>)
target_include_directories(skep_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(skep_options INTERFACE _GNU_SOURCE)
if(SKEP_SANITIZE)
  target_compile_options(skep_options INTERFACE -fsanitize=${SKEP_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(skep_options INTERFACE -fsanitize=${SKEP_SANITIZE})
endif()

# skep_layer(name DEPS layer... LIBS library...): every *.cpp below the current folder but main.cpp.
function(skep_layer name)
  cmake_parse_arguments(L "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  list(TRANSFORM L_DEPS PREPEND skep_)
  if(sources)
    add_library(skep_${name} STATIC ${sources})
    target_link_libraries(skep_${name} PUBLIC skep_options ${L_DEPS} ${L_LIBS})
  else()
    add_library(skep_${name} INTERFACE)
    target_link_libraries(skep_${name} INTERFACE skep_options ${L_DEPS} ${L_LIBS})
  endif()
endfunction()

# skep_test(name DEPS layer... LIBS library... LABELS label...): tests/<name>/*.cpp as one GoogleTest binary
# test_<name>. The label `concurrent` makes it part of what is built and run under ThreadSanitizer.
function(skep_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "DEPS;LIBS;LABELS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  list(TRANSFORM T_DEPS PREPEND skep_)
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(test_${name} PRIVATE skep_options ${T_DEPS} ${T_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE SKEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             SKEP_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
  if(T_TIMEOUT)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT})
  endif()
  if(T_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}")
  endif()
  if("concurrent" IN_LIST T_LABELS)
    add_dependencies(concurrent_tests test_${name})
  endif()
endfunction()
