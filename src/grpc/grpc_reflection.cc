// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <deque>
#include <set>

#include "base/excerpt.h"
#include "reflection.pb.h"
#include "reflection_v1alpha.pb.h"

namespace nestvec {
namespace {

namespace pb = google::protobuf;

const pb::DescriptorPool& pool() { return *pb::DescriptorPool::generated_pool(); }

template <typename Response>
void not_found(const std::string& what, Response* response) {
  auto* const error = response->mutable_error_response();
  error->set_error_code(static_cast<int>(ErrorCode::kNotFound));
  error->set_error_message("there is no " + excerpt(what) + " here");
}

// A file, and behind it those that it needs.
template <typename Response>
void write_file(const pb::FileDescriptor* file, const std::string& asked, Response* response) {
  if (file == nullptr) return not_found(asked, response);
  std::set<const pb::FileDescriptor*> seen{file};
  std::deque<const pb::FileDescriptor*> next{file};
  while (!next.empty()) {
    const pb::FileDescriptor* const one = next.front();
    next.pop_front();
    pb::FileDescriptorProto written;
    one->CopyTo(&written);
    response->mutable_file_descriptor_response()->add_file_descriptor_proto(
        written.SerializeAsString());
    for (int i = 0; i < one->dependency_count(); ++i) {
      if (seen.insert(one->dependency(i)).second) next.push_back(one->dependency(i));
    }
  }
}

const pb::FileDescriptor* file_of_extension(const std::string& type, int number) {
  const pb::Descriptor* const message = pool().FindMessageTypeByName(type);
  if (message == nullptr) return nullptr;
  const pb::FieldDescriptor* const field = pool().FindExtensionByNumber(message, number);
  return field == nullptr ? nullptr : field->file();
}

template <typename Response>
void write_extensions(const std::string& type, Response* response) {
  const pb::Descriptor* const message = pool().FindMessageTypeByName(type);
  if (message == nullptr) return not_found(type, response);
  auto* const numbers = response->mutable_all_extension_numbers_response();
  numbers->set_base_type_name(type);
  std::vector<const pb::FieldDescriptor*> fields;
  pool().FindAllExtensions(message, &fields);
  for (const pb::FieldDescriptor* field : fields) numbers->add_extension_number(field->number());
}

template <typename Request, typename Response>
void reflect(const std::vector<std::string>& services, const Request& request, Response* response) {
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      return write_file(pool().FindFileByName(request.file_by_filename()),
                        request.file_by_filename(), response);
    case Request::kFileContainingSymbol:
      return write_file(pool().FindFileContainingSymbol(request.file_containing_symbol()),
                        request.file_containing_symbol(), response);
    case Request::kFileContainingExtension: {
      const auto& asked = request.file_containing_extension();
      return write_file(file_of_extension(asked.containing_type(), asked.extension_number()),
                        asked.containing_type(), response);
    }
    case Request::kAllExtensionNumbersOfType:
      return write_extensions(request.all_extension_numbers_of_type(), response);
    case Request::kListServices:
      for (const std::string& name : services) {
        response->mutable_list_services_response()->add_service()->set_name(name);
      }
      return;
    default:
      response->mutable_error_response()->set_error_code(
          static_cast<int>(ErrorCode::kInvalidArgument));
      response->mutable_error_response()->set_error_message("the request is empty");
  }
}

template <typename Request, typename Response>
GrpcRoute make_route(const std::vector<std::string>& services) {
  GrpcRoute route = grpc_stream_route<Request, Response>(
      "/" + Request::descriptor()->file()->package() + ".ServerReflection/ServerReflectionInfo",
      [services](const GrpcCall&, const Request& request, Response* response,
                 const GrpcDone& done) {
        reflect(services, request, response);
        done({});
      },
      [](const Request& request) {
        constexpr std::size_t kLargestFile = std::size_t{64} << 10;
        return request.ByteSizeLong() + kLargestFile;
      });
  route.open = true;
  route.has_model = false;
  return route;
}

}  // namespace

GrpcRoutes make_reflection_routes(const std::vector<std::string>& services) {
  namespace alpha = grpc::reflection::v1alpha;
  namespace v1 = grpc::reflection::v1;
  GrpcRoutes routes;
  routes.push_back(make_route<v1::ServerReflectionRequest, v1::ServerReflectionResponse>(services));
  routes.push_back(
      make_route<alpha::ServerReflectionRequest, alpha::ServerReflectionResponse>(services));
  return routes;
}

}  // namespace nestvec
