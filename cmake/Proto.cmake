# SPDX-License-Identifier: Apache-2.0
# nestvec_proto: the messages that are served over gRPC, from proto/*.proto. Generated into the
# build folder; not ours to warn about.
set(proto_dir ${PROJECT_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${proto_dir})
add_library(nestvec_proto STATIC)
foreach(name clarifai health reflection reflection_v1alpha tei)
  set(source ${PROJECT_SOURCE_DIR}/proto/${name}.proto)
  set(generated ${proto_dir}/${name}.pb.cc)
  add_custom_command(
    OUTPUT ${generated} ${proto_dir}/${name}.pb.h
    COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR}/proto --cpp_out=${proto_dir}
      ${source}
    DEPENDS ${source} VERBATIM)
  set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -w)
  target_sources(nestvec_proto PRIVATE ${generated})
endforeach()
target_include_directories(nestvec_proto SYSTEM PUBLIC ${proto_dir})
target_link_libraries(nestvec_proto
  PUBLIC protobuf::libprotobuf
  PRIVATE $<BUILD_INTERFACE:nestvec_options>)
