// SPDX-License-Identifier: Apache-2.0
// The route by which models come and go.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// POST /admin/models: Service::change_models answers it; where there is none, 403.
std::vector<Route> admin_routes(const Service& service);

}  // namespace nestvec
