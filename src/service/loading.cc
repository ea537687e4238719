// SPDX-License-Identifier: Apache-2.0
#include "service/loading.h"

#include <optional>

#include "base/json_writer.h"
#include "service/call_failure.h"
#include "service/error_style.h"
#include "service/operations.h"
#include "service/page.h"

namespace nestvec {
namespace {

// /ready and its other names: what they say as ever, and how far the load is.
HttpResponse with_progress(HttpResponse response, const LoadState& load) {
  if (response.body.empty()) return response;
  response.body.clear();
  JsonObject body(response.body);
  body.text("status", "loading");
  constexpr int kDigits = 2;
  body.fixed("progress", load.share(), kDigits);
  const std::string step = load.step();
  if (!step.empty()) body.text("step", step);
  body.end();
  return response;
}

}  // namespace

void LoadState::note(std::string_view line) {
  constexpr std::size_t kLongest = 400;
  const std::lock_guard lock(mutex_);
  step_ = line.substr(0, kLongest);
}

std::string LoadState::step() const {
  const std::lock_guard lock(mutex_);
  return step_;
}

HttpResponse answer_while_loading(const HttpRequest& request, const LoadState& load,
                                  const Metrics& metrics) {
  if (auto probe = answer_probe(request.path, Readiness::kLoading)) {
    return with_progress(*std::move(probe), load);
  }
  if (request.method == "GET" || request.method == "HEAD") {
    if (is_metrics_path(request.path)) return metrics_response(metrics);
    if (auto page = answer_page(request)) return *std::move(page);
  }
  return openai_errors().render(still_loading());
}

}  // namespace nestvec
