// SPDX-License-Identifier: Apache-2.0
// Clarifai's REST API: the methods of Clarifai as JSON over HTTP.
#pragma once

#include <optional>
#include <vector>

#include "dialects/clarifai/clarifai.h"
#include "service/router.h"

namespace nestvec {

// Safe for concurrent use.
class ClarifaiRest {
 public:
  // `clarifai` outlives it and its routes.
  explicit ClarifaiRest(const Clarifai& clarifai) : clarifai_(clarifai) {}

  // Everything below /v2/users, /v2/models, /v2/status_codes and /v2/auth.
  std::vector<Route> routes() const;

  // The same without a router, for the time before there is a model: what it is called is told,
  // predictions are refused with 503. nullopt for other requests.
  std::optional<HttpResponse> answer_while_loading(const HttpRequest& request,
                                                   const KeyStore& keys) const;

 private:
  const Clarifai& clarifai_;
};

}  // namespace nestvec
