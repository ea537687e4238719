// SPDX-License-Identifier: Apache-2.0
// What people open in a browser: the page, the API's description and the page that shows it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/server_config.h"
#include "nestvec/model.h"
#include "service/router.h"

namespace nestvec {

// GET "/" and the files that it loads, "/docs", "/openapi.json" and its second address
// "/api-doc/openapi.json". All open, with an ETag; nothing comes from elsewhere and nothing else
// may be loaded (Content-Security-Policy). The answers are made here, once, since the model must be
// loaded; the description again when another model has become the default.
std::vector<Route> page_routes(const Service& service);

// The same for the pages and the files that they load while there is no model: the pages wait for
// it and say how far it is. nullopt for other paths, openapi.json's too, which describes the model.
std::optional<HttpResponse> answer_page(const HttpRequest& request);

// Whether a request is for a file that a page loads.
bool is_page_file(const HttpRequest& request);

// openapi.json for this server: with the model's dimensions, tasks and vocabulary, the limits of
// the options, and security where keys are asked for. Throws Error kInternal for a placeholder
// without a value.
std::string openapi_document(const ModelInfo& model, const ServerOptions& options,
                             std::string_view version);

}  // namespace nestvec
