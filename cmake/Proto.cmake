# SPDX-License-Identifier: Apache-2.0
# nestvec_proto: the messages and services that are served over gRPC, from proto/*.proto. Generated
# into the build folder; not ours to warn about.
set(proto_dir ${PROJECT_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${proto_dir})
add_library(nestvec_proto STATIC)
foreach(name clarifai tei)
  set(source ${PROJECT_SOURCE_DIR}/proto/${name}.proto)
  set(generated ${proto_dir}/${name}.pb.cc ${proto_dir}/${name}.grpc.pb.cc)
  add_custom_command(
    OUTPUT ${generated} ${proto_dir}/${name}.pb.h ${proto_dir}/${name}.grpc.pb.h
    COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR}/proto
      --cpp_out=${proto_dir} --grpc_out=${proto_dir}
      --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin> ${source}
    DEPENDS ${source} VERBATIM)
  set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -w)
  target_sources(nestvec_proto PRIVATE ${generated})
endforeach()
target_include_directories(nestvec_proto SYSTEM PUBLIC ${proto_dir})
target_link_libraries(nestvec_proto
  PUBLIC gRPC::grpc++ protobuf::libprotobuf
  PRIVATE $<BUILD_INTERFACE:nestvec_options>)
