// SPDX-License-Identifier: Apache-2.0
// Manual pages in roff.
#pragma once

#include <string>
#include <vector>

#include "cli/described.h"

namespace nestvec {

// "nestvec-embed", the name of the page of a command; "nestvec" for the program.
std::string man_page_name(const DescribedCommand& command);

// The page of `commands[which]`; the first is the program, whose page lists the others.
std::string man_page(const std::vector<DescribedCommand>& commands, std::size_t which);

}  // namespace nestvec
