// SPDX-License-Identifier: Apache-2.0
#include "service/admin.h"

#include <utility>

namespace nestvec {
namespace {

void change_models(Exchange exchange) {
  const auto& change = exchange.service.change_models;
  if (!change) {
    throw Error(ErrorCode::kPermissionDenied,
                "this server keeps its models: server.admin (--admin) lets requests change them");
  }
  change(std::move(exchange));
}

}  // namespace

std::vector<Route> admin_routes(const Service&) {
  return {{"POST", "/admin/models", change_models, &openai_errors()}};
}

}  // namespace nestvec
