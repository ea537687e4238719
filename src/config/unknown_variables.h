// SPDX-License-Identifier: Apache-2.0
// Environment variables that look like settings and are none.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"

namespace nestvec {

// A warning for each variable of `names` that begins with NESTVEC_, is not read, and is near to one
// that is: "NESTVEC_PRECISON is not a setting and is ignored; did you mean NESTVEC_PRECISION?".
// Names that are near to nothing belong to somebody else; so do the variables that Kubernetes sets
// for a service called nestvec.
std::vector<std::string> unknown_variables(const std::vector<std::string>& names,
                                           const Environment& environment);

}  // namespace nestvec
