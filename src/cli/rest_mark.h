// SPDX-License-Identifier: Apache-2.0
// The mark inside footers of the help.
#pragma once

namespace nestvec {

// Parts a footer: what stands before it is on the first screen, the rest is for --help-all.
inline constexpr char kRest = '\f';

}  // namespace nestvec
