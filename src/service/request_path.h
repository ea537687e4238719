// SPDX-License-Identifier: Apache-2.0
// Paths as clients write them, and as routes know them.
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// "/a/b" of "a/b/" and the like; empty for "" and "/". Throws Error kInvalidArgument, which names
// server.path_prefix, for what cannot stand in front of a path.
std::string parse_path_prefix(std::string_view text);

// The path by which routes know a request: without `prefix` where it has that, with one slash for
// several and none at its end, and with one "/v1" or "/api" for two at its beginning: clients add a
// path to a base address that has it already.
std::string route_path(std::string_view path, std::string_view prefix);

}  // namespace nestvec
