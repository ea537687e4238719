// SPDX-License-Identifier: Apache-2.0
#include "support/folders.h"

namespace nestvec {

std::string test_data() { return NESTVEC_TEST_DATA; }
std::string test_cases() { return NESTVEC_TEST_CASES; }
std::string test_build() { return NESTVEC_TEST_BUILD; }

}  // namespace nestvec
