// SPDX-License-Identifier: Apache-2.0
// Threads that the system may refuse.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

namespace nestvec {

// Starts `body` on a thread. `what` names it in the error: "the timer", "request thread 3 of 8".
// Throws Error kResourceExhausted where the system has no thread left, with the limits to look at.
std::thread start_thread(std::string_view what, std::function<void()> body);

}  // namespace nestvec
