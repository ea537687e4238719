// SPDX-License-Identifier: Apache-2.0
// The destination of messages for people.
#pragma once

#include <functional>
#include <string_view>

namespace nestvec {

// Takes the messages of a load, one line per call without a line end, for a log or a terminal.
// Called on the loading thread.
using LogSink = std::function<void(std::string_view line)>;

}  // namespace nestvec
