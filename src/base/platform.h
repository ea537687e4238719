// SPDX-License-Identifier: Apache-2.0
// What Linux and macOS have under different names.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nestvec {

// When the contents of a file were last changed, in nanoseconds since 1970.
std::int64_t modified_ns(const struct stat& status);

// The variables of this process: "NAME=value", the last a nullptr.
char** environment_block();

// The numbers of the CPUs that this process may run on; none where the system does not say.
std::vector<std::size_t> allowed_cpus();

// rename(2), by these two where something is called `to`: the first fails with EEXIST, the second
// gives each the other's name. 0 or the error's number; EINVAL, ENOSYS or ENOTSUP where the file
// system has no such thing.
int rename_new(const std::string& from, const std::string& to);
int rename_exchanging(const std::string& from, const std::string& to);

}  // namespace nestvec
