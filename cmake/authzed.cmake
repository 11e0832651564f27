# authzed_proto: client code for the few messages in src/policy/spicedb/check_permission.proto, generated into the build
# folder by Debian's protoc and gRPC plugin: #include <authzed/check_permission.grpc.pb.h>. Generated code is not held to
# our warnings.
find_package(Protobuf REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
foreach(library grpc++ grpc gpr absl_synchronization)  # gRPC's headers use absl's Mutex
  find_library(${library}_LIBRARY ${library} REQUIRED)
endforeach()

function(sluice_authzed)
  set(from ${CMAKE_SOURCE_DIR}/src/policy/spicedb)
  set(root ${CMAKE_BINARY_DIR}/generated)
  set(to ${root}/authzed)
  set(made ${to}/check_permission.pb.cc ${to}/check_permission.grpc.pb.cc)
  set(made_headers ${to}/check_permission.pb.h ${to}/check_permission.grpc.pb.h)
  file(MAKE_DIRECTORY ${to})
  add_custom_command(
    OUTPUT ${made} ${made_headers}
    COMMAND ${Protobuf_PROTOC_EXECUTABLE} -I ${from} --cpp_out=${to} --grpc_out=${to}
            --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${from}/check_permission.proto
    DEPENDS ${from}/check_permission.proto
    COMMENT "protoc check_permission.proto"
    VERBATIM)
  add_library(authzed_proto STATIC ${made} ${made_headers})
  target_compile_options(authzed_proto PRIVATE -w)
  target_include_directories(authzed_proto SYSTEM PUBLIC ${root})
  target_link_libraries(authzed_proto PUBLIC ${grpc++_LIBRARY} ${grpc_LIBRARY} ${gpr_LIBRARY} ${absl_synchronization_LIBRARY}
                        protobuf::libprotobuf-lite)
endfunction()
sluice_authzed()

# For tests in which gRPC runs threads.
if(SLUICE_SANITIZE STREQUAL "thread")
  set(SLUICE_GRPC_TEST_PROPERTIES ENVIRONMENT
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan-grpc-suppressions.txt")
endif()
