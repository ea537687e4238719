// SPDX-License-Identifier: Apache-2.0
#include "dialects/plain_errors.h"

#include "base/json_writer.h"

namespace nestvec {
namespace {

class PlainErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    HttpResponse response;
    response.status = http_status(error);
    JsonObject members(response.body);
    members.text("error", error.what());
    members.end();
    add_retry_after(error, response);
    return response;
  }
};

}  // namespace

const ErrorStyle& plain_errors() {
  static const PlainErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
