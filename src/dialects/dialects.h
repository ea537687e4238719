// SPDX-License-Identifier: Apache-2.0
// Every route that there is.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// The routes of all dialects. `service` outlives them.
std::vector<Route> all_routes(const Service& service);

}  // namespace nestvec
