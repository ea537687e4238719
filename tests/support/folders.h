// SPDX-License-Identifier: Apache-2.0
// Where tests find what they read, and where they may write. Functions, so that only one object of
// a build knows where the clone lies, and clones share the others in the compiler's cache.
#pragma once

#include <string>

namespace nestvec {

std::string test_data();   // tests/data
std::string test_cases();  // tests/cases
std::string test_build();  // a folder of the build

}  // namespace nestvec
