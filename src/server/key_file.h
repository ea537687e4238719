// SPDX-License-Identifier: Apache-2.0
// Files that hold secrets: API keys, the private key of TLS.
#pragma once

#include <string>

namespace nestvec {

// Throws Error kPermissionDenied for a file that every user of the machine may write: a key of
// theirs would let them in. Returns a warning for one that every user may read, else nothing;
// nothing, too, for a file that is not there, which its reader tells.
std::string check_key_file(const std::string& path);

}  // namespace nestvec
