// SPDX-License-Identifier: Apache-2.0
// What systemd wants to know of a service of Type=notify.
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// Sends "READY=1" and the like to `socket`, the value of $NOTIFY_SOCKET: a path, or "@NAME" in the
// abstract namespace. An empty one, and a failure, do nothing: the service works without. Does not
// block.
void notify_systemd(const std::string& socket, std::string_view state);

}  // namespace nestvec
