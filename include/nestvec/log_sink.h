// SPDX-License-Identifier: Apache-2.0
// Where lines for people go.
#pragma once

#include <functional>
#include <string_view>

namespace nestvec {

// Progress and notes of a load, one finished line each, for a log or a terminal. Called on the
// loading thread.
using LogSink = std::function<void(std::string_view line)>;

}  // namespace nestvec
