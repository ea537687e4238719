// SPDX-License-Identifier: Apache-2.0
// What is said of a path that leads nowhere.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nestvec {

struct Route;

// One line: that `path` is no route, what it would take where other kinds of models answer it
// ("/v1/rerank", "/api/chat"), else the nearest of `routes`, and what this server is. Takes a time
// that does not grow with the path.
std::string no_route_message(std::string_view method, std::string_view path,
                             std::span<const Route> routes);

}  // namespace nestvec
