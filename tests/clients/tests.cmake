# Unmodified clients, each run natively (where bpf(2) is permitted) and under `skep run`: same output.
find_program(CLANG_BPF NAMES clang-19 clang REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
set(clients_dir ${CMAKE_CURRENT_SOURCE_DIR}/clients)
set(clients_out ${CMAKE_CURRENT_BINARY_DIR}/clients)
file(MAKE_DIRECTORY ${clients_out})

add_custom_command(OUTPUT ${clients_out}/counter.skel.h
  COMMAND ${CLANG_BPF} -g -O2 -target bpf -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
          -c ${clients_dir}/counter.bpf.c -o ${clients_out}/counter.bpf.o
  COMMAND ${BPFTOOL} gen skeleton ${clients_out}/counter.bpf.o name counter_bpf > ${clients_out}/counter.skel.h
  DEPENDS ${clients_dir}/counter.bpf.c)
add_custom_target(client_skeleton_header DEPENDS ${clients_out}/counter.skel.h)

# skep_client(name SOURCE file LIBS library... OPTIONS link option...)
function(skep_client name)
  cmake_parse_arguments(C "" "SOURCE" "LIBS;OPTIONS" ${ARGN})
  add_executable(client_${name} ${clients_dir}/${C_SOURCE})
  add_dependencies(client_${name} client_skeleton_header)
  target_include_directories(client_${name} PRIVATE ${clients_out})
  target_compile_definitions(client_${name} PRIVATE _GNU_SOURCE)
  target_compile_options(client_${name} PRIVATE -Wall)
  target_link_libraries(client_${name} PRIVATE ${C_LIBS})
  target_link_options(client_${name} PRIVATE ${C_OPTIONS})
  set_target_properties(client_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${clients_out} OUTPUT_NAME ${name})
endfunction()

skep_client(skeleton SOURCE skeleton.c LIBS bpf)
skep_client(skeleton_static SOURCE skeleton.c LIBS bpf elf z OPTIONS -static)
skep_client(ring SOURCE ring.c LIBS bpf)
skep_client(raw SOURCE raw.c)
skep_client(storm SOURCE storm.c)
skep_client(bind_race SOURCE bind_race.c LIBS Threads::Threads)
skep_client(orphan SOURCE orphan.c)
skep_client(hostile SOURCE hostile.c)
skep_client(sockets SOURCE sockets.c LIBS Threads::Threads)

foreach(files mounts paths)
  foreach(client skeleton skeleton_static ring raw)
    add_test(NAME client_${client}_${files}
             COMMAND ${clients_dir}/same.sh $<TARGET_FILE:skep> ${files} $<TARGET_FILE:client_${client}>)
  endforeach()
  foreach(script storm orphan bind_race sockets hostile)
    add_test(NAME ${script}_${files} COMMAND ${clients_dir}/${script}.sh $<TARGET_FILE:skep> ${files} ${clients_out})
  endforeach()
  foreach(test client_skeleton client_skeleton_static client_ring client_raw storm orphan bind_race sockets hostile)
    set_tests_properties(${test}_${files} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
  endforeach()
endforeach()
